import type { ResponseHead } from '../http1/response-head.ts';
import type { ConnectAddress } from '../net/address.ts';
import type { Backend } from '../pool/backend.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import type { Idle, IdleConnections } from './idle-connections.ts';

export interface PersistentSettings {
  /** How long a connection is kept without a request (`http-upstream-idle`), in ms. */
  readonly idle: number;
  /** How many such connections are kept to one node (`http-upstream-connections`). */
  readonly connections: number;
  /**
   * A worker of the node serves one connection until that closes, and another waits for it however idle it is: connections are
   * given up for those that wait. Default false.
   */
  readonly yields?: boolean;
  /**
   * Nodes on unix sockets that close no connection of their own accord: one that ends has crashed or was killed. Whether it had read
   * the request is known: the kernel resets a unix socket over unread bytes and else ends it in order. Only what was not read is sent
   * again, be the connection used or new, so that a request which kills one worker is not put to the next. Default false.
   */
  readonly repeatsUnread?: boolean;
}

/** One server and the connections to it that wait for a request. */
export interface BackendConnections<Upstream extends Idle> {
  readonly backend: Backend;
  readonly address: ConnectAddress;
  readonly idle: IdleConnections<Upstream>;
  /** Requests on new connections that got no byte yet, and since when there were always some. */
  waiting: number;
  waitingSince: number;
  /** Connections to give up for requests that wait elsewhere. */
  owed: number;
}

/** What keeps the connections of one protocol, as far as one of them asks for it. */
export interface Keeper<Upstream extends Idle> {
  readonly wheel: TimerWheel;
  readonly settings: PersistentSettings;
  /** Shared by the readers of all connections. */
  readonly head: ResponseHead;
  /** Each connection is closed behind its answer. */
  readonly isStopped: boolean;
  connect(upstream: Upstream, address: ConnectAddress): Connection<Upstream>;
  closed(upstream: Upstream): void;
  /** Frees a worker: at once, or with the next answer that is complete. */
  freeWorker(kept: BackendConnections<Upstream>): void;
  /** Is told what was thrown outside of a handler. */
  failed(error: unknown): void;
}
