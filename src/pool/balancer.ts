import type { PeerAddress } from '../net/peer.ts';
import { IpHash } from './ip-hash.ts';
import { LeastRunning } from './least-running.ts';
import type { Node } from './node.ts';
import { RoundRobin } from './round-robin.ts';

/** uWSGI's names (`http-algo`, `subscription-algo`). */
export const ALGORITHMS = ['wrr', 'lrc', 'wlrc', 'iphash'] as const;

/**
 * How a pool chooses. `wrr`: in turns, by weight. `lrc`: the one with the fewest running requests. `wlrc`: likewise, by weight.
 * `iphash`: the same one for the same client.
 */
export type Algorithm = (typeof ALGORITHMS)[number];

/** Chooses among nodes of equal standing. Times in ms. */
export interface Balancer {
  /** The nodes to choose from, from now on. */
  use(nodes: readonly Node[]): void;
  /** One that can take a request and is not among `tried`; or null. */
  pick(now: number, client: PeerAddress | null, tried: readonly Node[] | null): Node | null;
}

/**
 * @param graceTime how long a dead node is left alone
 * @param slowStart how long a node that came back takes to its whole weight; 0 for at once
 */
export function makeBalancer(algorithm: Algorithm, graceTime: number, slowStart: number): Balancer {
  switch (algorithm) {
    case 'wrr':
      return new RoundRobin(graceTime, slowStart);
    case 'lrc':
      return new LeastRunning(graceTime, slowStart, false);
    case 'wlrc':
      return new LeastRunning(graceTime, slowStart, true);
    case 'iphash':
      return new IpHash(graceTime, slowStart);
  }
}
