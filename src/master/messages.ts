/** What the master and its children say to each other, as JSON over their message channel. */

/** One setting, as `configFromSettings` takes it. */
export type SettingMessage = object;

/** A place where workers take requests from routers. */
export interface WorkerNode {
  /** `worker`: one of ours, that speaks HTTP. `uwsgi`: the shared socket of WSGI workers. */
  readonly kind: 'worker' | 'uwsgi';
  /** Of its unix socket. */
  readonly path: string;
  /** Another number for another process behind the same path: connections that are kept to the one before are of no use any more. */
  readonly spawn: number;
}

export type Role = 'router' | 'worker';

/** What runs behind the routers. Of a fetch app: its module (absolute path), and the export that is the handler; null for the default one. */
export type AppPlace =
  | { readonly kind: 'none' }
  | { readonly kind: 'wsgi' }
  | { readonly kind: 'fetch'; readonly path: string; readonly name: string | null };

/** The first message to a child. */
export interface StartOrder {
  readonly kind: 'start';
  readonly role: Role;
  /** From 1. */
  readonly id: number;
  readonly settings: readonly SettingMessage[];
  readonly app: AppPlace;
  readonly nodes: readonly WorkerNode[];
  /** Where a worker says what it is doing (`harakiri`); null when nobody asks. */
  readonly scoreboard: string | null;
  /** Requests are turned away (`SIGTSTP`). */
  readonly isPaused: boolean;
}

/** From the master to a child. */
export type Order =
  | StartOrder
  /** Routers: from now on these settings and these workers; answered by `using`. Null settings: those you have. */
  | { readonly kind: 'use'; readonly ticket: number; readonly settings: readonly SettingMessage[] | null; readonly nodes: readonly WorkerNode[] }
  | { readonly kind: 'pause'; readonly isPaused: boolean }
  /** A node is dead or alive again, as another router has seen or checked. */
  | { readonly kind: 'mark'; readonly mark: NodeMark }
  /** Finish what is in flight within `mercy` ms, then end. Idle clients have `patience` ms for one more request. */
  | { readonly kind: 'drain'; readonly mercy: number; readonly patience: number }
  /** Workers: accept nothing more, and serve what you have; answered by `using`. */
  | { readonly kind: 'stop-accepting'; readonly ticket: number }
  /** Answered by `status`. */
  | { readonly kind: 'status'; readonly ticket: number };

/** What one router has seen of a node, for the others. It ends with the settings that made it. */
export interface NodeMark {
  /** As logs call it. */
  readonly node: string;
  /** Its requests showed it (`dead`, `alive`), or its checks (`down`, `up`). */
  readonly cause: 'requests' | 'checks';
  readonly mark: 'dead' | 'alive' | 'down' | 'up';
  /** Of `dead`: asking the node again costs nothing but a refusal, so that a probe of last resort may. */
  readonly failsFast: boolean;
}

/** From a child to the master. */
export type Report =
  | { readonly kind: 'ready' }
  /** It cannot do its work, and ends. `message` is for people, `hint` says what to do about it, or is null. */
  | { readonly kind: 'failed'; readonly message: string; readonly hint: string | null }
  | { readonly kind: 'using'; readonly ticket: number; readonly problem: string | null }
  | { readonly kind: 'mark'; readonly mark: NodeMark }
  /** It has done its part (`max-requests`, `max-worker-lifetime`): let another take its place. */
  | { readonly kind: 'retire'; readonly reason: string }
  | { readonly kind: 'status'; readonly ticket: number; readonly status: ProcessStatus };

/** What a child says of itself. */
export interface ProcessStatus {
  readonly connections: number;
  readonly requests: number;
  readonly running: number;
}
