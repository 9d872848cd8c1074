/** What the tests of embedded mode share: ugate with an app inside, its processes, and a client that notices every lost request. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { type Exit, type RunResult, run, type StartedProcess, type StartOptions, startProcess } from '../support/process.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate, type UgateOptions, ugateCommand } from '../support/ugate.ts';
import { sleep, waitFor } from '../support/wait.ts';

export const OTHER = { differs: 'it runs no JavaScript' };
export const FETCH_APP = join(ROOT, 'tests/peers/fetch_app.ts');
export const HONO_APP = join(ROOT, 'tests/peers/hono_app.ts');

export function get(path = '/', more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${more}\r\n`;
}

export function post(path: string, body: string, more = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
}

/** ugate as a tree of processes. Its end must leave no process and no private directory behind, else the test fails. */
export class Tree {
  readonly gate: Ugate;
  readonly folder: TemporaryFolder;
  readonly #mark: string;
  readonly #ownsFolder: boolean;

  private constructor(gate: Ugate, folder: TemporaryFolder, mark: string, ownsFolder: boolean) {
    this.gate = gate;
    this.folder = folder;
    this.#mark = mark;
    this.#ownsFolder = ownsFolder;
  }

  static async start(args: readonly string[], options: UgateOptions & { folder?: TemporaryFolder } = {}): Promise<Tree> {
    const folder = options.folder ?? temporaryFolder();
    const mark = newMark();
    const env = { ...options.env, ...marked(folder, mark) };
    const gate = await startUgate(args, { rights: 'all', ...options, env });
    return new Tree(gate, folder, mark, options.folder === undefined);
  }

  /** All processes of ours that live, the first one (or the one that took its place) included. */
  get pids(): number[] {
    return withMark(this.#mark);
  }

  /** Those that `pid` started. */
  childrenOf(pid: number = this.gate.pid): number[] {
    return this.pids.filter((one) => parentOf(one) === pid);
  }

  log(pattern: RegExp, milliseconds = 10_000): Promise<RegExpMatchArray> {
    return this.gate.process.said(pattern, milliseconds);
  }

  /** How often it was logged so far. */
  count(pattern: RegExp): number {
    return this.gate.stderrLines.filter((line) => pattern.test(line)).length;
  }

  /** Its private directories. */
  get directories(): string[] {
    return privateDirectories(this.folder);
  }

  /** One more of what `pattern` says after `step` than before. */
  async after(step: () => unknown, pattern: RegExp, milliseconds = 10_000): Promise<void> {
    const before = this.count(pattern);
    await step();
    const enough = (): boolean => this.count(pattern) > before;
    await waitFor(`${pattern} in the log`, enough, milliseconds).catch((error) => assert.fail(`${error}:\n${this.gate.stderr}`));
  }

  /** The process ids of its status, by what they are: `router 1`, `worker 2`. */
  async roles(): Promise<Map<string, number>> {
    const before = this.gate.stderrLines.length;
    const found = (): [string, number][] =>
      this.gate.stderrLines
        .slice(before)
        .flatMap((line) =>
          [...line.matchAll(/((?:router|worker) \d+) +pid (\d+)/g)].map(([, role = '', pid]): [string, number] => [role, Number(pid)]),
        );
    this.gate.process.kill('SIGUSR1');
    await waitFor('the status', () => found().length >= this.childrenOf().length);
    return new Map(found());
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    const exit = await this.gate.stop(signal);
    await this.gone();
    return exit;
  }

  /** Fails when a process is left `milliseconds` later. */
  async gone(milliseconds = 1500): Promise<void> {
    await waitFor('no process', () => this.pids.length === 0, milliseconds).catch(() => {
      const left = this.pids.map((pid) => `${pid} (child of ${parentOf(pid)}) ${commandOf(pid)}`);
      for (const pid of this.pids) kill(pid, 'SIGKILL');
      assert.fail(`left behind ${milliseconds} ms after the end:\n${left.join('\n')}\n${this.gate.stderr}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A successor may have taken over.
    for (const pid of this.pids) if (!this.pids.includes(parentOf(pid)) && pid !== this.gate.pid) kill(pid, 'SIGTERM');
    const { code } = await this.gate.stop();
    try {
      await this.gone();
      if (code === 0) assert.deepEqual(this.directories, [], 'the private directory is gone');
    } finally {
      if (this.#ownsFolder) await this.folder[Symbol.asyncDispose]();
    }
  }
}

/** Sends a request and waits until the app has it in hand, which our apps tell in the log when they are asked to. */
export async function hand(tree: Tree, client: RawClient, path: string, make = get): Promise<void> {
  const word = Math.random().toString(36).slice(2);
  client.write(make(`${path}${path.includes('?') ? '&' : '?'}tell=${word}`));
  await tree.log(new RegExp(`in hand: ${word}`));
}

/** A client whose request is in the app's hand. */
export async function asking(tree: Tree, path: string): Promise<RawClient> {
  const client = await RawClient.connect(tree.gate.target);
  await hand(tree, client, path);
  return client;
}

/** The same with a body of `length` bytes that the test has yet to write: an app that waits for it answers then, and not before. */
export async function holding(tree: Tree, path: string, length = 1): Promise<RawClient> {
  const client = await RawClient.connect(tree.gate.target);
  await hand(tree, client, path, (target) => `POST ${target} HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${length}\r\n\r\n`);
  return client;
}

/**
 * Starts ugate, lets `step` end it before it serves, and fails when a process is left 1.5 s later.
 * @param step may ask for the processes there are
 */
export async function interrupted(args: readonly string[], step: (started: StartedProcess, pids: () => number[]) => Promise<void>): Promise<void> {
  await using folder = temporaryFolder();
  const mark = newMark();
  await using started = startProcess([...ugateCommand(undefined, 'all'), ...args], { cwd: ROOT, env: marked(folder, mark) });
  const pids = (): number[] => withMark(mark);
  await step(started, pids);
  const { signal } = await started.exited;
  if (signal === null) assert.deepEqual(privateDirectories(folder), []);
  try {
    await waitFor('no process', () => pids().length === 0, 1500).catch(() => assert.fail(`left: ${pids().map(commandOf).join('\n')}`));
  } finally {
    for (const pid of pids()) kill(pid, 'SIGKILL');
  }
}

/** ugate as a command that ends by itself, such as with a mistake. No process and no private directory may be left. */
export async function runUgate(args: readonly string[], options: StartOptions = {}): Promise<RunResult> {
  await using folder = temporaryFolder();
  const mark = newMark();
  const env = { ...options.env, ...marked(folder, mark) };
  const result = await run([...ugateCommand(undefined, 'all'), ...args], { cwd: ROOT, lifetime: 20_000, ...options, env });
  await waitFor('no process to be left', () => withMark(mark).length === 0, 1500);
  assert.deepEqual(privateDirectories(folder), []);
  return result;
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

export function isAlive(pid: number): boolean {
  return /^\d+ \(.*\) [^ZX]/s.test(read(`/proc/${pid}/stat`));
}

/** An app file that can be changed: it answers `text`, its pid and, to POST, how long the body was. */
export function writeApp(path: string, text: string, before = ''): void {
  writeFileSync(
    path,
    `${before}
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (searchParams.has('tell')) console.error('in hand: ' + searchParams.get('tell'));
    if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get('ms'))));
    if (pathname === '/pid') return new Response(String(process.pid));
    if (request.method === 'POST') return new Response('${text} ' + (await request.text()).length);
    return new Response('${text}');
  },
};
`,
  );
}

function privateDirectories({ path }: TemporaryFolder): string[] {
  return existsSync(path) ? readdirSync(path).filter((name) => name.startsWith('ugate-')) : [];
}

function newMark(): string {
  return `${process.pid}-${Math.random().toString(36).slice(2)}`;
}

function marked(folder: TemporaryFolder, mark: string): Record<string, string> {
  return { TMPDIR: folder.path, UGATE_TEST_MARK: mark };
}

/** Whoever was started with this mark in its environment, or by somebody who was. */
function withMark(mark: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
  return pids.filter((pid) => read(`/proc/${pid}/environ`).includes(`UGATE_TEST_MARK=${mark}`) && isAlive(pid));
}

function parentOf(pid: number): number {
  return Number(/^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0);
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

export { sleep };

/** What the log says of a reload. */
export const DONE = /reload \(.*\) is done/;
export const FAILED = /reload-failed/;

/** ugate with an app that can be changed, in `folder`. */
export async function startChanging(folder: TemporaryFolder, args: readonly string[] = []): Promise<Tree> {
  writeApp(folder.file('app.ts'), 'one');
  return Tree.start(['--master', '--processes', '2', '--module', folder.file('app.ts'), ...args]);
}

/** What `/` is answered. */
export async function text(tree: Tree): Promise<string> {
  return (await exchange(tree.gate.target, get())).text();
}
