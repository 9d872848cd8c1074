import { type PeerAddress, peerAddress, UNIX_PEER } from '../net/peer.ts';
import type { BufferPools } from './buffer-pool.ts';
import { errorCode } from './connect-failure.ts';
import { SENDING } from './connection-states.ts';
import { DenoSending } from './deno-sending.ts';
import type { ConnectFailure, Connection, ConnectionHandlers } from './seam/sockets.ts';
import { tellClose, tellConnectFailed, tellData, tellDrain, tellEnd, tellOpen } from './telling.ts';
import type { DenoAddress, DenoConn } from './types/deno.ts';

/**
 * A connection on a Deno socket: a loop of reads, and one write under way at a time.
 * Deno tells by a promise what the kernel took, so bytes under way count as queued until then.
 */
export class DenoConnection<Owner> extends DenoSending implements Connection<Owner> {
  owner: Owner;
  readonly #handlers: ConnectionHandlers<Owner>;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  #reading = false;
  /** A read that came in spite of a pause, because Deno cannot take one back: its buffer and length, null at FIN. */
  #held: { buffer: Uint8Array; count: number | null } | null = null;
  #heldDue = false;
  #paused = false;
  /** The last read was large: the next one gets a large buffer. */
  #streaming = false;
  #heardAt = performance.now();
  #peerEnded = false;
  #closeTold = false;

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, pools: BufferPools) {
    super(pools);
    this.owner = owner;
    this.#handlers = handlers;
  }

  get tls(): null {
    return null;
  }

  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  get remote(): PeerAddress {
    this.#remote ??= addressOf(this.conn?.remoteAddr);
    return this.#remote;
  }

  get local(): PeerAddress {
    this.#local ??= addressOf(this.conn?.localAddr);
    return this.#local;
  }

  /** True once it is destroyed or closed: nothing but `close` may be told. */
  get cancelled(): boolean {
    return this.isDestroyed;
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.dropQueue();
    if (this.conn === null) return;
    this.conn.close();
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
    if (this.conn === null || this.#reading || this.isDestroyed) return;
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
    if (this.isDestroyed) {
      conn.close();
      return;
    }
    this.conn = conn;
    conn.setNoDelay?.(true);
    this.sendNext();
    tellOpen(this, this.#handlers);
    if (!this.#paused && !this.isDestroyed) this.#read();
  }

  /** No connection could be made. */
  failed(failure: ConnectFailure): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    tellConnectFailed(this, this.#handlers, failure);
  }

  /** Reads until the owner pauses, the peer ends or the socket is gone. Idle connections pin a small buffer only. */
  async #read(): Promise<void> {
    const conn = this.conn!;
    const pools = this.pools;
    this.#reading = true;
    let buffer = (this.#streaming ? pools.large : pools.small).take();
    try {
      while (!this.#paused && !this.isDestroyed) {
        const count = await conn.read(buffer);
        if (this.isDestroyed) break;
        if (this.sending === SENDING.closing && count !== null) continue;
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
      if (!this.isDestroyed) this.lost(errorCode(error, 'ECONNRESET'));
    }
    this.#reading = false;
    pools.give(buffer);
  }

  #tellHeld(): void {
    this.#heldDue = false;
    const held = this.#held;
    if (held === null || this.#paused || this.isDestroyed) return;
    this.#held = null;
    if (held.count === null) {
      this.pools.give(held.buffer);
      this.#tellEnd();
      return;
    }
    tellData(this, this.#handlers, held.buffer.subarray(0, held.count));
    this.pools.give(held.buffer);
    if (!this.#paused && !this.isDestroyed) this.#read();
  }

  #tellEnd(): void {
    this.#peerEnded = true;
    if (this.sending === SENDING.closing) return;
    tellEnd(this, this.#handlers);
    if (this.writeError !== null) this.lost(this.writeError);
    else if (this.hasSentEnd) this.lost(null);
  }

  protected override drained(): void {
    tellDrain(this, this.#handlers);
  }

  /** It may still have sent something before, so the read loop has the last word. */
  protected override sendingFailed(): void {
    if (!this.#reading) this.lost(this.writeError);
  }

  protected override sentEnd(): void {
    if (this.#peerEnded) this.lost(null);
  }

  /** The socket is of no more use: closes it and tells. */
  protected lost(error: string | null): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.dropQueue();
    this.conn!.close();
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
