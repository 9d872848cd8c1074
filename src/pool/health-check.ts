import type { Node } from './node.ts';
import { NodeCheck } from './node-check.ts';
import type { HealthCheckSettings, HealthCheckWorld, Probe } from './probe.ts';

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
  #checks: readonly NodeCheck[] = [];
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
    for (const check of this.#checks) check.cancel();
    this.#checks = [];
  }

  /** Does what is due, and comes back for what is due next. */
  #turn(): void {
    const now = this.#world.now();
    this.#follow(now);
    let next = now + LOOK_MS;
    for (const check of this.#checks) {
      check.turn(now);
      // A log or a probe may have stopped us meanwhile.
      if (this.#isStopped) return;
      next = Math.min(next, check.dueAt(now));
    }
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, next - now));
  }

  #follow(now: number): void {
    const { nodes } = this.#source;
    if (nodes === this.#seen) return;
    this.#seen = nodes;
    const known = new Map(this.#checks.map((check) => [check.node, check]));
    const checks: NodeCheck[] = [];
    for (const node of new Set(nodes)) {
      if (node.target.kind === 'app') continue;
      checks.push(known.get(node) ?? new NodeCheck(node, this.#probe, this.#settings, this.#world, now));
      known.delete(node);
    }
    for (const gone of known.values()) gone.cancel();
    this.#checks = checks;
  }
}
