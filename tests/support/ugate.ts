/**
 * Starts the ugate under test: on one of the runtimes, as the compiled binary, or in its place real uWSGI's own
 * router, which the black-box suite is proven against. `UGATE_UNDER_TEST` says which.
 */

import { connect } from 'node:net';
import { join } from 'node:path';
import { findTool, freePort, ROOT } from './paths.ts';
import { type StartedProcess, type StartOptions, startProcess } from './process.ts';
import type { Target } from './raw-client.ts';
import { waitFor } from './wait.ts';

/** `uwsgi` is the reference: the router that ugate takes the place of. */
export type UnderTest = 'bun' | 'deno' | 'node' | 'binary' | 'uwsgi';

const UNDER_TEST: readonly UnderTest[] = ['bun', 'deno', 'node', 'binary', 'uwsgi'];

/** What this run is about: `UGATE_UNDER_TEST`, or else the runtime that executes the test. */
export function underTest(): UnderTest {
  const named = process.env.UGATE_UNDER_TEST;
  if (named === undefined) return process.versions.bun ? 'bun' : process.versions.deno ? 'deno' : 'node';
  const found = UNDER_TEST.find((name) => name === named);
  if (found === undefined) throw new Error(`UGATE_UNDER_TEST is "${named}"; it is one of ${UNDER_TEST.join(', ')}`);
  return found;
}

/** What ugate does by itself and uWSGI does when it is told to. */
const REFERENCE_DEFAULTS = ['--http-keepalive=1', '--http-auto-chunked', '--http-chunked-input', '--http-manage-expect', '--buffer-size', '65535'];

/** What Deno lets ugate do: what deno.json grants a router, or all, as apps need. */
export type Rights = 'router' | 'all';

/** The words that start ugate, to which its options are added. */
export function ugateCommand(under: UnderTest = underTest(), rights: Rights = 'router'): string[] {
  if (under === 'binary') return [process.env.UGATE_BINARY ?? join(ROOT, 'dist/ugate')];
  if (under === 'uwsgi') return ['uwsgi', '--plugins', 'http', '--die-on-term', '--master', ...REFERENCE_DEFAULTS];
  const tool = findTool(under);
  if (tool === null) throw new Error(`${under} is not in node_modules/.bin nor on the PATH; run npm install`);
  const entry = process.env.UGATE_ENTRY ?? join(ROOT, 'mod.ts');
  if (under === 'deno') return [tool, 'run', rights === 'all' ? '-A' : '-P', entry];
  return [tool, entry];
}

export interface Ugate {
  readonly process: StartedProcess;
  readonly pid: number;
  /** Of the first TCP listener; 0 when all are unix sockets. */
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Where raw clients connect: the first listener. */
  readonly target: Target;
  /** Every listener in the order told, such as `127.0.0.1:41234` or `/tmp/x.sock`. */
  readonly listeners: readonly string[];
  /** What it said on standard error so far. */
  readonly stderr: string;
  readonly stderrLines: string[];
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface UgateOptions extends StartOptions {
  under?: UnderTest;
  /** Default `router`. */
  rights?: Rights;
  /** How many listeners are announced before it counts as ready. Default: one per `--http`, `--http-socket` and the like in the arguments, at least one. */
  listeners?: number;
}

/**
 * Starts ugate and waits until it listens. `--http 127.0.0.1:0` is added when the arguments name no listener
 * of their own (`--http`, `--http-socket`, `--ini` and the like).
 */
export async function startUgate(args: readonly string[], options: UgateOptions = {}): Promise<Ugate> {
  const under = options.under ?? underTest();
  const own = args.some(
    (arg) =>
      /^--(http|https|https2|http-socket|http11-socket|socket|uwsgi-socket|ini|yaml|yml|json|toml|config)(=|$)/.test(arg) ||
      /\.(ini|ya?ml|json|toml)$/.test(arg),
  );
  const full = own ? [...args] : ['--http', '127.0.0.1:0', ...args];
  if (under === 'uwsgi') return startReference(full, options);
  const started = startProcess([...ugateCommand(under, options.rights), ...full], { cwd: ROOT, lifetime: 120_000, ...options });
  const wanted =
    options.listeners ?? Math.max(1, full.filter((arg) => /^--(https?|http-socket|http11-socket|socket|uwsgi-socket)(=|$)/.test(arg)).length);
  try {
    await started.said(new RegExp(`(?:listening on [^\\s]+[\\s\\S]*){${wanted}}`), 30_000);
  } catch (error) {
    await started.stop('SIGKILL');
    throw error;
  }
  const listeners = [...started.stderr.matchAll(/listening on ([^\s,"']+)/g)].map((match) => match[1] ?? '');
  return makeUgate(started, listeners);
}

/** Real uWSGI says no port and has no port 0, so it is given one and asked until it answers. */
async function startReference(args: readonly string[], options: UgateOptions): Promise<Ugate> {
  const listeners: string[] = [];
  const full = [...args];
  for (const [index, word] of full.entries()) {
    if (full[index - 1] !== '--http') continue;
    if (word.endsWith(':0')) full[index] = `127.0.0.1:${await freePort()}`;
    listeners.push(full[index] ?? '');
  }
  const started = startProcess([...ugateCommand('uwsgi'), ...full], { cwd: ROOT, lifetime: 120_000, ...options });
  const first = listeners[0] ?? '';
  const target = first.includes(':') ? { port: Number(first.split(':').at(-1)), host: '127.0.0.1' } : { path: first };
  await waitFor('uwsgi to listen', () => (started.running ? canConnect(target) : Promise.reject(new Error(`uwsgi ended:\n${started.stderr}`))));
  return makeUgate(started, listeners);
}

function canConnect(target: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', ...target });
    const done = (here: boolean): void => {
      socket.destroy();
      resolve(here);
    };
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
  });
}

function makeUgate(started: StartedProcess, listeners: readonly string[]): Ugate {
  const first = listeners[0] ?? '';
  const port = Number(/:(\d+)$/.exec(listeners.find((listener) => /:\d+$/.test(listener)) ?? '')?.[1] ?? 0);
  return {
    process: started,
    pid: started.pid,
    port,
    url: `http://127.0.0.1:${port}`,
    target: /:\d+$/.test(first) ? { port: Number(first.split(':').at(-1)) } : { path: first },
    listeners,
    get stderr() {
      return started.stderr;
    },
    get stderrLines() {
      return started.stderrLines;
    },
    stop: (signal) => started.stop(signal),
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  };
}
