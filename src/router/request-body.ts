import type { Failure } from '../failure/failures.ts';
import { ChunkedReader } from '../http1/chunked-reader.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Exchange } from './exchange.ts';

/** Where the body of one request ends, and what of its bytes goes on: plain, de-chunked, or chunks as they came. */
export class RequestBody {
  refusal: Failure | null = null;
  isComplete = false;
  /** A byte of it has come: the client did not wait for 100 Continue. */
  hasBegun = false;
  /** The exchange asked to hold the client back during the last `read`. */
  mustPause = false;
  readonly #chunked: ChunkedReader | null;
  readonly #raw: boolean;
  readonly #max: number;
  #remaining: number;
  #received = 0;

  /** @param raw chunks go on with their framing (`http-chunked-input`); @param max bytes of a chunked body (`http-max-body`) */
  constructor(head: RequestHead, raw: boolean, max: number) {
    this.#chunked = head.isChunked ? new ChunkedReader() : null;
    this.#remaining = Math.max(head.contentLength, 0);
    this.#raw = raw;
    this.#max = max;
  }

  /** True when what has come so far is more than `http-max-body`. */
  get isTooLarge(): boolean {
    return this.#received > this.#max;
  }

  /** False when `unread` more bytes cannot be the rest of it. Of chunks that cannot be known before they are read. */
  canEndWithin(unread: number): boolean {
    return this.#chunked === null ? this.#remaining <= unread : unread > 0;
  }

  /**
   * Hands the body bytes at the start of `bytes` to the exchange, in one call; returns how many belonged to this request. Chunks are
   * moved together within `bytes`. Hands on nothing of what is refused, or too large.
   */
  read(bytes: Uint8Array, exchange: Exchange): number {
    this.hasBegun = true;
    return this.#chunked === null ? this.#readLength(bytes, exchange) : this.#readChunked(this.#chunked, bytes, exchange);
  }

  #readLength(bytes: Uint8Array, exchange: Exchange): number {
    const taken = Math.min(this.#remaining, bytes.length);
    this.#remaining -= taken;
    this.mustPause = !exchange.requestBody(bytes, 0, taken);
    this.isComplete = this.#remaining === 0;
    return taken;
  }

  #readChunked(reader: ChunkedReader, bytes: Uint8Array, exchange: Exchange): number {
    // Once an event, however many chunks it brought: each call may be a system call of the backend's.
    const at = this.#raw ? this.#readFramed(reader, bytes) : this.#gather(reader, bytes);
    this.mustPause = false;
    this.refusal = reader.refusal;
    if (this.refusal !== null || this.isTooLarge) return at;
    const start = this.#raw ? 0 : reader.dataStart;
    const end = this.#raw ? at : reader.dataEnd;
    if (end > start) this.mustPause = !exchange.requestBody(bytes, start, end);
    this.isComplete = reader.isDone;
    if (this.isComplete && !this.#raw && reader.trailers.length > 0) exchange.requestTrailers(reader.trailers);
    return at;
  }

  #gather(reader: ChunkedReader, bytes: Uint8Array): number {
    const at = reader.gather(bytes, 0, bytes.length);
    this.#received += reader.dataEnd - reader.dataStart;
    return at;
  }

  #readFramed(reader: ChunkedReader, bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !reader.isDone && reader.refusal === null) {
      at = reader.read(bytes, at, bytes.length);
      this.#received += reader.dataEnd - reader.dataStart;
    }
    return at;
  }
}
