/** What the master and its children say to each other, as JSON over their message channel. */

import type { TopicMessage, TopicState } from './topic-hub.ts';

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
export type AppTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'wsgi' }
  | { readonly kind: 'fetch'; readonly path: string; readonly name: string | null };

/** The first message to a child. */
export interface StartOrder {
  readonly kind: 'start';
  readonly role: Role;
  /** From 1. */
  readonly id: number;
  /** Number of the plan that these settings are. */
  readonly plan: number;
  readonly settings: readonly SettingMessage[];
  readonly app: AppTarget;
  /** Where a worker says what it is doing (`harakiri`); null when nobody asks. */
  readonly scoreboard: string | null;
  /** What all of its kind must know. Changes follow when it is ready. */
  readonly topics: readonly TopicState[];
}

/** From the master to a child. Those with a ticket are answered by `done`, if nothing else is said. */
export type Order =
  | StartOrder
  | TopicMessage
  /** Routers: build what these settings ask for, and go on with those you have. A problem says that they cannot be used. */
  | { readonly kind: 'prepare'; readonly ticket: number; readonly plan: number; readonly settings: readonly SettingMessage[] }
  /** Routers: from now on use what you prepared as this plan. */
  | { readonly kind: 'commit'; readonly ticket: number; readonly plan: number }
  /** Routers: let go of what you prepared as this plan, if you have. */
  | { readonly kind: 'abandon'; readonly plan: number }
  /** Finish what is in flight within `mercy` ms, then end. Idle clients have `patience` ms for one more request. */
  | { readonly kind: 'drain'; readonly mercy: number; readonly patience: number }
  /** Workers: accept nothing more, and serve what you have. */
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
  /** Of `dead`: it died of broken answers, and a connection does not bring it back. */
  readonly isOfAnswers: boolean;
}

/** From a child to the master. */
export type Report =
  | { readonly kind: 'ready' }
  /** It cannot do its work, and ends. `message` is for people, `hint` says what to do about it, or is null. */
  | { readonly kind: 'failed'; readonly message: string; readonly hint: string | null }
  | { readonly kind: 'done'; readonly ticket: number; readonly problem: string | null }
  /** Of a topic: everything up to this message. */
  | { readonly kind: 'heard'; readonly seq: number }
  /** It has seen this of a node of that plan. */
  | { readonly kind: 'mark'; readonly plan: number; readonly mark: NodeMark }
  /** It has done its part (`max-requests`, `max-worker-lifetime`): let another take its place. */
  | { readonly kind: 'retire'; readonly reason: string }
  | { readonly kind: 'status'; readonly ticket: number; readonly status: ProcessStatus };

/** What a child says of itself. */
export interface ProcessStatus {
  readonly connections: number;
  readonly requests: number;
  readonly running: number;
}
