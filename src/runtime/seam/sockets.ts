import type { ListenAddress, TcpAddress, UnixAddress } from '../../net/address.ts';
import type { PeerAddress } from '../../net/peer.ts';
import type { DatagramHandlers, DatagramSocket } from './datagrams.ts';

/**
 * Sockets, callback style: one shared handler object per listener or kind of upstream, so that the hot path needs no closure, promise,
 * stream or event emitter per socket.
 *
 * The rules of a connection, which `tests/runtime/` holds every adapter to:
 *
 * - `bytes` given to `data` are valid only during the call; who keeps them copies them. Whoever is called may write into them.
 * - After `write` returns, the caller may reuse its buffer; the adapter has copied what the kernel did not take.
 * - No handler runs inside a method of the connection. (A method called from a handler never re-enters one.)
 * - `close` comes exactly once and last, whoever closed, for every connection that was opened.
 * - `connectFailed` comes at most once and instead of `open` and `close`.
 * - `destroy()` before `open` cancels: no handler runs at all.
 * - After `end()` data still flows in; after the peer's FIN (`end` handler) data still flows out.
 *   When both sides have ended, the adapter closes the socket itself and `close` follows.
 */
export interface Sockets {
  /**
   * Accepts connections on `address`. A BoundSocket is taken over: it serves one `listen` and is closed with the listener,
   * which accepts no more only here and leaves a unix socket's file where it is; of `options` it heeds `deferAccept`, `acceptFailed` and `acceptsAgain`.
   * @throws {ListenError}
   */
  listen<Owner>(address: ListenAddress | BoundSocket, handlers: ConnectionHandlers<Owner>, options?: ListenOptions): Promise<Listener>;
  /** Binds `address` and listens on it without accepting; of `fd://N` it takes hold. @throws {ListenError} as `listen` does */
  bind(address: ListenAddress, options?: BindOptions): Promise<BoundSocket>;
  /** Starts connecting and returns at once; `open` or `connectFailed` follows. */
  connect<Owner>(to: TcpAddress | UnixAddress, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner>;
  /**
   * Asks for the right to connect there at start, where a person can still answer, and not in the middle of the first request.
   * @throws {PermissionError}
   */
  permitConnect(to: TcpAddress | UnixAddress): Promise<void>;
  /** A UDP socket. @throws {ListenError} */
  datagram(address: TcpAddress, handlers: DatagramHandlers): Promise<DatagramSocket>;
  /** Every A and AAAA address of a host name, in the resolver's order. Rejects when there is none. */
  resolve(name: string): Promise<string[]>;
}

/** What is known of the TLS session of a connection; `null` on plain connections. */
export interface TlsInfo {
  readonly serverName: string | null;
  readonly alpn: string | null;
}

/** What a socket can do. `Owner` is the session or upstream state attached to it. */
export interface Connection<Owner> {
  /** The state this connection serves. A listener's `open` handler sets it before it returns. */
  owner: Owner;
  /** Address of the other side. IPv4-mapped IPv6 addresses are shown as IPv4. `LOST_PEER` when it had reset before. Computed on first use. */
  readonly remote: PeerAddress;
  /** Address of this side. Computed on first use. */
  readonly local: PeerAddress;
  readonly tls: TlsInfo | null;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly queued: number;
  /**
   * Ms since its last bytes came, or since it was opened. Sockets of our own leave out the time in which the loop stood still. Where
   * `endInPause` is not among the capabilities the end of a pause counts as bytes.
   */
  readonly silence: number;
  /**
   * Sends `bytes[start, end)`, by default all of them, in order. Returns false when they had to be queued, which some
   * adapters say only from 64 KiB on: stop writing until `drain`.
   * Bytes written all the same are queued too. After `end` or `destroy` it does nothing and returns true.
   */
  write(bytes: Uint8Array, start?: number, end?: number): boolean;
  /** Flushes what is queued, then sends FIN. Data still flows in. */
  end(): void;
  /**
   * Sends `last[start, end)`, flushes what is queued, then closes both directions. What still comes in is thrown away; the handler
   * `close` tells when it is done.
   */
  close(last?: Uint8Array, start?: number, end?: number): void;
  /** Gives the socket up at once. What is queued is lost. */
  destroy(): void;
  /**
   * Does that, and the peer sees that what it got is not all: with a reset in place of FIN on TCP, where `resets` is among the
   * capabilities. A unix socket has no such thing.
   */
  reset(): void;
  /** Stops `data` (and the `end` behind it) until `resume`; the kernel's buffer fills and the peer is held back. */
  pause(): void;
  resume(): void;
  /** The peer has said all that is expected of it: whatever else comes, be it its end, may be told some ms late. */
  expectNoMore(): void;
}

/** One object per listener or kind of upstream, shared by all its connections. */
export interface ConnectionHandlers<Owner> {
  open(connection: Connection<Owner>): void;
  data(connection: Connection<Owner>, bytes: Uint8Array): void;
  /** Everything queued has been taken by the kernel. Comes only after a `write` that returned false. */
  drain(connection: Connection<Owner>): void;
  /** The peer sent FIN: no more data. */
  end(connection: Connection<Owner>): void;
  /**
   * The peer's FIN has come in a pause, behind `unread` bytes: these and `end` are told when that is over. Where there is such a handler a
   * connection that breaks in a pause is closed at once. Where `endInPause` is among the capabilities.
   */
  hangup?(connection: Connection<Owner>, unread: number): void;
  /** The socket is gone. `error` is null for an orderly close and for our own `destroy`, else a code such as `ECONNRESET`. */
  close(connection: Connection<Owner>, error: string | null): void;
  /** Outgoing connections only. */
  connectFailed(owner: Owner, failure: ConnectFailure): void;
  /**
   * One of the handlers above threw `error`; no other connection notices. Whoever implements this ends the connection, with
   * some last words if it likes. Left out, or when it throws itself, the connection is destroyed and stderr told.
   */
  failed?(connection: Connection<Owner>, error: unknown): void;
}

/**
 * Why an outgoing connection could not be made.
 *
 * - `refused`: nobody listens there.
 * - `missing`: the unix socket file does not exist.
 * - `busy`: the listener exists and its backlog is full (EAGAIN on a unix socket; on Bun ECONNREFUSED while the socket file exists and accepts).
 * - `unreachable`: no route, network or host down.
 * - `timeout`: the kernel gave up waiting.
 * - `dns`: the host name has no address.
 * - `local`: our own fault: no descriptor, no port, no buffer, no permission.
 */
export type ConnectFailureReason = 'refused' | 'missing' | 'busy' | 'unreachable' | 'timeout' | 'dns' | 'local';

export interface ConnectFailure {
  readonly reason: ConnectFailureReason;
  /** The system's code, such as `ECONNREFUSED`, for the log. */
  readonly code: string;
}

export interface ListenOptions {
  /** Several processes bind the same address. Default false. */
  reusePort?: boolean;
  /** Mode of a unix socket's file, such as 0o660. Default: as umask leaves it. */
  mode?: number;
  /** Length of the accept queue, where the runtime lets us choose. */
  backlog?: number;
  /**
   * Tells of a TCP client when its first bytes are there, at the latest after a second, where the adapter can: who has said nothing
   * costs nothing, and who has is served at once (TCP_DEFER_ACCEPT). Default false.
   */
  deferAccept?: boolean;
  /** Called when accepting begins to fail for want of descriptors or memory (`EMFILE`…). It is tried again until it works. */
  acceptFailed?(code: string): void;
  /** Called behind `acceptFailed`, when nothing has failed for a second. */
  acceptsAgain?(): void;
}

export interface Listener {
  /** What was asked for, with the port the kernel chose in place of 0. */
  readonly address: ListenAddress;
  /** Stops accepting. Open connections live on. Removes a unix socket's file that this listener made. */
  close(): void;
}

export interface BindOptions {
  /** Mode of a unix socket's file, such as 0o660. Default: as umask leaves it. */
  mode?: number;
  /** Length of the accept queue; the kernel caps it (`net.core.somaxconn`). Default 511. */
  backlog?: number;
}

/**
 * A listening socket from which this process takes no connections: made by `bind` for children, or handed over by the parent.
 * Clients that come while nobody accepts wait in its queue. A child gets it by `SpawnOptions.sockets`, and `listen` takes it over.
 */
export interface BoundSocket {
  /** What was asked for, with the port the kernel chose in place of 0. */
  readonly address: ListenAddress;
  /**
   * Gives this process's hold of it up; those who have it from us accept on. Who bound a unix path removes its file,
   * unless `keepsFile`: then the path goes on leading to the others.
   */
  close(options?: { keepsFile?: boolean }): void;
}

/** A listener could not be made. `message` is for people: what failed, and where it helps, what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly reason: 'in-use' | 'denied' | 'unavailable' | 'unsupported';
  constructor(reason: ListenError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
