import { ChunkedReader } from '../http1/chunked-reader.ts';
import { PARSE } from '../http1/fields.ts';
import { RESPONSE_FAULTS } from '../http1/refusal.ts';
import { MAX_RESPONSE_HEAD_BYTES, ResponseHead } from '../http1/response-head.ts';
import type { Exchange } from '../router/exchange.ts';
import { FAILURES } from '../router/failures.ts';

/** The states of an answer on its way in. `tunnel`: bytes of another protocol. `done`: complete, or given up. */
const STATE = { head: 0, length: 1, chunked: 2, untilClose: 3, tunnel: 4, done: 5 } as const;

const MAX_INTERIM = 32;

/** Reads one HTTP/1 answer as it comes from a backend and tells the exchange: head, body without framing, end, or fault. */
export class ResponseReader {
  readonly #exchange: Exchange;
  /** Shared by all readers: holds a head only within one event. */
  readonly #shared: ResponseHead;
  #state: number = STATE.head;
  #head: ResponseHead | null = null;
  #gathered: Uint8Array | null = null;
  #length = 0;
  #remaining = 0;
  #chunked: ChunkedReader | null = null;
  #interims = 0;

  constructor(exchange: Exchange, shared: ResponseHead) {
    this.#exchange = exchange;
    this.#shared = shared;
  }

  /** Nothing more is read: the answer is complete or broken. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  get isTunnel(): boolean {
    return this.#state === STATE.tunnel;
  }

  /** The next bytes from the backend. */
  read(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.#state === STATE.head) at += this.#readHead(at === 0 ? bytes : bytes.subarray(at));
    if (at < bytes.length && this.#state !== STATE.done) this.#readBody(bytes, at);
  }

  /** The backend has sent its FIN. */
  end(): void {
    switch (this.#state) {
      case STATE.head:
        return this.#fail(this.#length === 0 && this.#interims === 0 ? FAILURES.upstreamEmpty : FAILURES.upstreamTruncated);
      case STATE.length:
      case STATE.chunked:
        return this.#fail(FAILURES.upstreamShort);
      case STATE.untilClose:
      case STATE.tunnel:
        return this.#complete();
    }
  }

  /** The connection broke: whatever had no end of its own is cut off. */
  broken(): void {
    if (this.#state !== STATE.done) this.#fail(FAILURES.upstreamReset);
  }

  /** Returns how many bytes belonged to the head. */
  #readHead(bytes: Uint8Array): number {
    // Usually a head comes whole and is read where it lies.
    const isFresh = this.#length === 0;
    const head = isFresh ? this.#shared : this.#head!;
    if (isFresh) head.reset();
    const before = this.#length;
    const taken = isFresh ? bytes.length : this.#gather(bytes);
    const state = isFresh ? head.parse(bytes, bytes.length) : head.parse(this.#gathered!, this.#length);
    if (state === PARSE.refused) {
      this.#fail(head.fault!);
      return bytes.length;
    }
    if (state === PARSE.incomplete) {
      if (isFresh) {
        // The shared head is the next reader's: this one goes on with its own.
        this.#head = new ResponseHead();
        this.#gather(bytes);
        this.#head.parse(this.#gathered!, this.#length);
      }
      return taken;
    }
    const used = head.end - before;
    this.#headComplete(head);
    return used;
  }

  #headComplete(head: ResponseHead): void {
    this.#length = 0;
    const { request } = this.#exchange;
    if (head.status < 200 && head.status !== 101) {
      if (++this.#interims > MAX_INTERIM) return this.#fail(RESPONSE_FAULTS.interimFlood);
      // A 100 answers an Expect that ugate has answered already (RFC 9110 15.2.1 lets a proxy drop it).
      if (head.status !== 100 || !request.expectsContinue) this.#exchange.interim(head);
      this.#head?.reset();
      return;
    }
    if (head.status === 101) this.#state = STATE.tunnel;
    else if (head.hasNoBody(request.isHead) || head.contentLength === 0) this.#state = STATE.done;
    else if (head.isChunked) {
      this.#state = STATE.chunked;
      this.#chunked = new ChunkedReader();
    } else if (head.contentLength > 0) {
      this.#state = STATE.length;
      this.#remaining = head.contentLength;
    } else this.#state = STATE.untilClose;
    this.#exchange.head(head);
    this.#head = null;
    this.#gathered = null;
    if (this.#state === STATE.done) this.#exchange.end();
  }

  #readBody(bytes: Uint8Array, start: number): void {
    if (this.#state === STATE.length) {
      const end = Math.min(bytes.length, start + this.#remaining);
      this.#remaining -= end - start;
      this.#exchange.body(bytes, start, end);
      if (this.#remaining === 0) this.#complete();
    } else if (this.#state === STATE.chunked) this.#readChunks(bytes, start, this.#chunked!);
    else this.#exchange.body(bytes, start, bytes.length);
  }

  #readChunks(bytes: Uint8Array, start: number, reader: ChunkedReader): void {
    for (let at = start; at < bytes.length && !reader.isDone; ) {
      at = reader.read(bytes, at, bytes.length);
      if (reader.refusal !== null) return this.#fail(RESPONSE_FAULTS.badChunk);
      if (reader.dataEnd > reader.dataStart) this.#exchange.body(bytes, reader.dataStart, reader.dataEnd);
    }
    if (!reader.isDone) return;
    this.#exchange.trailers(reader.trailers);
    this.#complete();
  }

  #gather(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, MAX_RESPONSE_HEAD_BYTES - this.#length);
    const wanted = this.#length + taken;
    if (this.#gathered === null || wanted > this.#gathered.length) {
      const longer = new Uint8Array(Math.min(Math.max(wanted, 2 * (this.#gathered?.length ?? 512)), MAX_RESPONSE_HEAD_BYTES));
      if (this.#gathered !== null) longer.set(this.#gathered.subarray(0, this.#length));
      this.#gathered = longer;
    }
    this.#gathered.set(bytes.subarray(0, taken), this.#length);
    this.#length = wanted;
    return taken;
  }

  #complete(): void {
    this.#state = STATE.done;
    this.#exchange.end();
  }

  #fail(failure: (typeof FAILURES)[keyof typeof FAILURES]): void {
    this.#state = STATE.done;
    this.#exchange.failed(failure);
  }
}
