import type { BufferPools } from './buffer-pool.ts';
import { errorCode } from './connect-failure.ts';
import { SENDING } from './connection-states.ts';
import { SendQueue } from './send-queue.ts';
import type { DenoConn } from './types/deno.ts';

/** `write` says "wait" when this many bytes are under way. */
const HIGH_WATER = 65536;

/**
 * A connection as far as it sends, one write under way at a time. Deno tells by a promise what the kernel took, so bytes under way count
 * as queued until then.
 */
export abstract class DenoSending {
  queued = 0;
  protected readonly pools: BufferPools;
  /** Null before it is open. */
  protected conn: DenoConn | null = null;
  protected sending: number = SENDING.flows;
  protected hasSentEnd = false;
  protected isDestroyed = false;
  protected isDrainDue = false;
  /** The peer takes no more, for a reason such as EPIPE. */
  protected writeError: string | null = null;
  /** The write under way: a pooled buffer and the part of it that is still to go. */
  #underWay: Uint8Array | null = null;
  #sendFrom = 0;
  #sendTo = 0;
  /** What waits behind the write under way. */
  #queue: SendQueue | null = null;
  #wrote: ((count: number) => void) | null = null;
  #writeFailed: ((error: unknown) => void) | null = null;

  constructor(pools: BufferPools) {
    this.pools = pools;
  }

  abstract destroy(): void;
  /** Closes the socket and tells. */
  protected abstract lost(error: string | null): void;
  /** Everything queued is with the kernel, and somebody waits for it. */
  protected abstract drained(): void;
  /** FIN has gone. */
  protected abstract sentEnd(): void;
  /** The peer takes no more. */
  protected abstract sendingFailed(): void;

  protected dropQueue(): void {
    this.#queue = null;
    this.queued = 0;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.sending !== SENDING.flows || this.isDestroyed || this.writeError !== null) return true;
    const length = end - start;
    if (length > 0) {
      this.queued += length;
      if (this.#underWay === null && this.conn !== null) {
        const buffer = this.pools.takeFor(length);
        buffer.set(length === bytes.length ? bytes : bytes.subarray(start, end));
        this.#send(buffer, length);
      } else {
        this.#queue ??= new SendQueue();
        this.#queue.push(bytes, start, end);
      }
    }
    if (this.queued < HIGH_WATER && this.conn !== null) return true;
    this.isDrainDue = true;
    return false;
  }

  end(): void {
    if (this.sending !== SENDING.flows || this.isDestroyed) return;
    this.sending = SENDING.ended;
    if (this.#underWay === null && this.#queue === null && this.conn !== null) this.#sendFin();
  }

  close(last?: Uint8Array, start?: number, end?: number): void {
    if (last !== undefined) this.write(last, start, end);
    if (this.#underWay === null || this.writeError !== null) return this.destroy();
    this.sending = SENDING.closing;
  }

  /** Starts the write of the first `length` bytes of `buffer`, which comes from the pools. */
  #send(buffer: Uint8Array, length: number): void {
    this.#underWay = buffer;
    this.#sendFrom = 0;
    this.#sendTo = length;
    this.#wrote ??= (count) => this.#sent(count);
    this.#writeFailed ??= (error) => this.#sendFailed(error);
    this.conn!.write(length === buffer.length ? buffer : buffer.subarray(0, length)).then(this.#wrote, this.#writeFailed);
  }

  /** The kernel took `count` bytes of the write under way. */
  #sent(count: number): void {
    if (this.isDestroyed) {
      this.#giveBack();
      return;
    }
    this.queued -= count;
    this.#sendFrom += count;
    if (this.#sendFrom < this.#sendTo) {
      this.conn!.write(this.#underWay!.subarray(this.#sendFrom, this.#sendTo)).then(this.#wrote, this.#writeFailed);
      return;
    }
    this.#giveBack();
    if (this.sendNext()) return;
    if (this.sending === SENDING.closing) this.lost(null);
    else if (this.sending === SENDING.ended) this.#sendFin();
    else if (this.isDrainDue) {
      this.isDrainDue = false;
      this.drained();
    }
  }

  /** The peer takes no more. It may still have sent something before, so the read loop has the last word. */
  #sendFailed(error: unknown): void {
    this.#giveBack();
    if (this.isDestroyed) return;
    this.writeError = errorCode(error, 'EPIPE');
    this.dropQueue();
    this.sendingFailed();
  }

  /** Sends what waits, as many small pieces at once as fit a large buffer. Returns false when nothing waits. */
  protected sendNext(): boolean {
    const queue = this.#queue;
    if (queue === null) return false;
    const buffer = this.pools.takeFor(Math.min(queue.size, this.pools.large.size));
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
    this.conn!.closeWrite().then(
      () => {
        this.hasSentEnd = true;
        if (!this.isDestroyed) this.sentEnd();
      },
      (error) => this.#sendFailed(error),
    );
  }

  #giveBack(): void {
    if (this.#underWay !== null) this.pools.give(this.#underWay);
    this.#underWay = null;
  }
}
