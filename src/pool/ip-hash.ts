import type { PeerAddress } from '../net/peer.ts';
import type { Balancer } from './balancer.ts';
import { hashPair, hashText } from './hash.ts';
import type { Node } from './node.ts';
import { RoundRobin } from './round-robin.ts';

/**
 * The same node for the same client address (`iphash`), by weighted rendezvous hashing: each node draws a number for the client,
 * the highest wins. A node that goes or comes moves only its own clients, and they spread over all others by weight; where the
 * node stands in the list plays no part. Clients on unix sockets have no address and are taken in turns.
 */
export class IpHash implements Balancer {
  readonly #graceTime: number;
  readonly #slowStart: number;
  readonly #turns: RoundRobin;
  #nodes: readonly Node[] = [];
  #hashes: readonly number[] = [];

  constructor(graceTime: number, slowStart: number) {
    this.#graceTime = graceTime;
    this.#slowStart = slowStart;
    this.#turns = new RoundRobin(graceTime, slowStart);
  }

  use(nodes: readonly Node[]): void {
    this.#nodes = nodes;
    this.#turns.use(nodes);
    // One that is there twice shall have twice the share, so each of them draws for itself.
    const counts = new Map<number, number>();
    this.#hashes = nodes.map(({ hash }) => {
      const count = counts.get(hash) ?? 0;
      counts.set(hash, count + 1);
      return hashPair(hash, count);
    });
  }

  pick(now: number, client: PeerAddress | null, tried: readonly Node[] | null): Node | null {
    if (client === null || client.family === 'unix') return this.#turns.pick(now, client, tried);
    const nodes = this.#nodes;
    const hash = hashText(client.address);
    let best: Node | null = null;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i];
      if (!node.canTake(now, this.#graceTime) || tried?.includes(node)) continue;
      // ln(u) / w with u evenly in (0, 1) is highest for a node with the probability of its weight.
      const score = Math.log((hashPair(hash, this.#hashes[i]) + 0.5) / 2 ** 32) / (node.weight * node.tenths(now, this.#slowStart));
      if (score <= bestScore) continue;
      best = node;
      bestScore = score;
    }
    return best;
  }
}
