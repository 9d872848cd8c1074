/** The bench of the routers: every workload on every router in interleaved rounds, with the ratio to nginx of the same round. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { CONTESTANTS, type Contestant, type Sockets, start } from './contestant.ts';
import { LOAD_CORE, wrk } from './load.ts';
import { freePort, isInstalled, median, type Running } from './server.ts';
import { type Settings, WORKLOADS, type Workload } from './workloads.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** What the name of a workload has in it. */
  readonly only: string;
  /** What the name of a contestant has in it; what the others are compared with takes part anyway. */
  readonly on: string;
}

const [NGINX] = CONTESTANTS;
const BOTH_CORES = '0,1';

/** Writes Markdown tables to stdout, progress to stderr. */
export async function benchRouters(options: BenchOptions): Promise<void> {
  const bench = new RouterBench(options);
  try {
    await bench.run();
  } finally {
    bench.close();
  }
}

class RouterBench {
  readonly #options: BenchOptions;
  readonly #directory = mkdtempSync(`${tmpdir()}/ugate-bench-`);
  readonly #sockets: Sockets = { plain: `${this.#directory}/backend.sock`, persistent: `${this.#directory}/persistent.sock` };
  /** By workload and contestant, as many numbers as there were rounds, or turns in all of them. */
  readonly #samples = new Map<Workload, Map<Contestant, number[]>>();
  #backend: ChildProcess | null = null;
  #halfLoad = 0;

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { rounds, only } = this.#options;
    for (const program of ['backend', 'first-answer']) this.#compile(program);
    // This program too leaves the router's core alone: it polls while one starts.
    stayOn(LOAD_CORE[2]);
    const [pin, ...pinArgs] = LOAD_CORE;
    this.#backend = spawn(pin, [...pinArgs, `${this.#directory}/backend`, this.#sockets.plain, this.#sockets.persistent], { stdio: 'inherit' });
    const present = this.#present();
    for (let round = 1; round <= rounds; round++) {
      this.#halfLoad = await this.#measureHalfLoad();
      for (const workload of WORKLOADS.filter(({ name }) => name.includes(only))) {
        const { mode = 'uwsgi' } = workload;
        const able = present.filter((contestant) => contestant.command(mode, 1, this.#sockets, this.#directory) !== null);
        if (workload.starts !== undefined) await this.#measureStarts(workload, able, round, workload.starts);
        else if (workload.turns !== undefined) await this.#measureInTurns(workload, able, round, workload.turns);
        else for (const contestant of able) await this.#measureAlone(workload, contestant, round);
      }
    }
    for (const [workload, byContestant] of this.#samples) printTable(workload, byContestant);
  }

  close(): void {
    this.#backend?.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #compile(program: string): void {
    const source = new URL(`./${program}.c`, import.meta.url).pathname;
    const { status } = spawnSync('cc', ['-O2', '-o', `${this.#directory}/${program}`, source], { stdio: 'inherit' });
    if (status !== 0) throw new Error(`cannot compile ${program}.c`);
  }

  #present(): readonly Contestant[] {
    return CONTESTANTS.filter((contestant) => {
      const isWanted = contestant === NGINX || contestant.name.toLowerCase().includes(this.#options.on.toLowerCase());
      const isHere = isInstalled(contestant.command('uwsgi', 1, this.#sockets, this.#directory)![0]);
      if (isWanted && !isHere) console.error(`${contestant.name} is not installed`);
      return isWanted && isHere;
    });
  }

  async #measureAlone(workload: Workload, contestant: Contestant, round: number): Promise<void> {
    const router = await start(contestant, workload.mode ?? 'uwsgi', this.#sockets, this.#directory);
    try {
      this.#note(workload, contestant, round, await workload.measure!(router, this.#settings));
    } finally {
      await router.stop();
    }
  }

  async #measureStarts(workload: Workload, contestants: readonly Contestant[], round: number, starts: number): Promise<void> {
    const best = new Map<Contestant, number>();
    stayOn(BOTH_CORES);
    for (let n = 0; n < starts; n++) {
      for (const contestant of contestants) {
        const port = await freePort();
        const command = contestant.command(workload.mode ?? 'uwsgi', port, this.#sockets, this.#directory)!;
        const { status, stdout, stderr } = spawnSync(`${this.#directory}/first-answer`, [String(port), ...command], { encoding: 'utf8' });
        if (status !== 0) throw new Error(`${contestant.name}: ${stderr}`);
        best.set(contestant, Math.min(best.get(contestant) ?? Number.POSITIVE_INFINITY, Number(stdout)));
      }
    }
    stayOn(LOAD_CORE[2]);
    for (const [contestant, value] of best) this.#note(workload, contestant, round, value);
  }

  async #measureInTurns(workload: Workload, contestants: readonly Contestant[], round: number, turns: number): Promise<void> {
    const running: Running[] = [];
    try {
      for (const contestant of contestants) {
        const router = await start(contestant, workload.mode ?? 'uwsgi', this.#sockets, this.#directory);
        running.push(router);
        workload.warmUp?.(router, this.#settings);
      }
      for (let turn = 0; turn < turns; turn++) {
        for (const [i, router] of running.entries()) this.#note(workload, contestants[i], round, await workload.measure!(router, this.#settings));
      }
    } finally {
      for (const router of running) await router.stop();
    }
  }

  get #settings(): Settings {
    return { seconds: this.#options.seconds, directory: this.#directory, halfLoad: this.#halfLoad };
  }

  #note(workload: Workload, contestant: Contestant, round: number, value: number): void {
    const byContestant = this.#samples.get(workload) ?? new Map<Contestant, number[]>();
    this.#samples.set(workload, byContestant);
    byContestant.set(contestant, [...(byContestant.get(contestant) ?? []), value]);
    console.error(`round ${round}, ${workload.name}, ${contestant.name}: ${value.toFixed(workload.digits)}`);
  }

  async #measureHalfLoad(): Promise<number> {
    const router = await start(NGINX, 'uwsgi', this.#sockets, this.#directory);
    const { rate } = wrk(`http://127.0.0.1:${router.port}/`, 2);
    await router.stop();
    return rate / 2;
  }
}

function stayOn(cores: string): void {
  spawnSync(LOAD_CORE[0], ['-apc', cores, String(process.pid)]);
}

function printTable({ name, unit, digits }: Workload, byContestant: ReadonlyMap<Contestant, readonly number[]>): void {
  if (byContestant.size === 0) return;
  // Where nginx cannot take part, the first that can is what the others are compared with.
  const [first, reference] = byContestant.entries().next().value!;
  console.log(`\n| ${name} | ${unit} | ratio to ${first.name} |\n|---|---|---|`);
  for (const [contestant, list] of byContestant) {
    const ratio = median(list.map((value, i) => value / reference[i]));
    console.log(`| ${contestant.name} | ${median(list).toFixed(digits)} | ${ratio.toFixed(2)} |`);
  }
}
