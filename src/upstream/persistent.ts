import { ResponseHead } from '../http1/response-head.ts';
import type { ConnectAddress } from '../net/address.ts';
import type { Backend } from '../pool/backend.ts';
import type { Node } from '../pool/node.ts';
import type { UpstreamExchange } from '../router/upstream.ts';
import type { Connection, ConnectionHandlers, Sockets } from '../runtime/seam/sockets.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import { IdleConnections } from './idle-connections.ts';
import type { BackendConnections, Keeper, PersistentSettings } from './keeper.ts';
import type { PersistentUpstream } from './persistent-upstream.ts';
import { isRepeatable } from './repeatable.ts';

/** A node may close an idle connection at the moment we use it. A request that must not be sent twice trusts one only so many ms. */
const TRUSTED_MS = 1_000;

/** What keeps the connections of one protocol, to all its nodes. */
export class PersistentConnections implements Keeper<PersistentUpstream> {
  readonly wheel: TimerWheel;
  readonly settings: PersistentSettings;
  readonly head = new ResponseHead();
  isStopped = false;
  readonly #sockets: Sockets;
  readonly #failed: (error: unknown) => void;
  readonly #byBackend = new WeakMap<Backend, BackendConnections<PersistentUpstream>>();
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

  to({ backend }: Node, address: ConnectAddress): BackendConnections<PersistentUpstream> {
    const known = this.#byBackend.get(backend);
    if (known !== undefined) return known;
    const idle = new IdleConnections<PersistentUpstream>(this.settings.connections);
    const kept: BackendConnections<PersistentUpstream> = { backend, address, idle, waiting: 0, waitingSince: 0, owed: 0 };
    this.#byBackend.set(backend, kept);
    // Who keeps none, as checks do, must not be remembered: the backend may outlive any number of generations.
    if (this.settings.connections > 0)
      backend.whenGone(() => {
        for (let last = idle.take(0); last !== null; last = idle.take(0)) last.discardIdle();
      });
    return kept;
  }

  /** An idle connection that may be trusted with the request, or null. A raw request has one of its own. */
  take(kept: BackendConnections<PersistentUpstream>, exchange: UpstreamExchange): PersistentUpstream | null {
    if (exchange.request.isRaw) return null;
    return kept.idle.take(isRepeatable(exchange) ? 0 : this.wheel.now - TRUSTED_MS);
  }

  freeWorker(kept: BackendConnections<PersistentUpstream>): void {
    const idle = kept.idle.take(0);
    if (idle === null) kept.owed = 1;
    else idle.discardIdle();
  }

  connect(upstream: PersistentUpstream, address: ConnectAddress): Connection<PersistentUpstream> {
    this.#open.add(upstream);
    return this.#sockets.connect(address, upstream, this.#handlers);
  }

  closed(upstream: PersistentUpstream): void {
    this.#open.delete(upstream);
  }

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
