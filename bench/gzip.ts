/**
 * What gzip costs, by engine: `node_modules/.bin/bun bench/gzip.ts [--ms N]`, and the same with node and `deno run -A`. CPU time of the
 * process, one thread, no sockets: 240-byte events and 16 KiB pieces of a page flushed one by one, and pages of 100 KB in one write; each
 * with opening and finishing. Writes a Markdown table to stdout; ratio is compressed to plain. What `auto` chooses rests on it.
 */

import { parseArgs } from 'node:util';
import type { GzipEngine, GzipOutput } from '../src/encoding/gzip.ts';
import { makeGzipEngine } from '../src/encoding/gzip-engine.ts';

const { values } = parseArgs({ options: { ms: { type: 'string', default: '250' }, levels: { type: 'string', default: '1,6' } } });
const ms = Number(values.ms);

interface Work {
  readonly name: string;
  /** Writes of one answer. */
  readonly writes: readonly Uint8Array[];
}

const WORDS = 'the of and to in is you that it he was for on are as with they at be this have from or one had by word but not what all were';
const words = WORDS.split(' ');
const random = makeRandom(1);
const page = html(102_400);
const long = html(8 * 16_384);
const WORKS: readonly Work[] = [
  { name: '240 B event', writes: Array.from({ length: 64 }, (_, i) => event(i)) },
  { name: '16 KiB piece', writes: Array.from({ length: 8 }, (_, i) => long.slice(i * 16_384, (i + 1) * 16_384)) },
  { name: '100 KB page', writes: [page] },
];

class Counter implements GzipOutput {
  bytes = 0;
  output(_bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
  }
}

const runtime = 'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node';
console.log(`\n| ${runtime} | engine | level | CPU µs a write | ratio |\n|---|---|---|---|---|`);
for (const work of WORKS) {
  for (const level of values.levels.split(',').map(Number)) {
    for (const name of ['fflate', 'native'] as const) {
      const { micros, ratio } = measure(makeGzipEngine(name, level, runtime), work);
      console.log(`| ${work.name} | ${name} | ${level} | ${micros.toFixed(1)} | ${ratio.toFixed(3)} |`);
    }
  }
}

function measure(engine: GzipEngine, { writes }: Work): { readonly micros: number; readonly ratio: number } {
  const counter = new Counter();
  const answer = (): void => {
    counter.bytes = 0;
    const stream = engine.open(counter)!;
    for (const bytes of writes) stream.write(bytes, 0, bytes.length);
    stream.finish();
  };
  repeat(answer, ms / 2);
  const before = process.cpuUsage();
  const count = repeat(answer, ms);
  const { user, system } = process.cpuUsage(before);
  engine.close();
  const plain = writes.reduce((sum, bytes) => sum + bytes.length, 0);
  return { micros: (user + system) / count / writes.length, ratio: counter.bytes / plain };
}

/** Calls for that many milliseconds; returns how often. */
function repeat(call: () => void, milliseconds: number): number {
  const end = performance.now() + milliseconds;
  let count = 0;
  for (; performance.now() < end; count++) call();
  return count;
}

function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function text(length: number): string {
  let made = '';
  while (made.length < length) made += `${words[random(random(words.length) + 1)]} `;
  return made.slice(0, length);
}

function event(id: number): Uint8Array {
  const head = `id: ${id}\nevent: tick\ndata: {"symbol":"${random(1e6).toString(36)}","price":${random(1e5) / 100},"text":"`;
  return new TextEncoder().encode(`${head}${text(236 - head.length)}"}\n\n`);
}

function html(length: number): Uint8Array {
  let made = '<!doctype html><html><body>';
  while (made.length < length) {
    made += `<div class="row item-${random(1000)}"><a href="/items/${random(1e6).toString(36)}">${text(10 + random(150))}</a></div>\n`;
  }
  return new TextEncoder().encode(made.slice(0, length));
}
