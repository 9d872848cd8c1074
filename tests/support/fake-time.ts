/** Time that stands still until a test moves it: `using time = new FakeTime()`. The runtimes' own mocks differ, and Deno's leak. */

type Callback = () => void;

const REAL = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  now: Date.now,
};

export class FakeTime {
  /** Milliseconds, also what `Date.now` says. */
  now: number;
  readonly #timers = new Map<number, { at: number; every: number | null; run: Callback }>();
  #last = 0;

  constructor(now = 1_000_000) {
    this.now = now;
    const set = (every: boolean) => (run: Callback, ms: number) => {
      this.#timers.set(++this.#last, { at: this.now + ms, every: every ? ms : null, run });
      return this.#last;
    };
    const clear = (id: number) => void this.#timers.delete(id);
    Object.assign(globalThis, { setTimeout: set(false), setInterval: set(true), clearTimeout: clear, clearInterval: clear });
    Date.now = () => this.now;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on and runs what falls due on the way, in order. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      let next: number | null = null;
      for (const [id, timer] of this.#timers) if (timer.at <= until && (next === null || timer.at < this.#timers.get(next)!.at)) next = id;
      if (next === null) break;
      const timer = this.#timers.get(next)!;
      this.now = timer.at;
      if (timer.every === null) this.#timers.delete(next);
      else timer.at += timer.every;
      timer.run();
    }
    this.now = until;
  }

  /** Moves the clock without letting anything run, as a machine does that sleeps: intervals are late then. */
  sleep(ms: number): void {
    this.now += ms;
    for (const timer of this.#timers.values()) timer.at = Math.max(timer.at, this.now);
  }

  [Symbol.dispose](): void {
    const { now, ...timers } = REAL;
    Object.assign(globalThis, timers);
    Date.now = now;
  }
}
