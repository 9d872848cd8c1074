/** One chaos: a tree under load, one thing after the other happens to it, and what came of it. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, kill, Tree, writeApp } from '../blackbox/embedded.ts';
import { Load } from '../blackbox/load.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange } from '../support/raw-client.ts';
import type { UnderTest } from '../support/ugate.ts';
import { sleep, waitFor } from '../support/wait.ts';

export interface ChaosOptions {
  readonly under: UnderTest;
  readonly seconds: number;
  /** Hears of each step. */
  told?(text: string): void;
}

export interface ChaosReport {
  readonly answered: number;
  /** Requests that failed while a process that was killed held them, or during a pause. */
  readonly excused: number;
  /** How often each thing happened. */
  readonly steps: ReadonlyMap<string, number>;
  /** What is wrong; empty when all is well. */
  readonly faults: readonly string[];
}

const SIZES = { routers: 2, workers: 2 };
/** Clients of the load: a process that is killed holds one request of each at most, and their connections. */
const CLIENTS = 8;
/** Anything may take so long on a busy machine, in ms. */
const PATIENCE = 20_000;
/** Descriptors that a runtime opens when it first needs them. */
const OWN_DESCRIPTORS = 10;

export async function chaos({ under, seconds, told = () => {} }: ChaosOptions): Promise<ChaosReport> {
  await using folder = temporaryFolder();
  const turmoil = await Turmoil.start(folder.file, under, seconds, told);
  try {
    return await turmoil.run(seconds);
  } finally {
    await turmoil.end();
  }
}

class Turmoil {
  readonly #tree: Tree;
  readonly #file: (name: string) => string;
  readonly #told: (text: string) => void;
  readonly #load: Load;
  readonly #steps = new Map<string, number>();
  readonly #faults: string[] = [];
  #version = 1;
  #excused = 0;
  #seen = 0;

  private constructor(tree: Tree, file: (name: string) => string, told: (text: string) => void) {
    this.#tree = tree;
    this.#file = file;
    this.#told = told;
    this.#load = new Load(tree.gate.target);
  }

  static async start(file: (name: string) => string, under: UnderTest, seconds: number, told: (text: string) => void): Promise<Turmoil> {
    writeApp(file('app.ts'), 'code 1');
    const sizes = ['--processes', String(SIZES.workers), '--http-processes', String(SIZES.routers)];
    const files = ['--module', file('app.ts'), '--pidfile', file('pid'), '--master-fifo', file('fifo')];
    const tree = await Tree.start([...sizes, ...files, '--reload-mercy', '5', '--worker-reload-mercy', '5', '--harakiri', '30'], {
      under,
      lifetime: seconds * 1000 + 400_000,
    });
    return new Turmoil(tree, file, told);
  }

  async run(seconds: number): Promise<ChaosReport> {
    const steps: readonly (readonly [name: string, step: () => Promise<void>, excuses: number])[] = [
      ['kill a worker', () => this.#kill('worker'), CLIENTS],
      ['kill a router', () => this.#kill('router'), CLIENTS],
      ['stop and continue', () => this.#stop(), 0],
      ['reload', () => this.#reload(() => kill(this.#master, 'SIGHUP')), 0],
      ['reload code that does not load', () => this.#badReload(), 0],
      ['chain reload', () => this.#reload(() => writeFileSync(this.#file('fifo'), 'c')), 0],
      ['kill a worker in a reload', () => this.#reload(() => this.#killInReload()), CLIENTS],
      ['pause', () => this.#pause(), Number.POSITIVE_INFINITY],
    ];
    const began = performance.now();
    const before = new Map([...(await this.#roles())].map(([role, pid]) => [role.replace(/ \d/, ''), descriptors(pid)]));
    before.set('master', descriptors(this.#master));
    // Each once at least, then at random.
    for (let number = 0; number < steps.length || performance.now() - began < seconds * 1000; number++) {
      if (performance.now() - began > seconds * 1000 + PATIENCE) break;
      const [name, step, excuses] = steps[number < steps.length ? number : Math.floor(Math.random() * steps.length)]!;
      await this.#happens(name, step, excuses);
    }
    // Behind the first of these nobody reads what the tree logs: its stderr ends for us with the process that we started.
    for (let round = 0; round < 2; round++) {
      await this.#happens('take over', () => this.#takeOver(), 0);
      await this.#happens('kill one', () => this.#killOne(), CLIENTS);
    }
    await this.#load.stop();
    await this.#isRight(before);
    return { answered: this.#load.answered, excused: this.#excused, steps: this.#steps, faults: this.#faults };
  }

  async end(): Promise<void> {
    await this.#load.stop();
    for (const pid of this.#tree.pids) kill(pid, 'SIGCONT');
    kill(this.#master, 'SIGTERM');
    await this.#tree[Symbol.asyncDispose]();
  }

  /** @param excuses how many requests may be lost by it */
  async #happens(name: string, step: () => Promise<void>, excuses: number): Promise<void> {
    this.#steps.set(name, (this.#steps.get(name) ?? 0) + 1);
    this.#told(name);
    try {
      await step();
      await this.#whole();
    } catch (error) {
      this.#told(`failed: ${(error as Error).message}`);
      this.#faults.push(`${name}: ${(error as Error).message}\n${this.#tree.gate.stderrLines.slice(-25).join('\n')}`);
    }
    await sleep(150);
    const lost = this.#load.failures.slice(this.#seen);
    this.#seen += lost.length;
    if (lost.length <= excuses) this.#excused += lost.length;
    else
      this.#faults.push(
        `${name}: ${lost.length} requests are lost: ${lost.slice(0, 5).join('; ')}\n${this.#tree.gate.stderrLines.slice(-25).join('\n')}`,
      );
  }

  get #master(): number {
    return Number(readFileSync(this.#file('pid'), 'utf8'));
  }

  /** Process ids by what they are: `router 1`, `worker 2`. */
  async #roles(): Promise<Map<string, number>> {
    const before = this.#tree.gate.stderrLines.length;
    const found = (): [string, number][] =>
      this.#tree.gate.stderrLines
        .slice(before)
        .flatMap((line) =>
          [...line.matchAll(/((?:router|worker) \d+) +pid (\d+) /g)].map(([, role = '', pid]): [string, number] => [role, Number(pid)]),
        );
    kill(this.#master, 'SIGUSR1');
    await waitFor('the status', () => found().length >= SIZES.routers + SIZES.workers, PATIENCE);
    return new Map(found());
  }

  async #one(role: 'router' | 'worker'): Promise<number> {
    return (await this.#roles()).get(`${role} ${1 + Math.floor(Math.random() * 2)}`)!;
  }

  /** Everybody is there again, and no more than that. */
  async #whole(): Promise<void> {
    const count = 1 + SIZES.routers + SIZES.workers;
    await waitFor(`${count} processes, not ${this.#tree.pids.length}`, () => this.#tree.pids.length === count, PATIENCE);
  }

  async #kill(role: 'router' | 'worker'): Promise<void> {
    const pid = await this.#one(role);
    await this.#tree.after(() => kill(pid, 'SIGKILL'), new RegExp(`${role}-started`), PATIENCE);
  }

  /** Any child of the master there is now. */
  async #killOne(): Promise<void> {
    const pids = this.#tree.childrenOf(this.#master);
    const pid = pids[Math.floor(Math.random() * pids.length)]!;
    kill(pid, 'SIGKILL');
    await waitFor('its end', () => !isAlive(pid), PATIENCE);
    await this.#whole();
    await this.#serves();
  }

  async #stop(): Promise<void> {
    const pids = this.#tree.pids;
    const pid = pids[Math.floor(Math.random() * pids.length)]!;
    kill(pid, 'SIGSTOP');
    await sleep(300 + Math.random() * 500);
    kill(pid, 'SIGCONT');
  }

  #newCode(before = ''): void {
    writeApp(this.#file('app.ts'), `code ${++this.#version}`, before);
  }

  async #reload(ask: () => unknown): Promise<void> {
    this.#newCode();
    await this.#tree.after(ask, /reload \(.*\) is done/, PATIENCE);
    await this.#serves();
  }

  async #killInReload(): Promise<void> {
    const pid = await this.#one('worker');
    kill(this.#master, 'SIGHUP');
    await sleep(Math.random() * 200);
    kill(pid, 'SIGKILL');
  }

  async #badReload(): Promise<void> {
    const good = this.#version;
    this.#newCode('throw new Error("it does not load");');
    await this.#tree.after(() => kill(this.#master, 'SIGHUP'), /reload-failed/, PATIENCE);
    this.#version = good;
    writeApp(this.#file('app.ts'), `code ${this.#version}`);
    await this.#serves();
  }

  async #takeOver(): Promise<void> {
    const old = this.#master;
    kill(old, 'SIGUSR2');
    await waitFor('a successor', () => this.#master !== old && !isAlive(old), PATIENCE);
  }

  async #pause(): Promise<void> {
    await this.#tree.after(() => kill(this.#master, 'SIGTSTP'), /paused/, PATIENCE);
    await sleep(200);
    await this.#tree.after(() => kill(this.#master, 'SIGTSTP'), /resumed/, PATIENCE);
    await this.#serves();
  }

  /** The last code that works, by everybody. */
  async #serves(): Promise<void> {
    const wanted = `code ${this.#version}`;
    const answer = async (): Promise<string> =>
      (await exchange(this.#tree.gate.target, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).text();
    await waitFor(
      `${wanted} everywhere`,
      async () => {
        for (let i = 0; i < 8; i++) if ((await answer()) !== wanted) return false;
        return true;
      },
      PATIENCE,
    );
  }

  async #isRight(before: ReadonlyMap<string, number>): Promise<void> {
    try {
      await this.#whole();
      await this.#serves();
      // Which child is which is in the log alone.
      const most = Math.max(...before.values()) + OWN_DESCRIPTORS;
      for (const pid of this.#tree.pids)
        await waitFor(`${pid} to have ${most} descriptors at most, not ${descriptors(pid)}`, () => descriptors(pid) <= most, PATIENCE);
      const { directories, folder } = this.#tree;
      if (directories.length !== 1) this.#faults.push(`private directories are left: ${directories}`);
      const files = readdirSync(join(folder.path, directories[0]!)).filter((name) => /^(worker|board)-/.test(name));
      if (files.length !== 2 * SIZES.workers) this.#faults.push(`files are left: ${files}`);
    } catch (error) {
      this.#faults.push(`in the end: ${(error as Error).message}\n${this.#tree.gate.stderrLines.slice(-25).join('\n')}`);
    }
  }
}

function descriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
