import type { PeerAddress } from '../net/peer.ts';
import type { Balancer } from './balancer.ts';
import type { Node } from './node.ts';

/**
 * The node with the fewest running requests (`lrc`), or with the fewest for its weight (`wlrc`). Where several have equally few,
 * as in quiet times, they take turns: all alike, or by weight.
 */
export class LeastRunning implements Balancer {
  readonly #graceTime: number;
  readonly #slowStart: number;
  readonly #isWeighted: boolean;
  #nodes: readonly Node[] = [];
  #cursor = 0;

  constructor(graceTime: number, slowStart: number, isWeighted: boolean) {
    this.#graceTime = graceTime;
    this.#slowStart = slowStart;
    this.#isWeighted = isWeighted;
  }

  use(nodes: readonly Node[]): void {
    this.#nodes = nodes;
  }

  pick(now: number, _client: PeerAddress | null, tried: readonly Node[] | null): Node | null {
    const nodes = this.#nodes;
    const count = nodes.length;
    let least: Node | null = null;
    let leastWeight = 1;
    for (let i = 0; i < count; i++) {
      const node = nodes[i];
      if (!node.canTake(now, this.#graceTime) || tried?.includes(node)) continue;
      const weight = this.#weigh(node, now);
      // running / weight, compared without dividing.
      if (least !== null && node.running * leastWeight >= least.running * weight) continue;
      least = node;
      leastWeight = weight;
    }
    return least === null ? null : this.#takeTurns(now, tried, least.running, leastWeight);
  }

  /** Smooth weighted round robin among those that have `running / weight`. */
  #takeTurns(now: number, tried: readonly Node[] | null, running: number, leastWeight: number): Node | null {
    const nodes = this.#nodes;
    const count = nodes.length;
    const start = this.#cursor;
    let best: Node | null = null;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const node = nodes[(start + i) % count];
      if (!node.canTake(now, this.#graceTime) || tried?.includes(node)) continue;
      const weight = this.#weigh(node, now);
      if (node.running * leastWeight !== running * weight) continue;
      total += weight;
      node.credit += weight;
      if (best !== null && node.credit <= best.credit) continue;
      best = node;
      this.#cursor = (start + i + 1) % count;
    }
    if (best !== null) best.credit -= total;
    return best;
  }

  #weigh(node: Node, now: number): number {
    const tenths = node.tenths(now, this.#slowStart);
    return this.#isWeighted ? node.weight * tenths : tenths;
  }
}
