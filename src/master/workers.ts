import type { WorkerNode } from './messages.ts';

/** Requests that were on their way into a worker's queue when routers turned to others get there in this time, in ms. */
const SETTLE_MS = 100;

/** Resolves when nothing is on its way any more to workers that routers have turned from. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

/** What is known of one worker. */
export interface WorkerStatus {
  readonly id: number;
  readonly pid: number;
  readonly state: string;
  readonly requests: number;
  /** Requests that it works at. */
  readonly running: number;
  /** The first line of the request that it works at, and for how long it has, in s; null where that is not known. */
  readonly request: string | null;
  readonly since: number | null;
}

/** One generation of app workers, of either kind. */
export interface Workers {
  /** Where requests for them go at this moment. The array is replaced, never changed. */
  readonly nodes: readonly WorkerNode[];
  /** Resolves when all of them are ready and have answered a first probe. @throws {Error} whose message says why they cannot */
  start(): Promise<void>;
  /** One after the other makes room for a fresh process. Left out: all of them are one. @throws {Error} when one of these cannot start */
  chain?(): Promise<void>;
  /** Somebody waits for `chain` to be over: it waits for nobody any more, and who loads for more than `ms` is given up. */
  hurry?(ms: number): void;
  /**
   * They finish what they have, within `worker-reload-mercy`; resolves when they are gone. Idle clients of their own have `patience` ms for
   * one more request. `limit` (ms) is what there is at most: at a stop `reload-mercy` is for all together. Asked again, the sooner end counts.
   */
  drain(patience: number, limit?: number): Promise<void>;
  /** Ends them at once. */
  destroy(): void;
  status(): Promise<readonly WorkerStatus[]>;
}
