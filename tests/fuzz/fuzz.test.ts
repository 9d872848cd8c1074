/** The fuzzer runs for a moment, and everything it ever found is tried again. `npm run fuzz -- --seconds 600` runs it longer. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, SEEDS } from './corpus.ts';
import { fails, fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

for (const { name, target, text } of findings()) {
  test(`found before: ${name}`, () => assert.equal(fails(target, text, 1, 50), null));
}

test('every known message goes through its target', () => {
  for (const [target, texts] of Object.entries(SEEDS)) for (const text of texts) assert.equal(fails(target, text, 1, 10), null);
});

test('no target fails on changed messages', { timeout: 60_000 }, () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
  const { tried, outcomes, troubles } = fuzz(1000, seed);
  assert.deepEqual(troubles, [], `seed ${seed}; \`npm run fuzz -- --seed ${seed}\` keeps what it finds`);
  assert.ok(tried > 300 && outcomes > 50, `${tried} inputs, ${outcomes} outcomes`);
});

test('the fuzzer finds what is wrong, and makes it small', () => {
  const broken = TARGETS as Record<string, (text: string) => string>;
  broken.broken = (text) => {
    if (text.includes('GET') && text.includes('\0')) throw new Error('there it is');
    return `${text.length % 5}`;
  };
  try {
    const { troubles } = fuzz(3000, 5, ['broken']);
    assert.equal(troubles.length, 1);
    assert.equal(troubles[0]!.text.length, 4);
  } finally {
    delete broken.broken;
  }
});
