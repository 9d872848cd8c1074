import { type PeerAddress, UNIX_PEER } from '../../net/peer.ts';
import { LIFE, SENDING } from '../connection-states.ts';
import { SendQueue } from '../send-queue.ts';
import { Descriptor } from './descriptor.ts';
import { isPassing } from './kernel.ts';
import type { Poller } from './poller.ts';

/** A connection as far as it sends: what the kernel does not take at once is queued. */
export abstract class SendingHalf extends Descriptor {
  readonly remote: PeerAddress;
  protected life: number = LIFE.connecting;
  protected sending: number = SENDING.flows;
  /** A write was queued, and `drain` is to be told when the kernel has it. */
  protected isDrainDue = false;
  #queue: SendQueue | null = null;

  constructor(poller: Poller, fd: number, remote: PeerAddress) {
    super(poller, fd);
    this.remote = remote;
  }

  /** Asks the kernel for what matters now. */
  protected abstract watch(): boolean;
  /** The peer takes no more; `error` is the system's number. */
  protected abstract sendFailed(error: number): void;
  /** FIN has gone. */
  protected abstract sentEnd(): void;
  abstract destroy(): void;

  get queued(): number {
    return this.#queue === null ? 0 : this.#queue.size;
  }

  protected get hasQueue(): boolean {
    return this.#queue !== null;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    return this.#write(bytes, start, end, false);
  }

  #write(bytes: Uint8Array, start: number, end: number, hasMore: boolean): boolean {
    if (this.sending !== SENDING.flows || this.life === LIFE.gone) return true;
    let taken = 0;
    if (this.#queue === null && this.life === LIFE.open) {
      taken = this.#send(bytes, start, end - start, hasMore);
      // Less than nothing: the connection is broken, and `close` is on its way.
      if (taken === end - start || taken < 0) return true;
    }
    this.#queue ??= new SendQueue();
    this.#queue.push(bytes, start + taken, end);
    this.isDrainDue = true;
    if (this.life === LIFE.open) this.watch();
    return false;
  }

  end(): void {
    if (this.sending !== SENDING.flows || this.life === LIFE.gone) return;
    this.sending = SENDING.ended;
    if (this.#queue === null && this.life === LIFE.open) this.#shutdown();
  }

  close(last?: Uint8Array, start = 0, end = last?.length ?? 0): void {
    // FIN goes out with the last bytes. By `shutdown`, because over bytes that nobody has read `close` would send RST in place of both.
    if (end > start && this.#write(last!, start, end, true) && this.sending === SENDING.flows && this.remote !== UNIX_PEER)
      this.poller.kernel.shutdown(this.fd);
    if (this.#queue === null) return this.destroy();
    this.sending = SENDING.closing;
  }

  /** Returns whether everything queued is with the kernel. */
  protected flush(): boolean {
    const queue = this.#queue;
    if (queue !== null) {
      for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
        const taken = this.#send(chunk, 0, chunk.length, false);
        if (taken < 0) return false;
        if (taken > 0) queue.taken(taken);
        if (taken < chunk.length) return false;
      }
      this.#queue = null;
      if (this.isWatched) this.watch();
    }
    if (this.sending === SENDING.closing) this.destroy();
    else if (this.sending === SENDING.ended && this.life !== LIFE.gone) this.#shutdown();
    return true;
  }

  /** Returns how much the kernel took; -1 when the connection is broken. */
  #send(bytes: Uint8Array, start: number, length: number, hasMore: boolean): number {
    const { kernel } = this.poller;
    const taken = kernel.send(this.fd, bytes, start, length, hasMore);
    if (taken >= 0) return taken;
    const error = kernel.errno();
    if (isPassing(error)) return 0;
    // It is given up only when it is said again (`Kernel.errno`).
    const again = kernel.send(this.fd, bytes, start, length, hasMore);
    if (again >= 0 || isPassing(kernel.errno())) return Math.max(again, 0);
    this.#queue = null;
    this.isDrainDue = false;
    if (this.sending === SENDING.flows) this.sending = SENDING.ended;
    this.sendFailed(error);
    return -1;
  }

  #shutdown(): void {
    this.poller.kernel.shutdown(this.fd);
    this.sentEnd();
  }

  /** What is queued is lost, and the descriptor goes back to the kernel. */
  protected release(): void {
    this.#queue = null;
    this.closeDescriptor();
  }
}
