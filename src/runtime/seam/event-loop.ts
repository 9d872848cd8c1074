import type { Guests } from '../guests.ts';

/** When things are told: a turn is the events that are taken from the kernel together. */
export interface EventLoop {
  /** Whoever runs the user's code says here when it is under way. */
  readonly guests: Guests;
  /** Calls `due.told()` when no handler is on the stack, and before the next event where the adapter can. */
  soon(due: Due): void;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** Something that has to be told later than the call that caused it. Asked for once, it is told once. */
export interface Due {
  told(): void;
}
