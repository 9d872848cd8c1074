/**
 * The fuzzer: changes known messages at random, and keeps what has a new outcome to go on from.
 *
 *     npm run fuzz -- --seconds 600 [--target request,session] [--seed 1]
 *
 * What it finds is made smaller and kept in tests/fuzz/findings/, where a test tries it again for ever. Exit code 1 tells of findings.
 */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FINDINGS, findings, hostileCorpus, SEEDS, WORDS } from './corpus.ts';
import { Random, show } from './random.ts';
import { TARGETS } from './targets.ts';

const MAX_CHARS = 8 * 1024;
const MAX_KEPT = 2000;

export interface Trouble {
  readonly target: string;
  readonly text: string;
  /** Of the run of the target: what it chose at random follows from it. */
  readonly seed: number;
  readonly message: string;
}

export interface Report {
  readonly tried: number;
  readonly outcomes: number;
  readonly troubles: readonly Trouble[];
}

/** Fuzzes the targets in turn until the time is over; each that finds something is given up for the run. */
export function fuzz(milliseconds: number, seed: number, names: readonly string[] = Object.keys(TARGETS)): Report {
  const random = new Random(seed);
  const hostile = hostileCorpus();
  const troubles: Trouble[] = [];
  let tried = 0;
  const runs = names.map((name) => ({ name, pool: [...(SEEDS[name] ?? []), ...hostile, ...known(name)], outcomes: new Set<string>() }));
  const end = performance.now() + milliseconds;
  for (let turn = 0; performance.now() < end && troubles.length < runs.length; turn++) {
    const run = runs[turn % runs.length]!;
    if (troubles.some(({ target }) => target === run.name)) continue;
    // A few at a time: the clock costs more than a short message.
    for (let i = 0; i < 20; i++) {
      const text = mutate(random.pick(run.pool), run.pool, random);
      const trySeed = random.below(2 ** 31);
      tried++;
      try {
        const outcome = TARGETS[run.name]!(text, new Random(trySeed));
        if (run.outcomes.has(outcome)) continue;
        run.outcomes.add(outcome);
        if (run.pool.length < MAX_KEPT) run.pool.push(text);
      } catch (error) {
        troubles.push(smallest({ target: run.name, text, seed: trySeed, message: String((error as Error).message ?? error) }));
        break;
      }
    }
  }
  return { tried, outcomes: runs.reduce((sum, { outcomes }) => sum + outcomes.size, 0), troubles };
}

const known = (target: string): string[] =>
  findings()
    .filter((finding) => finding.target === target)
    .map(({ text }) => text);

function mutate(text: string, pool: readonly string[], random: Random): string {
  let changed = text;
  for (let i = 1 + random.below(4); i > 0; i--) {
    const at = random.below(changed.length + 1);
    const length = random.below(2) === 0 ? 1 : random.below(Math.min(changed.length - at, 40) + 1);
    const before = changed.slice(0, at);
    const behind = changed.slice(at + length);
    switch (random.below(8)) {
      case 0:
        changed = before + behind;
        break;
      case 1:
        changed = before + String.fromCharCode(random.below(256)) + behind;
        break;
      case 2:
        changed = before + changed.slice(at, at + length).repeat(2 + random.below(3)) + behind;
        break;
      case 3: {
        const other = random.pick(pool);
        const from = random.below(other.length + 1);
        changed = before + other.slice(from, from + random.below(200)) + changed.slice(at);
        break;
      }
      case 4:
        changed = before;
        break;
      case 5:
        changed = before + random.pick(WORDS) + behind;
        break;
      default:
        changed = before + random.pick(WORDS) + changed.slice(at);
    }
  }
  return changed.slice(0, MAX_CHARS);
}

/** Takes pieces away as long as something is still wrong, with whatever random choices. */
function smallest(trouble: Trouble): Trouble {
  let best = trouble;
  const end = performance.now() + 2000;
  for (let size = Math.ceil(best.text.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.text.length && performance.now() < end; ) {
      const smaller = fails(best.target, best.text.slice(0, at) + best.text.slice(at + size), best.seed);
      if (smaller === null) at += size;
      else best = smaller;
    }
  }
  return best;
}

/** Tries an input with several random choices; what went wrong, or null. */
export function fails(target: string, text: string, seed: number, times = 8): Trouble | null {
  for (let i = 0; i < times; i++) {
    try {
      TARGETS[target]!(text, new Random(seed + i));
    } catch (error) {
      return { target, text, seed: seed + i, message: String((error as Error).message ?? error) };
    }
  }
  return null;
}

/** Keeps what was found where the test of findings reads it; returns the file's name. */
function keep({ target, text }: Trouble): string {
  const name = `${target}-${createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 12)}.txt`;
  writeFileSync(new URL(name, FINDINGS), text, 'latin1');
  return name;
}

function main(): number {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, target: { type: 'string' }, seed: { type: 'string' } } });
  const seconds = Number(values.seconds ?? 60);
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const names = values.target?.split(',') ?? Object.keys(TARGETS);
  const unknown = names.find((name) => TARGETS[name] === undefined);
  if (unknown !== undefined || !(seconds > 0) || !Number.isInteger(seed)) {
    console.error(`usage: fuzz.ts [--seconds N] [--seed N] [--target ${Object.keys(TARGETS).join(',')}]`);
    return 2;
  }
  const { tried, outcomes, troubles } = fuzz(seconds * 1000, seed, names);
  for (const trouble of troubles) console.log(`\nFOUND ${keep(trouble)} (seed ${trouble.seed})\n${show(trouble.text)}\n${trouble.message}`);
  console.log(`${tried} inputs, ${outcomes} outcomes, ${troubles.length} findings (seed ${seed}, ${seconds} s)`);
  return troubles.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(main());
