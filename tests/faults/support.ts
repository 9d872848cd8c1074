/** Things that break on purpose: backends that can be killed, ugate with little of something, and what its process holds. */

import { readdirSync, readFileSync } from 'node:fs';
import { ROOT } from '../support/paths.ts';
import { type StartedProcess, startProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Rights, ugateCommand } from '../support/ugate.ts';
import { sleep, waitFor } from '../support/wait.ts';

export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
}

/** How many descriptors a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The code of an answer of ugate's own; `ok` for any 200. */
export async function outcome(client: RawClient, request = GET, milliseconds = 15_000): Promise<string> {
  const response = await client.request(request, { milliseconds });
  return response.status === 200 ? 'ok' : `${response.status} ${/: ([a-z-]+)\n$/.exec(response.text())?.[1] ?? 'no code'}`;
}

/** How often each came. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const each of outcomes) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}

export interface Limited {
  readonly process: StartedProcess;
  readonly pid: number;
  readonly port: number;
  connect(): Promise<RawClient>;
  logged(pattern: RegExp, milliseconds?: number): Promise<unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** ugate in a process of its own, after some words of shell: `ulimit -n 256`. */
export async function startLimited(
  shell: string,
  args: readonly string[],
  env: Record<string, string> = {},
  rights: Rights = 'router',
): Promise<Limited> {
  const command = ['sh', '-c', `${shell}; exec "$@"`, 'sh', ...ugateCommand(undefined, rights), '--http', '127.0.0.1:0', ...args];
  const started = startProcess(command, { cwd: ROOT, env, lifetime: 60_000 });
  try {
    const [, port] = await started.said(/listening on 127\.0\.0\.1:(\d+)/, 15_000);
    return {
      process: started,
      pid: started.pid,
      port: Number(port),
      connect: () => RawClient.connect({ port: Number(port) }),
      logged: (pattern, milliseconds = 5000) => started.said(pattern, milliseconds),
      [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
    };
  } catch (error) {
    await started.stop('SIGKILL');
    throw error;
  }
}

/** How many descriptors the process has when nothing is to be done: idle, it has one more by which it is woken. */
export async function restingFiles(pid: number): Promise<number> {
  // Nothing tells that it is idle, and it may be held up on the way there.
  await sleep(700);
  return openFiles(pid);
}

/** Waits until a process holds at most `most` descriptors. */
export function untilFiles(pid: number, most: number): Promise<unknown> {
  return waitFor(`at most ${most} descriptors, not ${openFiles(pid)}`, () => openFiles(pid) <= most, 10_000);
}
