import type { RouterStatus } from './routers.ts';
import type { WorkerStatus } from './workers.ts';

/** What the master knows of itself and its processes. */
export interface MasterStatus {
  /** Name and version of the program. */
  readonly version: string;
  readonly pid: number;
  /** In ms. */
  readonly uptime: number;
  /** 1, and one more with every reload. */
  readonly generation: number;
  readonly isPaused: boolean;
  readonly routers: readonly RouterStatus[];
  readonly workers: readonly WorkerStatus[];
}
