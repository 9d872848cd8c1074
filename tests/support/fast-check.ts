/**
 * fast-check, for all three runtimes: taken from node_modules by `require`, because Deno would fetch what stands among the imports of
 * deno.json before it runs anything at all, mod.ts too. A property runs for a bounded time; what fails tells its seed.
 */

import { createRequire } from 'node:module';

export const fc: typeof import('fast-check') = createRequire(import.meta.url)('fast-check');

/** Milliseconds for one property. The machine is shared: what is not tried by then is for the next run, with another seed. */
const LIMIT = 1500;

/**
 * Checks a property as often as time allows, at most `runs` times. A failure names seed and path: `FUZZ_SEED=seed FUZZ_PATH=path` runs
 * just that again.
 */
export function check<Ts extends [unknown, ...unknown[]]>(property: import('fast-check').IProperty<Ts>, runs = 600): void {
  const { FUZZ_SEED, FUZZ_PATH } = process.env;
  fc.assert(property, {
    numRuns: runs,
    interruptAfterTimeLimit: LIMIT,
    ...(FUZZ_SEED !== undefined && { seed: Number(FUZZ_SEED) }),
    ...(FUZZ_PATH !== undefined && { path: FUZZ_PATH }),
  });
}
