import type { Socket } from 'node:net';
import { addressless, type PeerAddress, peerAddress } from '../net/peer.ts';
import { connectFailure, errorCode } from './connect-failure.ts';
import type { ConnectFailure, Connection, ConnectionHandlers } from './seam/sockets.ts';
import { tellClose, tellConnectFailed, tellData, tellDrain, tellEnd, tellOpen } from './telling.ts';
import type { WriteScratch } from './write-scratch.ts';

const CONNECTION = Symbol('connection');

/** A net.Socket that knows its connection, so that one set of listeners serves all sockets. */
export interface ConnectionSocket extends Socket {
  [CONNECTION]: NodeConnection<unknown>;
}

/** What node:net itself looks at to tell a slow peer from one that stands still (`Socket#_onTimeout`); in no documentation. */
interface SocketInternals {
  /** `writeQueueSize`: bytes that libuv still has. */
  readonly _handle?: { readonly writeQueueSize?: number } | null;
  /** `writelen`: bytes of the write under way. */
  readonly _writableState?: { readonly writelen?: number };
}

/** A connection on a `node:net` socket. What the kernel does not take at once waits in the socket's own queue, as copies. */
export class NodeConnection<Owner> implements Connection<Owner> {
  owner: Owner;
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #socket: Socket;
  readonly #scratch: WriteScratch;
  readonly #isUnix: boolean;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  #opened = false;
  #ended = false;
  #heardAt = performance.now();
  /** Gone once the kernel has all of it. */
  #closing = false;
  #destroyed = false;
  #drainDue = false;
  /** Only connections that were held up once have the listener. */
  #listensToDrain = false;
  #error: string | null = null;

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, socket: Socket, scratch: WriteScratch, isUnix: boolean) {
    this.owner = owner;
    this.#handlers = handlers;
    this.#socket = socket;
    this.#scratch = scratch;
    this.#isUnix = isUnix;
    (socket as ConnectionSocket)[CONNECTION] = this as NodeConnection<unknown>;
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get tls(): null {
    return null;
  }

  get queued(): number {
    const { writableLength } = this.#socket;
    if (writableLength === 0) return 0;
    // `writableLength` counts a write as a whole until it is done, and node:net makes one write of all that waits.
    const { _handle, _writableState } = this.#socket as SocketInternals;
    const taken = (_writableState?.writelen ?? 0) - (_handle?.writeQueueSize ?? Number.POSITIVE_INFINITY);
    return taken > 0 ? writableLength - taken : writableLength;
  }

  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  get remote(): PeerAddress {
    this.#remote ??= addressOf(this.#socket.remoteAddress, this.#socket.remotePort, this.#isUnix);
    return this.#remote;
  }

  get local(): PeerAddress {
    this.#local ??= addressOf(this.#socket.localAddress, this.#socket.localPort, this.#isUnix);
    return this.#local;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    const socket = this.#socket;
    // The socket is destroyed a moment before it says so, when it has lost its peer.
    if (this.#ended || socket.destroyed) return true;
    const copy = this.#scratch.copy(bytes, start, end);
    const hasRoom = socket.write(copy);
    if (socket.writableLength === 0) return true;
    // The kernel did not take all of it: the copy stays with the socket.
    this.#scratch.keep(copy);
    // node:net tells `drain` only behind a write that it said no to. Up to its own mark (64 KiB) we may go on writing anyway.
    if (hasRoom) return true;
    if (!this.#listensToDrain) socket.on('drain', onDrain);
    this.#listensToDrain = true;
    this.#drainDue = true;
    return false;
  }

  end(): void {
    if (this.#ended || this.#destroyed) return;
    this.#ended = true;
    this.#socket.end();
  }

  close(last?: Uint8Array, start?: number, end?: number): void {
    if (last !== undefined) this.write(last, start, end);
    if (this.#ended || this.#destroyed || this.#socket.writableLength === 0) return this.destroy();
    this.#ended = true;
    this.#closing = true;
    this.#socket.destroySoon();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#socket.destroy();
  }

  reset(): void {
    // node:net has it for TCP only.
    if (this.#destroyed || this.#isUnix) return this.destroy();
    this.#destroyed = true;
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#heardAt = performance.now();
    this.#socket.resume();
  }

  /** This runtime's sockets are watched all the time. */
  expectNoMore(): void {}

  /** The socket is open. */
  opened(): void {
    if (this.#destroyed) return;
    this.#opened = true;
    tellOpen(this, this.#handlers);
  }

  received(bytes: Uint8Array): void {
    if (this.#destroyed || this.#closing) return;
    this.#heardAt = performance.now();
    tellData(this, this.#handlers, bytes);
  }

  peerEnded(): void {
    if (this.#destroyed || this.#closing) return;
    tellEnd(this, this.#handlers);
  }

  drained(): void {
    if (!this.#drainDue || this.#socket.destroyed || this.#ended) return;
    this.#drainDue = false;
    tellDrain(this, this.#handlers);
  }

  errored(error: Error): void {
    if (!this.#destroyed) this.#error = errorCode(error, 'EIO');
  }

  closed(): void {
    const cancelled = this.#destroyed;
    this.#destroyed = true;
    if (this.#opened) tellClose(this, this.#handlers, this.#error);
    else if (!cancelled) tellConnectFailed(this, this.#handlers, this.#failure());
  }

  #failure(): ConnectFailure {
    return connectFailure(this.#error ?? 'ECONNREFUSED');
  }
}

/** The connection of a socket. */
export function connectionOf(socket: Socket): NodeConnection<unknown> {
  return (socket as ConnectionSocket)[CONNECTION];
}

function onDrain(this: Socket): void {
  connectionOf(this).drained();
}

function onEnd(this: Socket): void {
  connectionOf(this).peerEnded();
}

function onError(this: Socket, error: Error): void {
  connectionOf(this).errored(error);
}

function onClose(this: Socket): void {
  connectionOf(this).closed();
}

function addressOf(address: string | undefined, port: number | undefined, isUnix: boolean): PeerAddress {
  return address === undefined ? addressless(isUnix) : peerAddress(address, port ?? 0);
}
