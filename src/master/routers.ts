import type { AppTarget, ProcessStatus, SettingMessage } from './messages.ts';

/** What routers work by: one generation of config. Where the workers of its app are is a topic of its own. */
export interface RouterPlan {
  /** The config that `settings` make, for a router in the master's own process: the master only passes it on. */
  readonly config: unknown;
  readonly settings: readonly SettingMessage[];
  readonly app: AppTarget;
}

export interface RouterStatus extends ProcessStatus {
  readonly id: number;
  readonly pid: number;
}

/** All routers: processes of their own, or the one in the master's process when there is no other. */
export interface Routers {
  /** Resolves when they serve. @throws {Error} whose message says why they cannot */
  start(plan: RouterPlan): Promise<void>;
  /** All of them build what `plan` asks for, and go on as before: with null, or why one of them cannot. Then `commit` or `abandon` follows. */
  prepare(plan: RouterPlan): Promise<string | null>;
  /** All of them turn to what they have prepared, which cannot fail; resolves when they have. */
  commit(): Promise<void>;
  /** All of them let go of what they have prepared. */
  abandon(): void;
  /** They finish what is in flight within `mercy` ms; resolves when they are gone. Idle clients have `patience` ms for one more request. */
  drain(mercy: number, patience: number): Promise<void>;
  destroy(): void;
  status(): Promise<readonly RouterStatus[]>;
}
