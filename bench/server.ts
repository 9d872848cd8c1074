/** A server that is measured: started, waited for, its CPU time and memory read for the whole process tree, ended. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { askOnce } from './load.ts';

export interface Running {
  readonly port: number;
  /** User and system CPU time of the process and its children so far, in µs; that of children which ended and were waited for included. */
  cpu(): number;
  /** Resident memory of the process and its children, in bytes. */
  rss(): number;
  /** Ends all of the tree. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Cores for all of the tree, as taskset has them; the first by default. */
  readonly cores?: string;
  readonly cwd?: string;
  /** What its environment has besides this one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its stderr goes, for the error message; nowhere by default. */
  readonly log?: string;
}

/** ms */
const START_LIMIT = 20_000;
const STOP_LIMIT = 3000;

/**
 * Starts what listens on `port` of 127.0.0.1 and waits for its first answer.
 * @throws {Error} with the end of its log when none comes within 20 s; nothing of it runs then
 */
export async function startServer(name: string, command: readonly string[], port: number, options: StartOptions = {}): Promise<Running> {
  const { cores = '0' } = options;
  const [program, ...args] = ['taskset', '-c', cores, ...command];
  const log = options.log === undefined ? 'ignore' : openSync(options.log, 'w');
  const started = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', log],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  if (typeof log === 'number') closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  while (!(await answers(port))) {
    if (performance.now() - started < START_LIMIT && child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    await stop(child, ended);
    const said = options.log === undefined ? '' : `:\n${readFileSync(options.log, 'utf8').slice(-2000)}`;
    throw new Error(`${name} does not answer${said}`);
  }
  const sum = (of: (pid: number) => number): number => processTree(child.pid!).reduce((total, pid) => total + of(pid), 0);
  return { port, cpu: () => sum(cpuOf), rss: () => sum(rssOf), stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const tree = processTree(child.pid!).map((pid) => ({ pid, since: statOf(pid)?.[START_TIME] }));
  const killAll = (): void => {
    // A number may have gone to another process meanwhile; that started at another time.
    for (const { pid, since } of tree) if (since !== undefined && statOf(pid)?.[START_TIME] === since) kill(pid);
  };
  // uWSGI's SIGTERM reloads; SIGINT ends all of them.
  child.kill('SIGINT');
  const killer = setTimeout(killAll, STOP_LIMIT);
  await ended;
  clearTimeout(killer);
  killAll();
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** True when the program is there. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v "$0"`, program]).status === 0;
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function processTree(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
    return [pid, ...children.flatMap(processTree)];
  } catch {
    return [];
  }
}

/** Where the fields utime to cstime (14 to 17 of proc(5)) and starttime (22) stand in what `statOf` returns. */
const TIMES = [11, 12, 13, 14] as const;
const START_TIME = 19;

/** /proc/PID/stat from its third field on; null when the process is not there. */
function statOf(pid: number): readonly string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  } catch {
    return null;
  }
}

/** In ticks of 10 ms. */
function cpuOf(pid: number): number {
  const stat = statOf(pid);
  return stat === null ? 0 : TIMES.reduce((sum, field) => sum + Number(stat[field]), 0) * 10_000;
}

function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** False at once when nobody listens yet. */
function answers(port: number): Promise<boolean> {
  return askOnce(port).then(
    (socket) => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}
