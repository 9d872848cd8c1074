/** What a crash in a row waits for, in ms; the last one is for all that follow. */
const WAITS: readonly number[] = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000];
/** A child that served for less than this has crashed, in ms. */
const SHORT_MS = 1_000;
/** A child that served for so long is well: what was before is forgotten, in ms. */
const WELL_MS = 10_000;

/**
 * How long to wait before a child that died is started again: at once, unless it keeps dying before or just after it was ready;
 * then 250 ms, 500 ms, 1 s … up to 10 s. One for each slot in the tree.
 */
export class RespawnDelay {
  readonly #now: () => number;
  #crashes = 0;
  #hasStarted = false;
  #startedAt: number | null = null;

  /** @param now ms of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** True once a child in this slot has served. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** The child is ready and serves. One that dies without it has crashed, however long its start took. */
  started(): void {
    this.#hasStarted = true;
    this.#startedAt = this.#now();
  }

  /** The child died, not by our doing. @returns ms to wait before the next one is started */
  ended(): number {
    const lived = this.#startedAt === null ? 0 : this.#now() - this.#startedAt;
    this.#startedAt = null;
    if (lived >= WELL_MS) this.#crashes = 0;
    if (lived >= SHORT_MS) return 0;
    return WAITS[Math.min(this.#crashes++, WAITS.length - 1)]!;
  }
}
