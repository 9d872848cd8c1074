import type { PeerAddress } from '../net/peer.ts';
import { FULL_TENTHS } from './backend.ts';
import type { Balancer } from './balancer.ts';
import type { Node } from './node.ts';

/**
 * Smooth weighted round robin (`wrr`): with each pick every node earns its weight, and the one that is owed most pays for all.
 * As many picks as all weights together give each node exactly its weight, well mixed: 2 and 1 are a b a. Nodes of one weight
 * come in their order, found without looking at the others.
 */
export class RoundRobin implements Balancer {
  readonly #graceTime: number;
  readonly #slowStart: number;
  #nodes: readonly Node[] = [];
  #cursor = 0;
  /** All weights are the same. */
  #isEven = true;
  /** Weights count: they differ, or a node on its way back has but a part of its own. */
  #isWeighted = false;

  constructor(graceTime: number, slowStart: number) {
    this.#graceTime = graceTime;
    this.#slowStart = slowStart;
  }

  use(nodes: readonly Node[]): void {
    this.#nodes = nodes;
    this.#isEven = nodes.every(({ weight }) => weight === nodes[0].weight);
    if (!this.#isEven) this.#isWeighted = true;
  }

  pick(now: number, _client: PeerAddress | null, tried: readonly Node[] | null): Node | null {
    if (this.#isWeighted) return this.#pickWeighted(now, tried);
    const nodes = this.#nodes;
    const count = nodes.length;
    let next = this.#cursor;
    for (let i = 0; i < count; i++) {
      if (next >= count) next = 0;
      const node = nodes[next++];
      if (!node.canTake(now, this.#graceTime) || tried?.includes(node)) continue;
      if (node.tenths(now, this.#slowStart) < FULL_TENTHS) return this.#pickWeighted(now, tried);
      this.#cursor = next;
      return node;
    }
    return null;
  }

  /** Looks at every node. Starts at the cursor, so that of nodes that are owed the same the one that waits longest is taken. */
  #pickWeighted(now: number, tried: readonly Node[] | null): Node | null {
    const nodes = this.#nodes;
    const count = nodes.length;
    const start = this.#cursor;
    let best: Node | null = null;
    let total = 0;
    let isRamping = false;
    for (let i = 0; i < count; i++) {
      const node = nodes[(start + i) % count];
      if (!node.canTake(now, this.#graceTime) || tried?.includes(node)) continue;
      const tenths = node.tenths(now, this.#slowStart);
      if (tenths < FULL_TENTHS) isRamping = true;
      const weight = node.weight * tenths;
      total += weight;
      node.credit += weight;
      if (best !== null && node.credit <= best.credit) continue;
      best = node;
      this.#cursor = (start + i + 1) % count;
    }
    if (best !== null) best.credit -= total;
    this.#isWeighted = !this.#isEven || isRamping;
    return best;
  }
}
