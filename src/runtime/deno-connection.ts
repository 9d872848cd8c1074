import { type PeerAddress, peerAddress, UNIX_PEER } from '../net/peer.ts';
import type { BufferPools } from './buffer-pool.ts';
import { errorCode } from './connect-failure.ts';
import type { ConnectFailure, Connection, ConnectionHandlers } from './seam/sockets.ts';
import { SendQueue } from './send-queue.ts';
import { tellClose, tellConnectFailed, tellData, tellDrain, tellEnd, tellOpen } from './telling.ts';
import type { DenoAddress, DenoConn } from './types/deno.ts';

/** `write` says "wait" when this many bytes are under way. */
const HIGH_WATER = 65536;

/**
 * A connection on a Deno socket: a loop of reads, and one write under way at a time.
 * Deno tells by a promise what the kernel took, so bytes under way count as queued until then.
 */
export class DenoConnection<Owner> implements Connection<Owner> {
  owner: Owner;
  queued = 0;
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #pools: BufferPools;
  /** Null before it is open. */
  #conn: DenoConn | null = null;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  /** The write under way: a pooled buffer and the part of it that is still to go. */
  #sending: Uint8Array | null = null;
  #sendFrom = 0;
  #sendTo = 0;
  /** What waits behind the write under way. */
  #queue: SendQueue | null = null;
  #wrote: ((count: number) => void) | null = null;
  #writeFailed: ((error: unknown) => void) | null = null;
  #writeError: string | null = null;
  #reading = false;
  /** A read that came in spite of a pause, because Deno cannot take one back: its buffer and length, null at FIN. */
  #held: { buffer: Uint8Array; count: number | null } | null = null;
  #heldDue = false;
  #paused = false;
  /** The last read was large: the next one gets a large buffer. */
  #streaming = false;
  #drainDue = false;
  #ended = false;
  #heardAt = performance.now();
  /** Gone once the write under way is done. */
  #closing = false;
  #finSent = false;
  #peerEnded = false;
  #destroyed = false;
  #closeTold = false;

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, pools: BufferPools) {
    this.owner = owner;
    this.#handlers = handlers;
    this.#pools = pools;
  }

  get tls(): null {
    return null;
  }

  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  get remote(): PeerAddress {
    this.#remote ??= addressOf(this.#conn?.remoteAddr);
    return this.#remote;
  }

  get local(): PeerAddress {
    this.#local ??= addressOf(this.#conn?.localAddr);
    return this.#local;
  }

  /** True once it is destroyed or closed: nothing but `close` may be told. */
  get cancelled(): boolean {
    return this.#destroyed;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.#ended || this.#destroyed || this.#writeError !== null) return true;
    const length = end - start;
    if (length > 0) {
      this.queued += length;
      if (this.#sending === null && this.#conn !== null) {
        const buffer = this.#pools.takeFor(length);
        buffer.set(length === bytes.length ? bytes : bytes.subarray(start, end));
        this.#send(buffer, length);
      } else {
        this.#queue ??= new SendQueue();
        this.#queue.push(bytes, start, end);
      }
    }
    if (this.queued < HIGH_WATER && this.#conn !== null) return true;
    this.#drainDue = true;
    return false;
  }

  end(): void {
    if (this.#ended || this.#destroyed) return;
    this.#ended = true;
    if (this.#sending === null && this.#queue === null && this.#conn !== null) this.#sendFin();
  }

  close(last?: Uint8Array, start?: number, end?: number): void {
    if (last !== undefined) this.write(last, start, end);
    if (this.#sending === null || this.#writeError !== null) return this.destroy();
    this.#ended = true;
    this.#closing = true;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#queue = null;
    this.queued = 0;
    if (this.#conn === null) return;
    this.#conn.close();
    queueMicrotask(() => this.#tellClose(null));
  }

  /** Deno's sockets know no reset. */
  reset(): void {
    this.destroy();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#heardAt = performance.now();
    if (this.#conn === null || this.#reading || this.#destroyed) return;
    if (this.#held === null) {
      if (!this.#peerEnded) this.#read();
    } else if (!this.#heldDue) {
      this.#heldDue = true;
      queueMicrotask(() => this.#tellHeld());
    }
  }

  /** This runtime's sockets are watched all the time. */
  expectNoMore(): void {}

  /** Deno: the socket is open. */
  opened(conn: DenoConn): void {
    if (this.#destroyed) {
      conn.close();
      return;
    }
    this.#conn = conn;
    conn.setNoDelay?.(true);
    this.#sendNext();
    tellOpen(this, this.#handlers);
    if (!this.#paused && !this.#destroyed) this.#read();
  }

  /** No connection could be made. */
  failed(failure: ConnectFailure): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    tellConnectFailed(this, this.#handlers, failure);
  }

  /** Reads until the owner pauses, the peer ends or the socket is gone. Idle connections pin a small buffer only. */
  async #read(): Promise<void> {
    const conn = this.#conn!;
    const pools = this.#pools;
    this.#reading = true;
    let buffer = (this.#streaming ? pools.large : pools.small).take();
    try {
      while (!this.#paused && !this.#destroyed) {
        const count = await conn.read(buffer);
        if (this.#destroyed) break;
        if (this.#closing && count !== null) continue;
        if (count !== null) this.#heardAt = performance.now();
        if (this.#paused) {
          this.#held = { buffer, count };
          this.#reading = false;
          return;
        }
        if (count === null) {
          this.#reading = false;
          pools.give(buffer);
          this.#tellEnd();
          return;
        }
        tellData(this, this.#handlers, count === buffer.length ? buffer : buffer.subarray(0, count));
        const streaming = count === buffer.length || (this.#streaming && count > pools.small.size);
        if (streaming !== this.#streaming) {
          this.#streaming = streaming;
          pools.give(buffer);
          buffer = (streaming ? pools.large : pools.small).take();
        }
      }
    } catch (error) {
      if (!this.#destroyed) this.#lost(errorCode(error, 'ECONNRESET'));
    }
    this.#reading = false;
    pools.give(buffer);
  }

  #tellHeld(): void {
    this.#heldDue = false;
    const held = this.#held;
    if (held === null || this.#paused || this.#destroyed) return;
    this.#held = null;
    if (held.count === null) {
      this.#pools.give(held.buffer);
      this.#tellEnd();
      return;
    }
    tellData(this, this.#handlers, held.buffer.subarray(0, held.count));
    this.#pools.give(held.buffer);
    if (!this.#paused && !this.#destroyed) this.#read();
  }

  #tellEnd(): void {
    this.#peerEnded = true;
    if (this.#closing) return;
    tellEnd(this, this.#handlers);
    if (this.#writeError !== null) this.#lost(this.#writeError);
    else if (this.#finSent) this.#lost(null);
  }

  /** Starts the write of the first `length` bytes of `buffer`, which comes from the pools. */
  #send(buffer: Uint8Array, length: number): void {
    this.#sending = buffer;
    this.#sendFrom = 0;
    this.#sendTo = length;
    this.#wrote ??= (count) => this.#sent(count);
    this.#writeFailed ??= (error) => this.#sendFailed(error);
    this.#conn!.write(length === buffer.length ? buffer : buffer.subarray(0, length)).then(this.#wrote, this.#writeFailed);
  }

  /** The kernel took `count` bytes of the write under way. */
  #sent(count: number): void {
    if (this.#destroyed) {
      this.#giveSending();
      return;
    }
    this.queued -= count;
    this.#sendFrom += count;
    if (this.#sendFrom < this.#sendTo) {
      this.#conn!.write(this.#sending!.subarray(this.#sendFrom, this.#sendTo)).then(this.#wrote, this.#writeFailed);
      return;
    }
    this.#giveSending();
    if (this.#sendNext()) return;
    if (this.#closing) this.#lost(null);
    else if (this.#ended) {
      this.#sendFin();
    } else if (this.#drainDue) {
      this.#drainDue = false;
      tellDrain(this, this.#handlers);
    }
  }

  /** The peer takes no more. It may still have sent something before, so the read loop has the last word. */
  #sendFailed(error: unknown): void {
    this.#giveSending();
    if (this.#destroyed) return;
    this.#writeError = errorCode(error, 'EPIPE');
    this.#queue = null;
    this.queued = 0;
    if (!this.#reading) this.#lost(this.#writeError);
  }

  /** Sends what waits, as many small pieces at once as fit a large buffer. Returns false when nothing waits. */
  #sendNext(): boolean {
    const queue = this.#queue;
    if (queue === null) return false;
    const buffer = this.#pools.takeFor(Math.min(queue.size, this.#pools.large.size));
    let filled = 0;
    for (let chunk = queue.first(); chunk !== undefined && filled < buffer.length; chunk = queue.first()) {
      const part = chunk.length <= buffer.length - filled ? chunk : chunk.subarray(0, buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      queue.taken(part.length);
    }
    if (queue.size === 0) this.#queue = null;
    this.#send(buffer, filled);
    return true;
  }

  #sendFin(): void {
    this.#conn!.closeWrite().then(
      () => {
        this.#finSent = true;
        if (this.#peerEnded && !this.#destroyed) this.#lost(null);
      },
      (error) => this.#sendFailed(error),
    );
  }

  #giveSending(): void {
    if (this.#sending !== null) this.#pools.give(this.#sending);
    this.#sending = null;
  }

  /** The socket is of no more use: closes it and tells. */
  #lost(error: string | null): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#queue = null;
    this.queued = 0;
    this.#conn!.close();
    this.#tellClose(error);
  }

  #tellClose(error: string | null): void {
    if (this.#closeTold) return;
    this.#closeTold = true;
    tellClose(this, this.#handlers, error);
  }
}

function addressOf(address: DenoAddress | undefined): PeerAddress {
  return address?.hostname === undefined ? UNIX_PEER : peerAddress(address.hostname, address.port ?? 0);
}
