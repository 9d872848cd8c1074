/** The bench of the routers: every workload on every router in interleaved rounds, with the ratio to nginx of the same round. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { CONTESTANTS, type Contestant, type Sockets, start } from './contestant.ts';
import { LOAD_CORE, wrk } from './load.ts';
import { isInstalled, median } from './server.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

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

/** Writes Markdown tables to stdout, progress to stderr. */
export async function benchRouters({ rounds, seconds, only, on }: BenchOptions): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/ugate-bench-`);
  const sockets: Sockets = { plain: `${directory}/backend.sock`, persistent: `${directory}/persistent.sock` };
  const source = new URL('./backend.c', import.meta.url).pathname;
  if (spawnSync('cc', ['-O2', '-o', `${directory}/backend`, source], { stdio: 'inherit' }).status !== 0)
    throw new Error('cannot compile the backend');
  const [pin, ...pinArgs] = LOAD_CORE;
  // This program too leaves the router's core alone: it polls while one starts.
  const stayOn = (cores: string): void => void spawnSync(pin, ['-apc', cores, String(process.pid)]);
  stayOn(LOAD_CORE[2]);
  const backend = spawn(pin, [...pinArgs, `${directory}/backend`, sockets.plain, sockets.persistent], { stdio: 'inherit' });

  /** By workload and contestant, one number a round. */
  const samples = new Map<Workload, Map<Contestant, number[]>>();
  const present = CONTESTANTS.filter((contestant) => {
    const isWanted = contestant === NGINX || contestant.name.toLowerCase().includes(on.toLowerCase());
    const isHere = isInstalled(contestant.command('uwsgi', 1, sockets, directory)![0]);
    if (isWanted && !isHere) console.error(`${contestant.name} is not installed`);
    return isWanted && isHere;
  });
  try {
    for (let round = 1; round <= rounds; round++) {
      const halfLoad = await measureHalfLoad(sockets, directory);
      for (const workload of WORKLOADS.filter(({ name }) => name.includes(only))) {
        const byContestant = samples.get(workload) ?? new Map<Contestant, number[]>();
        samples.set(workload, byContestant);
        for (const contestant of present) {
          if (contestant.command(workload.mode ?? 'uwsgi', 1, sockets, directory) === null) continue;
          const values: number[] = [];
          const cores = workload.starts === undefined ? '0' : null;
          if (cores === null) stayOn('0,1');
          for (let n = 0; n < (workload.starts ?? 1); n++) {
            const router = await start(contestant, workload.mode ?? 'uwsgi', sockets, directory, cores);
            try {
              values.push(await workload.measure(router, { seconds, directory, halfLoad }));
            } finally {
              await router.stop();
            }
          }
          stayOn(LOAD_CORE[2]);
          const value = Math.min(...values);
          byContestant.set(contestant, [...(byContestant.get(contestant) ?? []), value]);
          console.error(`round ${round}, ${workload.name}, ${contestant.name}: ${value.toFixed(workload.digits)}`);
        }
      }
    }
  } finally {
    backend.kill();
    rmSync(directory, { recursive: true, force: true });
  }
  for (const [workload, byContestant] of samples) printTable(workload, byContestant);
}

async function measureHalfLoad(sockets: Sockets, directory: string): Promise<number> {
  const router = await start(NGINX, 'uwsgi', sockets, directory);
  const { rate } = wrk(`http://127.0.0.1:${router.port}/`, 2);
  await router.stop();
  return rate / 2;
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
