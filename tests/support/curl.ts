/** curl as a client: a peer with its own idea of HTTP. */

import { type RunResult, run, type StartOptions } from './process.ts';

export interface CurlResult extends RunResult {
  /** Of the last answer. */
  readonly status: number;
  /** The last answer's header values, by lower-case name. */
  readonly headers: ReadonlyMap<string, string[]>;
  readonly body: string;
}

/** Runs curl with `args` and splits what it prints into heads and body. `-i` and `-sS` are added. */
export async function curl(args: readonly string[], options: StartOptions = {}): Promise<CurlResult> {
  const result = await run(['curl', '-sS', '-i', '--max-time', '25', ...args], options);
  let rest = result.stdout;
  let head = '';
  // Interim answers and redirects each print a head; the last one is the one that counts.
  while (/^HTTP\/[\d.]+ \d{3}/.test(rest)) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    head = rest.slice(0, end);
    rest = rest.slice(end + 4);
    if (!/^HTTP\/[\d.]+ (1\d\d|3\d\d)/.test(head)) break;
  }
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return { ...result, status: Number(statusLine.split(' ')[1] ?? 0), headers, body: rest };
}
