import type { Due } from './seam/event-loop.ts';

/** Those who are to be told, in order. */
export class DueList {
  readonly #due: Due[] = [];
  /** The first who has not been told. */
  #next = 0;

  get isEmpty(): boolean {
    return this.#due.length === 0;
  }

  /** Returns whether it is the first. */
  add(due: Due): boolean {
    return this.#due.push(due) === 1;
  }

  /** Tells all of them, and those whom they add. When one throws the others are still to be told. */
  tell(): void {
    while (this.#next < this.#due.length) {
      const due = this.#due[this.#next]!;
      this.#next += 1;
      due.told();
    }
    this.#next = 0;
    this.#due.length = 0;
  }
}

/** Tells by the runtime's own event loop, all that are due at once. */
export class Later {
  readonly #due = new DueList();
  readonly #schedule: (tell: () => void) => void;

  /** @param schedule calls `tell` once, later than the call that asked for it: `queueMicrotask`, `setImmediate` */
  constructor(schedule: (tell: () => void) => void) {
    this.#schedule = schedule;
  }

  add(due: Due): void {
    if (this.#due.add(due)) this.#schedule(this.#tell);
  }

  readonly #tell = (): void => {
    try {
      this.#due.tell();
    } finally {
      if (!this.#due.isEmpty) this.#schedule(this.#tell);
    }
  };
}
