/** Waiting with a bound: nothing in a test may wait for ever. */

import { availableParallelism, loadavg } from 'node:os';

/** The kernel counts anew every five seconds. */
const CROWDING_MS = 1000;
let crowdingNow = 1;
let crowdingAsked = Number.NEGATIVE_INFINITY;

/**
 * How many times as long something may take as on a machine with a processor to spare: the processes that wait for each processor,
 * from 1 to 4. Suites run side by side on small machines; on a quiet one each bound is as it is written.
 */
function crowding(): number {
  const now = performance.now();
  if (now - crowdingAsked < CROWDING_MS) return crowdingNow;
  crowdingAsked = now;
  crowdingNow = Math.min(4, Math.max(1, loadavg()[0]! / availableParallelism()));
  return crowdingNow;
}

/** Whether it is less than `milliseconds` since `began` (of `performance.now()`), or not much more on a crowded machine. */
export function isWithin(milliseconds: number, began: number): boolean {
  return performance.now() - began < milliseconds * crowding();
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Lets this process do what is there to be done, such as a router of ours what has come to it: for what shows in nothing else.
 * One sleep of the same length would be no turn at all when the process is held up meanwhile, because timers come first.
 */
export async function settle(turns = 10): Promise<void> {
  for (let i = 0; i < turns; i++) await sleep(10);
}

/** What a node does that never answers. Unlike a long sleep it does not keep the test's process alive behind the last test. */
export function never(): Promise<never> {
  return new Promise(() => {});
}

/** The promise's value, or an error that names what was awaited. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = Math.round(milliseconds * crowding());
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms for ${what}`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Between two looks at a condition, in ms: at least, at most, and as a multiple of what a look takes, so that looking takes no processor. */
const PAUSE = { least: 10, most: 100, times: 4 };

/** Asks again every few milliseconds until `condition` gives something truthy, and returns that. */
export async function waitFor<T>(what: string, condition: () => T | Promise<T>, milliseconds = 5000): Promise<NonNullable<T>> {
  const started = performance.now();
  for (;;) {
    const began = performance.now();
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (!isWithin(milliseconds, started)) throw new Error(`waited ${Math.round(performance.now() - started)} ms for ${what}`);
    await sleep(Math.max(PAUSE.least, Math.min(PAUSE.most, PAUSE.times * (performance.now() - began))));
  }
}
