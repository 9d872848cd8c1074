import type { Guests } from '../guests.ts';

/** When things are told: a turn is the events that are taken from the kernel together. */
export interface EventLoop {
  /** Whoever runs the user's code says here when it is under way. */
  readonly guests: Guests;
  /** Calls `due.told()` when no handler is on the stack, and before the next event where the adapter can. */
  soon(due: Due): void;
  /**
   * Calls `due.told()` once behind the events that were taken together and what their promises have made due, before the kernel is asked
   * for more: what several of them have to say to one connection goes out in one write. Asked outside of a turn (by a timer, a file), it is
   * told in a moment; asked while it is told, in the same turn. Who asks twice is told twice.
   */
  atTurnEnd(due: Due): void;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** Something that has to be told later than the call that caused it. Asked for once, it is told once. */
export interface Due {
  told(): void;
}
