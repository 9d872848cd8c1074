import type { Algorithm, Balancer } from './balancer.ts';
import { IpHash } from './ip-hash.ts';
import { LeastRunning } from './least-running.ts';
import { RoundRobin } from './round-robin.ts';

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
