import type { PeerAddress } from '../net/peer.ts';
import type { Node } from './node.ts';

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
