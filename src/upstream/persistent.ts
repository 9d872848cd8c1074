import { ascii, equalsBytes } from '../http1/bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { ResponseHead } from '../http1/response-head.ts';
import type { ConnectAddress } from '../net/address.ts';
import type { Backend } from '../pool/backend.ts';
import type { Node } from '../pool/node.ts';
import type { UpstreamExchange } from '../router/upstream.ts';
import type { Connection, ConnectionHandlers, Sockets } from '../runtime/seam/sockets.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import { IdleConnections } from './idle-connections.ts';
import type { PersistentUpstream } from './persistent-upstream.ts';

/** A node may close an idle connection at the moment we use it. A request that must not be sent twice trusts one only so many ms. */
const TRUSTED_MS = 1_000;

/** Safe and idempotent methods (RFC 9110 9.2.2): asking twice is asking once. */
const REPEATABLE: readonly Uint8Array[] = ['OPTIONS', 'TRACE', 'PUT', 'DELETE'].map(ascii);

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
export interface Place {
  readonly backend: Backend;
  readonly address: ConnectAddress;
  readonly idle: IdleConnections<PersistentUpstream>;
  /** Requests on new connections that got no byte yet, and since when there were always some. */
  waiting: number;
  waitingSince: number;
  /** Connections to give up for requests that wait elsewhere. */
  owed: number;
}

/** What keeps the connections of one protocol, to all its nodes. */
export class PersistentConnections {
  readonly wheel: TimerWheel;
  readonly settings: PersistentSettings;
  /** Shared by the readers of all connections. */
  readonly head = new ResponseHead();
  isStopped = false;
  readonly #sockets: Sockets;
  readonly #failed: (error: unknown) => void;
  readonly #places = new WeakMap<Backend, Place>();
  readonly #open = new Set<PersistentUpstream>();

  /** @param failed is told of exceptions in handlers */
  constructor(sockets: Sockets, wheel: TimerWheel, settings: PersistentSettings, failed: (error: unknown) => void) {
    this.#sockets = sockets;
    this.wheel = wheel;
    this.settings = settings;
    this.#failed = failed;
  }

  /** How many connections there are, idle ones included. */
  get size(): number {
    return this.#open.size;
  }

  place({ backend }: Node, address: ConnectAddress): Place {
    const known = this.#places.get(backend);
    if (known !== undefined) return known;
    const idle = new IdleConnections<PersistentUpstream>(this.settings.connections);
    const place: Place = { backend, address, idle, waiting: 0, waitingSince: 0, owed: 0 };
    this.#places.set(backend, place);
    backend.whenGone(() => {
      for (let last = idle.take(0); last !== null; last = idle.take(0)) last.discardIdle();
    });
    return place;
  }

  /** An idle connection that may be trusted with the request, or null. A raw request has one of its own. */
  take(place: Place, exchange: UpstreamExchange): PersistentUpstream | null {
    if (exchange.request.isRaw) return null;
    return place.idle.take(isRepeatable(exchange) ? 0 : this.wheel.now - TRUSTED_MS);
  }

  /** Frees a worker: at once, or with the next answer that is complete. */
  freeWorker(place: Place): void {
    const idle = place.idle.take(0);
    if (idle === null) place.owed = 1;
    else idle.discardIdle();
  }

  connect(upstream: PersistentUpstream, address: ConnectAddress): Connection<PersistentUpstream> {
    this.#open.add(upstream);
    return this.#sockets.connect(address, upstream, this.#handlers);
  }

  closed(upstream: PersistentUpstream): void {
    this.#open.delete(upstream);
  }

  /** Is told what was thrown outside of a handler. */
  failed(error: unknown): void {
    this.#failed(error);
  }

  /** Closes idle connections, and from now on each behind its answer. */
  stop(): void {
    this.isStopped = true;
    for (const upstream of this.#open) upstream.discardIdle();
  }

  readonly #handlers: ConnectionHandlers<PersistentUpstream> = {
    open: (connection) => connection.owner.opened(connection),
    data: (connection, bytes) => connection.owner.received(connection, bytes),
    drain: (connection) => connection.owner.drained(connection),
    end: (connection) => connection.owner.peerEnded(connection),
    close: (connection, error) => connection.owner.closed(connection, error),
    connectFailed: (owner, failure) => owner.connectFailed(failure),
    failed: (connection, error) => {
      this.#failed(error);
      connection.owner.crashed();
    },
  };
}

/** True when the request can be sent a second time, whatever became of the first: idempotent, and there is no body. */
export function isRepeatable({ request }: UpstreamExchange): boolean {
  return !request.hasBody && !request.isRaw && (request.isGet || request.isHead || isIdempotent(request));
}

function isIdempotent({ bytes, methodStart, methodEnd }: RequestHead): boolean {
  for (const method of REPEATABLE) if (equalsBytes(bytes, methodStart, methodEnd, method)) return true;
  return false;
}
