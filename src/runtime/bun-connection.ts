import { nodeFs } from '../builtin/modules.ts';
import type { ConnectAddress } from '../net/address.ts';
import { addressless, type PeerAddress, peerAddress } from '../net/peer.ts';
import { errorCode } from './connect-failure.ts';
import type { ConnectFailure, Connection, ConnectionHandlers } from './seam/sockets.ts';
import { SendQueue } from './send-queue.ts';
import { tellClose, tellConnectFailed, tellData, tellDrain, tellEnd, tellOpen } from './telling.ts';
import type { BunSocket } from './types/bun.ts';

/** The most bytes one `data` carries, so that a relay queues no more than this. Bun itself delivers up to 512 KiB. */
const SLICE = 131072;
/** A piece this large is part of a stream: more of it is likely to be there already. */
const STREAM_BYTES = 65536;
/** Bytes of one read of our own: half of what a unix socket holds by default (net.core.wmem_default), the cheapest of the sizes tried. */
const READ_BYTES = 106496;
/** Reads of our own in one event; then the other connections have their turn. */
const READS_A_TURN = 16;

/** What the connections of one runtime share. */
export class BunShared {
  /** Own reads go here; made when the first stream was paused. */
  #buffer: Uint8Array | null = null;
  #read: typeof import('node:fs').readSync | null = null;

  get readSync(): typeof import('node:fs').readSync {
    this.#read ??= nodeFs().readSync;
    return this.#read;
  }

  get readBuffer(): Uint8Array {
    this.#buffer ??= new Uint8Array(READ_BYTES);
    return this.#buffer;
  }
}

/** A connection on a Bun socket, which reaches it as `socket.data`. Bun's sockets buffer nothing, so the queue is ours. */
export class BunConnection<Owner> implements Connection<Owner> {
  owner: Owner;
  /** Where an outgoing connection goes; null on accepted ones. */
  readonly to: ConnectAddress | null;
  /** When connecting started, by `performance.now()`. */
  readonly startedAt: number;
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #shared: BunShared;
  readonly #isUnix: boolean;
  /** Null before it is open and after it is closed. */
  #socket: BunSocket<BunConnection<Owner>> | null = null;
  #queue: SendQueue | null = null;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  /** What is not told yet because of a pause: the rest of a large piece, or what Bun delivered when the peer reset. */
  #held: Uint8Array[] | null = null;
  #endDue = false;
  #endTold = false;
  #closeDue = false;
  #closeError: string | null = null;
  #readError: string | null = null;
  #tellDue = false;
  #paused = false;
  /** Bun's own pause, which outlasts ours while we read by ourselves. */
  #socketPaused = false;
  /** The last piece was large: a stream flows. */
  #streaming = false;
  #drainDue = false;
  #ended = false;
  #heardAt = performance.now();
  /** Gone once the queue is with the kernel. */
  #closing = false;
  #destroyed = false;
  /** A method of this connection is on the stack, and Bun may call `close` from within. */
  #inside = false;

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, shared: BunShared, isUnix: boolean, to: ConnectAddress | null, startedAt: number) {
    this.owner = owner;
    this.to = to;
    this.startedAt = startedAt;
    this.#handlers = handlers;
    this.#shared = shared;
    this.#isUnix = isUnix;
  }

  get tls(): null {
    return null;
  }

  get queued(): number {
    return this.#queue === null ? 0 : this.#queue.size;
  }

  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  get remote(): PeerAddress {
    this.#remote ??= addressOf(this.#socket?.remoteAddress, this.#socket?.remotePort, this.#isUnix);
    return this.#remote;
  }

  get local(): PeerAddress {
    this.#local ??= addressOf(this.#socket?.localAddress, this.#socket?.localPort, this.#isUnix);
    return this.#local;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.#ended || this.#destroyed) return true;
    let taken = 0;
    if (this.#queue === null && this.#socket !== null) {
      taken = this.#socket.write(bytes, start, end - start);
      // -1: the socket is closing, and `close` is on its way.
      if (taken === end - start || taken < 0) return true;
    }
    this.#queue ??= new SendQueue();
    this.#queue.push(bytes, start + taken, end);
    this.#drainDue = true;
    return false;
  }

  end(): void {
    if (this.#ended || this.#destroyed) return;
    this.#ended = true;
    if (this.#queue === null && this.#socket !== null) this.#shutdown();
  }

  close(last?: Uint8Array, start?: number, end?: number): void {
    if (last !== undefined) this.write(last, start, end);
    if (this.#queue === null) return this.destroy();
    this.#ended = true;
    this.#closing = true;
  }

  destroy(): void {
    this.#destroy(false);
  }

  reset(): void {
    this.#destroy(!this.#isUnix);
  }

  #destroy(isReset: boolean): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#queue = null;
    this.#held = null;
    if (this.#closeDue) this.#tellSoon();
    else if (this.#socket !== null) {
      this.#inside = true;
      if (isReset) this.#socket.terminate();
      else this.#socket.close();
      this.#inside = false;
    }
  }

  pause(): void {
    if (this.#paused || this.#destroyed) return;
    this.#paused = true;
    if (this.#socketPaused) return;
    this.#socketPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.#destroyed) return;
    this.#paused = false;
    this.#heardAt = performance.now();
    if (this.#held !== null || this.#endDue || this.#closeDue || this.#streaming) {
      this.#tellSoon();
    } else {
      this.#socketPaused = false;
      this.#socket?.resume();
    }
  }

  /** This runtime's sockets are watched all the time. */
  expectNoMore(): void {}

  /** True once it is destroyed or closed: nothing but `close` may be told. */
  get cancelled(): boolean {
    return this.#destroyed;
  }

  /** No connection could be made. */
  failed(failure: ConnectFailure): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    tellConnectFailed(this, this.#handlers, failure);
  }

  /** Bun: the socket is open. */
  opened(socket: BunSocket<BunConnection<Owner>>): void {
    if (this.#destroyed) {
      socket.close();
      return;
    }
    this.#socket = socket;
    if (this.#socketPaused) socket.pause();
    const flushed = this.#flush();
    tellOpen(this, this.#handlers);
    if (flushed && this.#drainDue && this.#queue === null) this.#tellDrain();
  }

  /** Bun: bytes came, in a buffer of their own. */
  received(bytes: Uint8Array): void {
    if (this.#destroyed || this.#closing) return;
    this.#heardAt = performance.now();
    this.#streaming = bytes.length >= STREAM_BYTES;
    const isHeld = this.#paused || this.#held !== null || bytes.length > SLICE;
    if (isHeld) {
      this.#held ??= [];
      this.#held.push(bytes);
      if (!this.#paused && !this.#tellDue) this.#tell();
    }
    if (!isHeld) tellData(this, this.#handlers, bytes);
    if (bytes.length > SLICE && this.#held === null) this.#readOn();
  }

  /** Bun: the socket takes bytes again. Comes unasked for too, such as after a FIN. */
  writable(): void {
    if (this.#drainDue && this.#flush()) this.#tellDrain();
  }

  /** Bun: the peer sent FIN. */
  peerEnded(): void {
    if (this.#endDue || this.#endTold || this.#closing) return;
    this.#endDue = true;
    if (!this.#tellDue) this.#tell();
  }

  /** Bun: the socket is gone. */
  closed(error: string | null): void {
    // Given up before it was open.
    if (this.#socket === null) return;
    this.#closeDue = true;
    this.#closeError = this.#destroyed ? null : (this.#readError ?? error);
    // Bun may tell an orderly close alone when our FIN went first.
    if (this.#closeError === null && !this.#endTold) this.#endDue = true;
    if (this.#inside) this.#tellSoon();
    else if (!this.#tellDue) this.#tell();
  }

  #shutdown(): void {
    this.#inside = true;
    this.#socket!.shutdown();
    this.#inside = false;
  }

  /** Returns whether everything queued is with the kernel. */
  #flush(): boolean {
    const queue = this.#queue;
    if (queue !== null) {
      for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
        const taken = this.#socket!.write(chunk);
        if (taken < 0) {
          // Closing: nobody waits for `drain` any more, `close` is on its way.
          this.#queue = null;
          this.#drainDue = false;
          return false;
        }
        queue.taken(taken);
        if (taken < chunk.length) return false;
      }
      this.#queue = null;
    }
    if (this.#closing) this.destroy();
    else if (this.#ended && !this.#destroyed) this.#shutdown();
    return true;
  }

  #tellDrain(): void {
    this.#drainDue = false;
    if (this.#ended || this.#destroyed) return;
    tellDrain(this, this.#handlers);
  }

  #tellSoon(): void {
    if (this.#tellDue) return;
    this.#tellDue = true;
    queueMicrotask(() => {
      this.#tellDue = false;
      this.#tell();
    });
  }

  /** Tells what was held back, in order, until the owner pauses again; then goes on reading. */
  #tell(): void {
    while (!this.#paused && !this.#destroyed) {
      const bytes = this.#nextHeld();
      if (bytes !== null) {
        tellData(this, this.#handlers, bytes);
      } else if (this.#endDue) {
        this.#endDue = false;
        this.#endTold = true;
        tellEnd(this, this.#handlers);
      } else if (this.#socketPaused && !this.#closeDue) {
        const read = this.#streaming ? this.#readGently() : null;
        if (read === null) {
          this.#socketPaused = false;
          this.#socket!.resume();
          break;
        }
        tellData(this, this.#handlers, read);
      } else {
        break;
      }
    }
    if (this.#paused) this.#trimHeld();
    if (this.#closeDue && (this.#destroyed || (!this.#paused && !this.#endDue))) this.#tellClose();
  }

  /** The next slice of what is held; null when nothing is. */
  #nextHeld(): Uint8Array | null {
    const held = this.#held;
    if (held === null) return null;
    const bytes = held[0]!;
    if (bytes.length > SLICE) {
      held[0] = bytes.subarray(SLICE);
      return bytes.subarray(0, SLICE);
    }
    held.shift();
    if (held.length === 0) this.#held = null;
    return bytes;
  }

  /** A small rest of a large buffer is copied, so that a long pause does not pin all of it. */
  #trimHeld(): void {
    const rest = this.#held?.[0];
    if (rest !== undefined && rest.length < rest.buffer.byteLength * 0.75) this.#held![0] = Uint8Array.from(rest);
  }

  /**
   * Reads once while Bun's own reading is still paused: Bun would hand over 512 KiB at once, and a slow peer would make us queue it.
   * Null when nothing is waiting any more, or Bun has to see for itself what is wrong.
   */
  #readGently(): Uint8Array | null {
    const buffer = this.#shared.readBuffer;
    try {
      const count = this.#shared.readSync(this.#socket!.fd, buffer);
      this.#streaming = count === buffer.length;
      return count === 0 ? null : buffer.subarray(0, count);
    } catch (error) {
      const code = errorCode(error, 'EIO');
      this.#streaming = false;
      // The kernel tells a reset once only, and it has told us.
      if (code !== 'EAGAIN') this.#readError = code;
      return null;
    }
  }

  /** Goes on reading into our own buffer: Bun makes and fills a fresh one for each of its reads. */
  #readOn(): void {
    for (let i = 0; i < READS_A_TURN && !this.#paused && !this.#destroyed; i++) {
      const read = this.#readGently();
      if (read === null) return;
      tellData(this, this.#handlers, read);
      if (!this.#streaming) return;
    }
  }

  #tellClose(): void {
    this.#closeDue = false;
    this.#destroyed = true;
    this.#queue = null;
    tellClose(this, this.#handlers, this.#closeError);
  }
}

function addressOf(address: string | undefined, port: number | undefined, isUnix: boolean): PeerAddress {
  return address === undefined ? addressless(isUnix) : peerAddress(address, port ?? 0);
}
