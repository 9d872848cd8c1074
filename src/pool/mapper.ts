import type { Refusal } from '../http1/refusal.ts';
import type { Pool } from './pool.ts';

/** What is known of a key: the pool that serves it, why the request must be refused, or null when this mapper does not know it. */
export type Found = Pool | Refusal | null;

/**
 * Finds the pool for a routing key, which `routingKey` has put into its normal form. It never throws or rejects, and answers
 * with a promise only where it must ask something that takes time.
 */
export interface Mapper {
  find(key: string): Found | Promise<Found>;
  /** Ends timers and threads. What was found stays usable. */
  stop?(): void;
}

const refuse = (status: number, code: string, rule: string): Refusal => ({ status, code, rule });

/** Why a key gets no pool though somebody is responsible for it. */
export const MAPPING_REFUSALS = {
  badKey: refuse(400, 'bad-routing-key', 'the host cannot be part of a path (http-use-pattern, http-use-base)'),
  late: refuse(503, 'mapping-late', 'the code of http-use-code-string did not answer in time'),
  failed: refuse(503, 'mapping-failed', 'the code of http-use-code-string threw, or gave no address'),
} as const satisfies Record<string, Refusal>;

/** True when the request gets this answer instead of a pool. */
export function isRefusal(found: Pool | Refusal): found is Refusal {
  return 'status' in found;
}
