/** So long behind its last step, in ms, a guest may be in the middle of a chain of them. */
const STEP_MS = 10;

/**
 * What of the user's is under way in this process. Timers and immediates carry it on, or I/O of its own, and these belong to the
 * runtime's event loop: where another one asks the kernel in its place, it must not wait there meanwhile.
 */
export class Guests {
  /** Those that somebody waits for until they say that they are done. */
  count = 0;
  #steppedAt = Number.NEGATIVE_INFINITY;

  /** One that may go on for hours, and need not be waited for between its steps, has taken one. @returns when, by `performance.now()` */
  stepped(): number {
    this.#steppedAt = performance.now();
    return this.#steppedAt;
  }

  /** @param now by `performance.now()` */
  areHere(now: number): boolean {
    return this.count > 0 || now - this.#steppedAt < STEP_MS;
  }
}
