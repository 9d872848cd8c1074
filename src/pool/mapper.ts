import type { Failure } from '../failure/failures.ts';
import type { Pool } from './pool.ts';

/** What is known of a key: the pool that serves it, why the request must be refused, or null when this mapper does not know it. */
export type Found = Pool | Failure | null;

/**
 * Finds the pool for a routing key, which `routingKey` has put into its normal form. It never throws or rejects, and answers
 * with a promise only where it must ask something that takes time.
 */
export interface Mapper {
  find(key: string): Found | Promise<Found>;
  /** Ends timers and threads. What was found stays usable. */
  stop?(): void;
}

/** True when the request gets this answer instead of a pool. */
export function isRefusal(found: Pool | Failure): found is Failure {
  return 'status' in found;
}
