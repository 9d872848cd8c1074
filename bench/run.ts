/**
 * `npm run bench [-- --rounds N --seconds S]`: CPU µs per request of each router, in interleaved rounds, with the ratio to nginx of
 * the same round. Wants `cc`, `taskset`, `wrk`, `nginx` and `uwsgi` (Debian: gcc wrk nginx-light uwsgi-core). Writes a Markdown table to stdout.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { CONTESTANTS, type Contestant, isInstalled, start } from './contestant.ts';

/** Compilers have had their say by then. */
const WARM_UP_SECONDS = 2;

interface Sample {
  readonly cpu: number;
  readonly rate: number;
  readonly p99: number;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } } });
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const directory = mkdtempSync(`${tmpdir()}/ugate-bench-`);
const socket = `${directory}/backend.sock`;
const backendFile = `${directory}/backend`;
const source = new URL('./backend.c', import.meta.url).pathname;
if (spawnSync('cc', ['-O2', '-o', backendFile, source], { stdio: 'inherit' }).status !== 0) throw new Error('cannot compile the backend');
const backend = spawn('taskset', ['-c', '1', backendFile, socket], { stdio: 'inherit' });

const samples = new Map<Contestant, Sample[]>();
try {
  for (let round = 0; round < rounds; round++) {
    for (const contestant of CONTESTANTS) {
      if (!isInstalled(contestant.command(1, socket, directory))) continue;
      const sample = await measure(contestant);
      samples.set(contestant, [...(samples.get(contestant) ?? []), sample]);
      console.error(`round ${round + 1}: ${contestant.name}: ${sample.cpu.toFixed(1)} µs, ${Math.round(sample.rate)}/s, p99 ${sample.p99} ms`);
    }
  }
} finally {
  backend.kill();
  rmSync(directory, { recursive: true, force: true });
}
printTable();

async function measure(contestant: Contestant): Promise<Sample> {
  const router = await start(contestant, socket, directory);
  const url = `http://127.0.0.1:${router.port}/`;
  try {
    load(url, WARM_UP_SECONDS);
    const before = router.cpu();
    const { requests, rate, p99 } = load(url, seconds);
    return { cpu: (router.cpu() - before) / requests, rate, p99 };
  } finally {
    await router.stop();
  }
}

/** 64 keep-alive connections, as fast as they can; every answer must be a 200. */
function load(url: string, duration: number): { requests: number; rate: number; p99: number } {
  const { stdout } = spawnSync('taskset', ['-c', '1', 'wrk', '-t1', '-c64', `-d${duration}`, '--latency', url], { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not every request was answered with 200:\n${stdout}`);
  const [, p99 = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99: Number(p99) * (unit === 's' ? 1000 : unit === 'us' ? 0.001 : 1),
  };
}

function printTable(): void {
  const reference = samples.get(CONTESTANTS[0]);
  console.log('| keep-alive GET | CPU µs a request | ratio to nginx | requests/s | p99 ms |\n|---|---|---|---|---|');
  for (const [{ name }, list] of samples) {
    const ratio = reference ? median(list.map(({ cpu }, i) => cpu / reference[i].cpu)).toFixed(2) : '–';
    const cells = [median(list.map(({ cpu }) => cpu)).toFixed(1), ratio, Math.round(median(list.map(({ rate }) => rate)))];
    console.log(`| ${name} | ${cells.join(' | ')} | ${median(list.map(({ p99 }) => p99)).toFixed(1)} |`);
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
