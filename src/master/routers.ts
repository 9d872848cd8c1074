import type { AppPlace, ProcessStatus, SettingMessage, WorkerNode } from './messages.ts';

/** What routers work by: one generation of config, and the workers of this moment. */
export interface RouterPlan {
  /** The config that `settings` make, for a router in the master's own process: the master only passes it on. */
  readonly config: unknown;
  readonly settings: readonly SettingMessage[];
  readonly app: AppPlace;
  readonly nodes: readonly WorkerNode[];
}

export interface RouterStatus extends ProcessStatus {
  readonly id: number;
  readonly pid: number;
}

/** All routers: processes of their own, or the one in the master's process when there is no other. */
export interface Routers {
  /** Resolves when they serve. @throws {Error} whose message says why they cannot */
  start(plan: RouterPlan): Promise<void>;
  /** Resolves when all of them work by `plan`: with null, or why one of them goes on by the one before. */
  use(plan: RouterPlan): Promise<string | null>;
  /** New requests are answered 503 until it is over. */
  pause(isPaused: boolean): void;
  /** They finish what is in flight within `mercy` ms; resolves when they are gone. Idle clients have `patience` ms for one more request. */
  drain(mercy: number, patience: number): Promise<void>;
  destroy(): void;
  status(): Promise<readonly RouterStatus[]>;
}
