import { MAX_HEAD_BYTES, RequestHead } from '../http1/request-head.ts';

const USUAL_BYTES = 2048;
/** Kept for the next requests; what is beyond is left to the garbage collector. */
const MAX_SPARE = 256;

/** The head of a request and the bytes it points into, lent to a session from its first byte to the end of the exchange. */
export class RequestBuffer {
  readonly head: RequestHead;
  bytes = new Uint8Array(USUAL_BYTES);
  length = 0;
  readonly #limit: number;

  /** @param slack bytes that a head may be longer than others */
  constructor(slack = 0) {
    this.head = new RequestHead(slack);
    this.#limit = MAX_HEAD_BYTES + slack;
  }

  /** Appends as much as a head may take; returns how many bytes were taken. */
  append(more: Uint8Array): number {
    const taken = Math.min(more.length, this.#limit - this.length);
    const wanted = this.length + taken;
    if (wanted > this.bytes.length) {
      const longer = new Uint8Array(Math.min(Math.max(wanted, this.bytes.length * 2), this.#limit));
      longer.set(this.bytes.subarray(0, this.length));
      this.bytes = longer;
    }
    this.bytes.set(taken === more.length ? more : more.subarray(0, taken), this.length);
    this.length = wanted;
    return taken;
  }

  reset(): void {
    this.length = 0;
    this.head.reset();
    if (this.bytes.length > USUAL_BYTES) this.bytes = new Uint8Array(USUAL_BYTES);
  }
}

/** Spare request buffers: an idle connection holds none. */
export class RequestBuffers {
  readonly #spare: RequestBuffer[] = [];
  readonly #slack: number;

  /** @param slack bytes that heads may be longer than a client's */
  constructor(slack = 0) {
    this.#slack = slack;
  }

  take(): RequestBuffer {
    return this.#spare.pop() ?? new RequestBuffer(this.#slack);
  }

  give(buffer: RequestBuffer): void {
    if (this.#spare.length === MAX_SPARE) return;
    buffer.reset();
    this.#spare.push(buffer);
  }
}
