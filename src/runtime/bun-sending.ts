import { SENDING } from './connection-states.ts';
import { SendQueue } from './send-queue.ts';
import type { BunSocket } from './types/bun.ts';

/** A connection as far as it sends. Bun's sockets buffer nothing, so the queue is ours. */
export abstract class BunSending<Data> {
  /** Null before it is open and after it is closed. */
  protected socket: BunSocket<Data> | null = null;
  protected sending: number = SENDING.flows;
  /** A write was queued, and `drain` is to be told when the kernel has it. */
  protected isDrainDue = false;
  protected isDestroyed = false;
  /** A method of this connection is on the stack, and Bun may call `close` from within. */
  protected isInside = false;
  #queue: SendQueue | null = null;

  abstract destroy(): void;

  protected get hasQueue(): boolean {
    return this.#queue !== null;
  }

  protected dropQueue(): void {
    this.#queue = null;
  }

  get queued(): number {
    return this.#queue === null ? 0 : this.#queue.size;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.sending !== SENDING.flows || this.isDestroyed) return true;
    let taken = 0;
    if (this.#queue === null && this.socket !== null) {
      taken = this.socket.write(bytes, start, end - start);
      // -1: the socket is closing, and `close` is on its way.
      if (taken === end - start || taken < 0) return true;
    }
    this.#queue ??= new SendQueue();
    this.#queue.push(bytes, start + taken, end);
    this.isDrainDue = true;
    return false;
  }

  end(): void {
    if (this.sending !== SENDING.flows || this.isDestroyed) return;
    this.sending = SENDING.ended;
    if (this.#queue === null && this.socket !== null) this.#shutdown();
  }

  close(last?: Uint8Array, start?: number, end?: number): void {
    if (last !== undefined) this.write(last, start, end);
    if (this.#queue === null) return this.destroy();
    this.sending = SENDING.closing;
  }

  #shutdown(): void {
    this.isInside = true;
    this.socket!.shutdown();
    this.isInside = false;
  }

  /** Returns whether everything queued is with the kernel. */
  protected flush(): boolean {
    const queue = this.#queue;
    if (queue !== null) {
      for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
        const taken = this.socket!.write(chunk);
        if (taken < 0) {
          // Closing: nobody waits for `drain` any more, `close` is on its way.
          this.#queue = null;
          this.isDrainDue = false;
          return false;
        }
        queue.taken(taken);
        if (taken < chunk.length) return false;
      }
      this.#queue = null;
    }
    if (this.sending === SENDING.closing) this.destroy();
    else if (this.sending === SENDING.ended && !this.isDestroyed) this.#shutdown();
    return true;
  }
}
