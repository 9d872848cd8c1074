import type { Node } from './node.ts';

/** How a node is asked whether it is well. Made elsewhere: the pool knows no sockets. */
export interface Probe {
  /**
   * Asks the node. `done` is called once, in this call or later; `reason` goes to the log when it is not `ok`. Null: it could not be
   * asked, for want of something of our own, and nothing is known.
   * Returns what ends the question early; `done` need not be called then.
   */
  start(node: Node, done: (ok: boolean | null, reason: string) => void): () => void;
}

/** Times in ms. */
export interface HealthCheckSettings {
  /** From the start of one check of a node to the next. */
  readonly interval: number;
  /** How long an answer may take. */
  readonly timeout: number;
  /** Bad checks in a row that take a node down; the very first one decides alone. */
  readonly fails: number;
  /** Good checks in a row that bring it up again. */
  readonly passes: number;
}

/** What the checks ask of the world around them. */
export interface HealthCheckWorld {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Evenly from 0 to 1. */
  random(): number;
  /** A node went up or down. */
  changed(node: Node, isUp: boolean, reason: string): void;
}
