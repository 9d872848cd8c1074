import type { Node } from './node.ts';
import { Watch } from './watch.ts';

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

/** Nodes that came and went are noticed this soon, in ms. */
const LOOK_MS = 1_000;

/**
 * Asks the nodes of a pool in regular intervals whether they are well, and marks them up or down. Each node has its own times,
 * and at most one check at a time. Nodes are up until their first check says otherwise; apps in this process are not asked.
 */
export class HealthCheck {
  readonly #source: { readonly nodes: readonly Node[] };
  readonly #probe: Probe;
  readonly #settings: HealthCheckSettings;
  readonly #world: HealthCheckWorld;
  #seen: readonly Node[] = [];
  #watches: readonly Watch[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isStopped = false;

  /**
   * Starts at once.
   * @param source a pool, or any one source; its nodes may change
   */
  constructor(source: { readonly nodes: readonly Node[] }, probe: Probe, settings: HealthCheckSettings, world: HealthCheckWorld) {
    this.#source = source;
    this.#probe = probe;
    this.#settings = settings;
    this.#world = world;
    this.#turn();
  }

  /** Ends all checks; the nodes keep their marks. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watch of this.#watches) watch.cancel();
    this.#watches = [];
  }

  /** Does what is due, and comes back for what is due next. */
  #turn(): void {
    const now = this.#world.now();
    this.#follow(now);
    let next = now + LOOK_MS;
    for (const watch of this.#watches) {
      watch.turn(now);
      // A log or a probe may have stopped us meanwhile.
      if (this.#isStopped) return;
      next = Math.min(next, watch.dueAt(now));
    }
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, next - now));
  }

  #follow(now: number): void {
    const { nodes } = this.#source;
    if (nodes === this.#seen) return;
    this.#seen = nodes;
    const known = new Map(this.#watches.map((watch) => [watch.node, watch]));
    const watches: Watch[] = [];
    for (const node of new Set(nodes)) {
      if (node.target.kind === 'app') continue;
      watches.push(known.get(node) ?? new Watch(node, this.#probe, this.#settings, this.#world, now));
      known.delete(node);
    }
    for (const gone of known.values()) gone.cancel();
    this.#watches = watches;
  }
}
