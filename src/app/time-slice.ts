/** So long, in ms, what an app has at hand goes out before the event loop has its turn. */
const SLICE_MS = 10;

/**
 * The time that one stream of an app may take before others have theirs. A stream that has always more at hand, to a client that takes
 * all of it, is a chain of microtasks: without a break no other connection, timer or signal would be heard, nor that the client has left.
 */
export class TimeSlice {
  #began: number;

  /** @param now by `performance.now()` */
  constructor(now: number) {
    this.#began = now;
  }

  isOver(now: number): boolean {
    return now - this.#began >= SLICE_MS;
  }

  /** Resolves when the event loop has had its turn: another slice has begun. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#began = performance.now();
        resolve();
      });
    });
  }
}
