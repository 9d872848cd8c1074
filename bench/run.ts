/**
 * `npm run bench -- [--rounds N] [--seconds S] [--only TEXT] [--on TEXT]`: every workload on every router in interleaved rounds, with the
 * ratio to nginx of the same round. The router has core 0 for itself, backend and load share core 1. Wants `cc`, `taskset`, `wrk`, `h2load`,
 * `curl`, `nginx`, `haproxy` and `uwsgi` (Debian: gcc util-linux wrk nghttp2-client curl nginx-light haproxy uwsgi-core); a router that
 * is not installed is left out by name. Writes Markdown tables to stdout, progress to stderr.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { CONTESTANTS, type Contestant, isInstalled, type Sockets, start } from './contestant.ts';
import { LOAD_CORE, wrk } from './load.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    on: { type: 'string', default: '' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const directory = mkdtempSync(`${tmpdir()}/ugate-bench-`);
const sockets: Sockets = { plain: `${directory}/backend.sock`, persistent: `${directory}/persistent.sock` };
const source = new URL('./backend.c', import.meta.url).pathname;
if (spawnSync('cc', ['-O2', '-o', `${directory}/backend`, source], { stdio: 'inherit' }).status !== 0) throw new Error('cannot compile the backend');
const [pin, ...pinArgs] = LOAD_CORE;
// This program too leaves the router's core alone: it polls while one starts.
spawnSync(pin, ['-apc', LOAD_CORE[2], String(process.pid)]);
const backend = spawn(pin, [...pinArgs, `${directory}/backend`, sockets.plain, sockets.persistent], { stdio: 'inherit' });

/** By workload and contestant, one number a round. */
const samples = new Map<Workload, Map<Contestant, number[]>>();
const [NGINX] = CONTESTANTS;
const present = CONTESTANTS.filter((contestant) => {
  const isWanted = contestant === NGINX || contestant.name.toLowerCase().includes(values.on.toLowerCase());
  const isHere = isInstalled(contestant.command('uwsgi', 1, sockets, directory)!);
  if (isWanted && !isHere) console.error(`${contestant.name} is not installed`);
  return isWanted && isHere;
});
try {
  for (let round = 1; round <= rounds; round++) {
    const halfLoad = await measureHalfLoad();
    for (const workload of WORKLOADS.filter(({ name }) => name.includes(values.only))) {
      for (const contestant of present) {
        if (contestant.command(workload.mode ?? 'uwsgi', 1, sockets, directory) !== null) await measure(workload, contestant, round, halfLoad);
      }
    }
  }
} finally {
  backend.kill();
  rmSync(directory, { recursive: true, force: true });
}
for (const [workload, byContestant] of samples) printTable(workload, byContestant);

async function measureHalfLoad(): Promise<number> {
  const router = await start(NGINX, 'uwsgi', sockets, directory);
  const { rate } = wrk(`http://127.0.0.1:${router.port}/`, 2);
  await router.stop();
  return rate / 2;
}

async function measure(workload: Workload, contestant: Contestant, round: number, halfLoad: number): Promise<void> {
  const router = await start(contestant, workload.mode ?? 'uwsgi', sockets, directory);
  try {
    const value = await workload.measure(router, { seconds, directory, halfLoad });
    const byContestant = samples.get(workload) ?? new Map<Contestant, number[]>();
    samples.set(workload, byContestant.set(contestant, [...(byContestant.get(contestant) ?? []), value]));
    console.error(`round ${round}, ${workload.name}, ${contestant.name}: ${value.toFixed(workload.digits)}`);
  } finally {
    await router.stop();
  }
}

function printTable({ name, unit, digits }: Workload, byContestant: ReadonlyMap<Contestant, readonly number[]>): void {
  // Where nginx cannot take part, the first that can is what the others are compared with.
  const [first, reference] = byContestant.entries().next().value!;
  console.log(`\n| ${name} | ${unit} | ratio to ${first.name} |\n|---|---|---|`);
  for (const [contestant, list] of byContestant) {
    const ratio = median(list.map((value, i) => value / reference[i]));
    console.log(`| ${contestant.name} | ${median(list).toFixed(digits)} | ${ratio.toFixed(2)} |`);
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
