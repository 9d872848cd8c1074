/**
 * The bench of embedded apps. In each round all servers of an app are up at the same time, and each workload goes from one to the next,
 * some of them several times, so that what is compared lies close together. Each server's whole tree has core 0 (several processes too:
 * what one request costs all of them is then what decides), wrk has core 1; requests a second are those of the same runs as the CPU time.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  APPS,
  APPS_DIRECTORY,
  type AppContestant,
  type AppContestantOptions,
  type AppName,
  appContestants,
  isAppInstalled,
} from './app-contestants.ts';
import { AppResults } from './app-results.ts';
import { APP_WORKLOADS, type AppWorkload } from './app-workloads.ts';
import { LOAD_CORE, type LoadResult, wrk } from './load.ts';
import type { BenchOptions } from './routers.ts';
import { freePort, type Running, startServer } from './server.ts';

export interface AppBenchOptions extends BenchOptions, Omit<AppContestantOptions, 'directory'> {
  readonly isOnBothCores: boolean;
}

interface Entrant {
  readonly contestant: AppContestant;
  readonly running: Running;
}

/** Writes Markdown tables to stdout, progress to stderr; exit code 1 when something could not be measured. */
export async function benchApps(options: AppBenchOptions): Promise<void> {
  const bench = new AppBench(options);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => bench.abort());
  try {
    await bench.run();
  } finally {
    await bench.close();
  }
}

class AppBench {
  readonly #options: AppBenchOptions;
  readonly #directory = mkdtempSync(`${tmpdir()}/ugate-bench-`);
  readonly #env: Readonly<Record<string, string>>;
  readonly #results = new AppResults();
  #entrants: readonly Entrant[] = [];
  #isAborted = false;

  constructor(options: AppBenchOptions) {
    this.#options = options;
    this.#env = {
      // uWSGI and gunicorn of Debian run Debian's Python; ugate shall run the same one.
      PATH: `/usr/bin:/bin:${process.env.PATH}`,
      PYTHONDONTWRITEBYTECODE: '1',
      NODE_ENV: 'production',
      BENCH_DATABASE: `${this.#directory}/django.sqlite`,
    };
  }

  async run(): Promise<void> {
    const { rounds, only, on } = this.#options;
    // This program too leaves the servers' core alone.
    spawnSync('taskset', ['-apc', LOAD_CORE[2], String(process.pid)]);
    const workloads = APP_WORKLOADS.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
    const apps = [...new Set(workloads.map(({ app }) => app))].filter((app) => isAppInstalled(app, this.#env));
    const cookie = apps.includes('django') ? this.#prepareDjango() : '';
    const all = appContestants({ ...this.#options, directory: this.#directory });
    const wanted = all.filter(({ name }) => name.toLowerCase().includes(on.toLowerCase()));
    const contestants = all.filter((one) => wanted.some((other) => other === one || (other.kind === one.kind && other.reference === one.name)));
    for (let round = 1; round <= rounds; round++) {
      for (const app of apps) {
        this.#entrants = await this.#startAll(app, contestants);
        for (const workload of workloads.filter((one) => one.app === app)) {
          await this.#goRound(workload, round, app === 'django' ? [`Cookie: ${cookie}`] : []);
        }
        await this.#stopAll();
      }
    }
    this.#results.print();
  }

  /** Lets `run` end after what it is at. */
  abort(): void {
    this.#isAborted = true;
    process.exitCode = 1;
  }

  async close(): Promise<void> {
    await this.#stopAll();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #startAll(app: AppName, contestants: readonly AppContestant[]): Promise<readonly Entrant[]> {
    const entrants: Entrant[] = [];
    this.#entrants = entrants;
    const { kind, module } = APPS[app];
    for (const contestant of contestants) {
      if (contestant.kind !== kind || this.#isAborted) continue;
      const port = await freePort();
      const cores = this.#options.isOnBothCores && kind === 'wsgi' ? '0,1' : '0';
      const startOptions = { cores, cwd: APPS_DIRECTORY, env: this.#env, log: `${this.#directory}/log` };
      try {
        entrants.push({ contestant, running: await startServer(contestant.name, contestant.command(module, port), port, startOptions) });
      } catch (error) {
        this.#complain(error);
      }
    }
    return entrants;
  }

  async #stopAll(): Promise<void> {
    const entrants = this.#entrants;
    this.#entrants = [];
    await Promise.all(entrants.map(({ running }) => running.stop()));
  }

  /** All of them are warm before the first is measured, and each turn goes from one to the next. */
  async #goRound(workload: AppWorkload, round: number, more: readonly string[]): Promise<void> {
    const turns = workload.turns ?? 1;
    for (const entrant of this.#entrants) await this.#try(workload, entrant, round, () => this.#warmUp(workload, entrant, more));
    for (let turn = 0; turn < turns; turn++) {
      for (const entrant of this.#entrants) {
        await this.#try(workload, entrant, round, () => this.#measure(workload, entrant, round, (round - 1) * turns + turn, more));
      }
    }
  }

  async #warmUp(workload: AppWorkload, entrant: Entrant, more: readonly string[]): Promise<void> {
    await check(urlOf(workload, entrant), workload, more);
    if (workload.warmUp > 0) load(workload, entrant, workload.warmUp, more);
  }

  #measure(workload: AppWorkload, entrant: Entrant, round: number, sample: number, more: readonly string[]): void {
    const { contestant, running } = entrant;
    const before = running.cpu();
    const { requests, rate } = load(workload, entrant, this.#options.seconds * (workload.length ?? 1), more);
    const cpu = (running.cpu() - before) / requests;
    this.#results.add(workload, contestant, sample, { cpu, rate });
    // Far less than a core: wrk was slower than the server, or somebody else was busy on this machine.
    const share = (cpu * rate) / 10_000;
    const numbers = `${cpu.toFixed(1)} µs, ${rate.toFixed(0)} a second, ${share.toFixed(0)} % of a core`;
    console.error(`round ${round}, ${workload.name}, ${contestant.name}: ${numbers}`);
  }

  async #try(workload: AppWorkload, { contestant }: Entrant, round: number, step: () => Promise<void> | void): Promise<void> {
    if (this.#isAborted) return;
    try {
      await step();
    } catch (error) {
      this.#complain(`round ${round}, ${workload.name}, ${contestant.name}: ${error}`);
    }
  }

  /** Returns the cookie of a session. */
  #prepareDjango(): string {
    const options = { cwd: APPS_DIRECTORY, env: { ...process.env, ...this.#env }, encoding: 'utf8', timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync('python3', ['-m', 'djangosite.prepare'], options);
    if (status !== 0) throw new Error(`Django's database cannot be made: ${stderr}`);
    return stdout.trim();
  }

  #complain(problem: unknown): void {
    console.error(String(problem));
    process.exitCode = 1;
  }
}

function urlOf({ path }: AppWorkload, { running }: Entrant): string {
  return `http://127.0.0.1:${running.port}${path}`;
}

function load(workload: AppWorkload, entrant: Entrant, seconds: number, more: readonly string[]): LoadResult {
  const { connections, script, fields = [] } = workload;
  const options = { script: script === undefined ? undefined : `${APPS_DIRECTORY}/${script}`, isClosing: entrant.contestant.isClosing };
  return wrk(urlOf(workload, entrant), seconds, connections, [...fields, ...more], options);
}

/** That all are measured at the same work. */
async function check(url: string, { expected, script }: AppWorkload, fields: readonly string[]): Promise<void> {
  const post = script === undefined ? {} : { method: 'POST', body: expected };
  const headers = [...fields, 'Connection: close'].map((field) => field.split(': ') as [string, string]);
  const response = await fetch(url, { ...post, headers, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  if (!text.includes(expected)) throw new Error(`answered ${response.status} ${text.slice(0, 200)}`);
}
