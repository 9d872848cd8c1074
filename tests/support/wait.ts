/** Waiting with a bound: nothing in a test may wait for ever. */

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a node does that never answers. Unlike a long sleep it does not keep the test's process alive behind the last test. */
export function never(): Promise<never> {
  return new Promise(() => {});
}

/** The promise's value, or an error that names what was awaited. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
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
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const began = performance.now();
    const value = await condition();
    if (value) return value as NonNullable<T>;
    const now = performance.now();
    if (now > deadline) throw new Error(`waited ${milliseconds} ms for ${what}`);
    await sleep(Math.max(PAUSE.least, Math.min(PAUSE.most, PAUSE.times * (now - began))));
  }
}
