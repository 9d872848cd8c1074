/**
 * The seam: everything the rest of ugate asks of the runtime it runs on.
 *
 * `bun.ts`, `deno.ts` and `node.ts` implement it in the same shape; nothing outside this room names a runtime.
 * It is callback style with one shared handler object per listener or kind of upstream, so that the hot path
 * needs no closure, promise, stream or event emitter per socket.
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

import type { LogWriter } from '../log/log-writer.ts';
import type { ListenAddress, PeerAddress, TcpAddress, UnixAddress } from '../net/address.ts';
import type { Guests } from './guests.ts';

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

/** Something that has to be told later than the call that caused it. */
export interface Due {
  told(): void;
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

/** The runtime withholds a right that the user could give; `message` says how, in one line. Only Deno has such. */
export class PermissionError extends Error {
  override readonly name = 'PermissionError';
}

export interface DatagramHandlers {
  /** `bytes` are valid only during the call. */
  message(socket: DatagramSocket, bytes: Uint8Array, from: PeerAddress): void;
  error(socket: DatagramSocket, code: string): void;
}

export interface DatagramSocket {
  readonly local: PeerAddress;
  /** Fire and forget: a failure is told to the `error` handler. */
  send(bytes: Uint8Array, to: TcpAddress): void;
  close(): void;
}

export interface SpawnOptions {
  /** Replaces the environment. Default: inherited. */
  env?: Record<string, string>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Opens a message channel; `message` receives structured JSON values. */
  ipc?: boolean;
  /**
   * Listening sockets handed to the child. `spawn`: as descriptors 3, 4, … in order; for children that are not ugate, and on Deno
   * not to be shared with ugate ones, whom blocking accepts would freeze. `spawnSelf`: the child finds them at `Parent.sockets`.
   */
  sockets?: readonly BoundSocket[];
  /** Descriptors of this process handed to the child in order, behind `sockets` (see `capabilities.passFds`). */
  fds?: number[];
  /** `spawnSelf`: the module to start in place of ugate's own, for tests. A compiled binary has but one. */
  entry?: string;
  /** Where the child's stdout and stderr go. Default `inherit`. With `pipe`, `output` receives them. */
  stdio?: 'inherit' | 'ignore' | 'pipe';
  message?(child: ChildProcess, value: unknown): void;
  output?(child: ChildProcess, bytes: Uint8Array, stream: 'stdout' | 'stderr'): void;
  /** Comes exactly once, after the last `message` and `output`, and at most 200 ms after the end of the child itself. `code` is null when a signal ended it. */
  exit(child: ChildProcess, code: number | null, signal: string | null): void;
}

export interface ChildProcess {
  readonly pid: number;
  /** False when the channel is gone. */
  send(value: unknown): boolean;
  kill(signal: Signal): void;
}

/** The ugate that started this process by `spawnSelf`. */
export interface Parent {
  /** False when the channel is gone. */
  send(value: unknown): boolean;
  /** The next message that no handler has been told. What comes behind it waits for the next call, or for a handler. Never rejects. */
  next(): Promise<unknown>;
  /** One handler; what came before it was set is told to it first, in order and later than this call. */
  onMessage(handler: (value: unknown) => void): void;
  /** The channel is gone, which is how a parent's death shows. One handler; told also when it is gone already, later than this call. */
  onDisconnect(handler: () => void): void;
  /** Closes the channel, so that it no longer keeps this process alive. `onDisconnect` is not told. */
  disconnect(): void;
  /** Those handed over, in the order of `SpawnOptions.sockets`. Rejects when the channel closes before all of them are here. */
  sockets(): Promise<readonly BoundSocket[]>;
}

export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGTSTP' | 'SIGCONT' | 'SIGWINCH' | 'SIGKILL';

/** An exclusive lock on a file, which the kernel gives up with the process. */
export interface FileLock {
  release(): void;
}

/** What this runtime can and cannot do; each gap is told in docs/runtimes.md with its reason. */
export interface Capabilities {
  /** Listening and connecting on `@name` addresses. */
  readonly abstractSockets: boolean;
  /** `listen` on `fd://N`. */
  readonly inheritFd: boolean;
  /** `ListenOptions.reusePort`. */
  readonly reusePort: boolean;
  /** `ListenOptions.backlog` is honoured. */
  readonly backlog: boolean;
  /** `SpawnOptions.fds`. */
  readonly passFds: boolean;
  /** `ConnectionHandlers.hangup`. */
  readonly endInPause: boolean;
  /** `Runtime.reapOrphans`. */
  readonly reapsOrphans: boolean;
  /** `Connection.reset` is seen by the peer of a TCP connection. */
  readonly resets: boolean;
}

export interface Runtime {
  readonly name: 'bun' | 'deno' | 'node';
  /** The runtime's own version, such as `1.4.5`. */
  readonly version: string;
  readonly capabilities: Capabilities;

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
  /** `error` as a PermissionError, when that is what it means; else as it is. */
  explain(error: unknown): unknown;
  /** A UDP socket. @throws {ListenError} */
  datagram(address: TcpAddress, handlers: DatagramHandlers): Promise<DatagramSocket>;
  /** Every A and AAAA address of a host name, in the resolver's order. Rejects when there is none. */
  resolve(name: string): Promise<string[]>;

  spawn(command: readonly string[], options: SpawnOptions): ChildProcess;
  /**
   * Starts ugate again as a child with a message channel (`ipc` is implied), on the same runtime with the same rights.
   * The child finds us as its `parent`.
   * @throws {PermissionError}
   */
  spawnSelf(args: readonly string[], options: SpawnOptions): ChildProcess;
  /** Who started this process by `spawnSelf`; null in any other. */
  readonly parent: Parent | null;
  /**
   * From now on this process is killed within a second of its parent's death, even when its event loop is blocked.
   * For processes that run the user's code; a `parent.onDisconnect` serves the others and costs nothing.
   */
  endWithParent(): void;
  /**
   * Where this is process 1, as in a container, it waits from now on for the orphans that the kernel makes its children, and leaves its own
   * to the runtime. Where `reapsOrphans` is among the capabilities.
   */
  reapOrphans(): void;
  /** Calls `handler` on each `signal` until the returned function is called. */
  onSignal(signal: Signal, handler: () => void): () => void;
  /**
   * From now on an exception or rejection that nobody catches is told to `handler` and does not end the process. For processes that run
   * the user's code; where that listens for such itself (`process.on`), `handler` is told nothing.
   */
  onUncaught(handler: (error: unknown) => void): void;
  /** Lets these signals pass without effect, for children that share a terminal with their master. */
  ignoreSignals(signals: readonly Signal[]): void;
  /** Locks the file, which is there (flock(2)); null when somebody has it, or where that cannot be. The lock stays with a file that is renamed. */
  lockFile(path: string): FileLock | null;
  /** True while any process, this one too, has the file by `lockFile`; null where this runtime cannot tell. Throws what opening throws. */
  isFileLocked(path: string): boolean | null;
  /** Sends `signal` to a process that need not be ours. False when there is none of that id. @throws when it is not ours to signal (EPERM) */
  signal(pid: number, signal: Signal): boolean;
  /** Standard error: log lines and what is said to people. Never waits; what was written is there when the process ends, or a second was not enough. */
  readonly stderr: LogWriter;
  /**
   * Writes a text and a line end, at once; to stderr without control characters other than tab and line end. stdout waits for who reads, and loses what a reader that left (EPIPE), or a full pipe that does
   * not block (EAGAIN), does not take. Never throws.
   */
  print(to: 'stdout' | 'stderr', text: string): void;
  exit(code: number): never;

  /** Whoever runs the user's code says here when it is under way. */
  readonly guests: Guests;
  /** Calls `due.told()` when no handler is on the stack, and before the next event where the adapter can. */
  soon(due: Due): void;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** This machine's name, or null where we may not ask without a question to the user. */
  hostname(): string | null;
  /** Where temporary files go, or null where we may not write without a question to the user. */
  tempDirectory(): string | null;
  /** The soft limit of open files, or null where it cannot be known without a question to the user. */
  openFilesLimit(): number | null;
}
