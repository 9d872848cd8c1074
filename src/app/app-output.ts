import { GrowingBytes } from '../http1/growing-bytes.ts';
import type { UpstreamExchange } from '../router/upstream.ts';

/** A piece from this size on goes out by itself, and so does what is gathered of smaller ones, in bytes. */
const ENOUGH = 8 * 1024;
/** After so many microtasks without another piece what is gathered goes out. A stream that has more at hand gives it sooner. */
const PATIENCE = 8;

/**
 * The body of an app's answer on its way to the exchange. Small pieces that are at hand together go out together: each write is a
 * system call, and a packet of its own. None waits for anything but microtasks.
 */
export class AppOutput {
  readonly #exchange: UpstreamExchange;
  readonly #failed: (error: unknown) => void;
  readonly #gathered = new GrowingBytes();
  /** Microtasks to wait for yet; 0 when nobody waits. */
  #patience = 0;

  /** @param failed is told what was thrown outside of the methods */
  constructor(exchange: UpstreamExchange, failed: (error: unknown) => void) {
    this.#exchange = exchange;
    this.#failed = failed;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length < ENOUGH) this.#gathered.append(bytes);
    else {
      this.pass();
      this.#exchange.body(bytes, 0, bytes.length);
      return this.#exchange.flush();
    }
    if (this.#gathered.length >= ENOUGH) {
      this.pass();
      return this.#exchange.flush();
    }
    if (this.#patience === 0) queueMicrotask(this.#wait);
    this.#patience = PATIENCE;
  }

  /** Hands over what is gathered, for a `flush` that follows. Of an exchange that is over nothing. */
  pass(): void {
    const { length, bytes } = this.#gathered;
    if (length === 0) return;
    this.#gathered.clear();
    if (!this.#exchange.isDone) this.#exchange.body(bytes, 0, length);
  }

  readonly #wait = (): void => {
    if (--this.#patience > 0) return queueMicrotask(this.#wait);
    if (this.#gathered.length === 0 || this.#exchange.isDone) return;
    try {
      this.pass();
      this.#exchange.flush();
    } catch (error) {
      this.#failed(error);
    }
  };
}
