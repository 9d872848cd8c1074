import { FAILURES } from '../failure/failures.ts';
import { ascii, equalsFolded, readDecimal } from '../http1/bytes.ts';
import { ChunkedReader } from '../http1/chunked-reader.ts';
import { PARSE } from '../http1/fields.ts';
import { type ListCursor, readListMember } from '../http1/list.ts';
import { MAX_RESPONSE_HEAD_BYTES, ResponseHead } from '../http1/response-head.ts';
import type { UpstreamExchange } from '../router/upstream.ts';

/** The states of an answer on its way in. `tunnel`: bytes of another protocol. `done`: complete, or given up. */
const STATE = { head: 0, length: 1, chunked: 2, untilClose: 3, tunnel: 4, done: 5 } as const;

const MAX_INTERIM = 32;
const TIMEOUT = ascii('timeout');
const EQUALS = 0x3d;

/**
 * Reads an HTTP/1 answer as it comes from a backend and tells the exchange: head, body without framing, end, or fault.
 * On a persistent connection one reader reads answer after answer.
 */
export class ResponseReader {
  /**
   * Known once the answer is complete: for how many ms the backend keeps the connection. 0: it closes, or what came behind
   * the answer belongs to none. Infinity when it does not say.
   */
  keepsFor = 0;
  #exchange: UpstreamExchange | null = null;
  /** Shared by all readers: holds a head only within one event. */
  readonly #shared: ResponseHead;
  #state: number = STATE.head;
  #head: ResponseHead | null = null;
  #gathered: Uint8Array | null = null;
  #length = 0;
  #remaining = 0;
  #chunked: ChunkedReader | null = null;
  #interims = 0;
  /** There was a 100 among them: the backend reads the body. */
  #isContinued = false;

  /** @param exchange null when the first answer is announced by `begin` */
  constructor(exchange: UpstreamExchange | null, shared: ResponseHead) {
    this.#shared = shared;
    this.begin(exchange);
  }

  /** The next answer is for `exchange`; null forgets the last one. */
  begin(exchange: UpstreamExchange | null): void {
    this.#exchange = exchange;
    this.#state = exchange?.request.isRaw ? STATE.tunnel : STATE.head;
    this.keepsFor = 0;
    this.#head = null;
    this.#gathered = null;
    this.#length = 0;
    this.#chunked = null;
    this.#interims = 0;
    this.#isContinued = false;
  }

  /** Nothing more is read: the answer is complete or broken. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  get isTunnel(): boolean {
    return this.#state === STATE.tunnel;
  }

  /** The answer goes on until the backend closes. */
  get isUntilClose(): boolean {
    return this.#state === STATE.untilClose;
  }

  /** The next bytes from the backend. */
  read(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.#state === STATE.head) at += this.#readHead(at === 0 ? bytes : bytes.subarray(at));
    if (at < bytes.length && this.#state !== STATE.done) at = this.#readBody(bytes, at);
    if (at < bytes.length) this.keepsFor = 0;
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
    const exchange = this.#exchange!;
    const { request } = exchange;
    if (head.status < 200 && head.status !== 101) {
      if (++this.#interims > MAX_INTERIM) return this.#fail(FAILURES.answerInterimFlood);
      this.#isContinued ||= head.status === 100;
      // A 100 answers an Expect that ugate has answered already (RFC 9110 15.2.1 lets a proxy drop it).
      if (head.status !== 100 || !request.expectsContinue) exchange.interim(head);
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
    // An answer in place of a 100 (RFC 9110 10.1.1): the body may be unread, and taken for the next request.
    const isUnread = request.passesExpect && request.hasBody && !this.#isContinued;
    if (!isUnread && (this.#state < STATE.untilClose || this.#state === STATE.done)) this.keepsFor = keepsFor(head);
    exchange.head(head);
    this.#head = null;
    this.#gathered = null;
    // An answer that nobody wants, such as a 101 out of place: what follows it belongs to nobody.
    if (exchange.isDone) this.#state = STATE.done;
    else if (this.#state === STATE.done) exchange.end();
  }

  /** Returns how far it came. */
  #readBody(bytes: Uint8Array, start: number): number {
    if (this.#state === STATE.chunked) return this.#readChunks(bytes, start, this.#chunked!);
    const exchange = this.#exchange!;
    if (this.#state !== STATE.length) {
      exchange.body(bytes, start, bytes.length);
      return bytes.length;
    }
    const end = Math.min(bytes.length, start + this.#remaining);
    this.#remaining -= end - start;
    exchange.body(bytes, start, end);
    if (this.#remaining === 0) this.#complete();
    return end;
  }

  #readChunks(bytes: Uint8Array, start: number, reader: ChunkedReader): number {
    const exchange = this.#exchange!;
    const at = reader.gather(bytes, start, bytes.length);
    if (reader.dataEnd > reader.dataStart) exchange.body(bytes, reader.dataStart, reader.dataEnd);
    if (reader.refusal !== null) this.#fail(FAILURES.answerBadChunk);
    else if (reader.isDone) {
      exchange.trailers(reader.trailers);
      this.#complete();
    }
    return at;
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
    this.#exchange!.end();
  }

  #fail(failure: (typeof FAILURES)[keyof typeof FAILURES]): void {
    this.#state = STATE.done;
    this.keepsFor = 0;
    this.#exchange!.failed(failure);
  }
}

/** RFC 9112 9.3, and the `timeout` of Keep-Alive: seconds, counted from the answer. HTTP/1.0 knows no chunks: such framing is not trusted further (6.1). */
function keepsFor(head: ResponseHead): number {
  if (head.wantsClose || (head.minor === 0 && (!head.wantsKeepAlive || head.isChunked))) return 0;
  // Whoever announces a body where there is none (6.1, RFC 9110 8.6) is about to send it: in front of the next answer.
  if (head.status === 204 && (head.isChunked || head.contentLength > 0)) return 0;
  return head.keepAliveField === -1 ? Number.POSITIVE_INFINITY : keepAliveTimeout(head);
}

function keepAliveTimeout({ bytes, fields, keepAliveField }: ResponseHead): number {
  const end = fields.valueEnd(keepAliveField);
  const cursor: ListCursor = { next: fields.valueStart(keepAliveField), start: 0, end: 0 };
  while (readListMember(bytes, end, cursor)) {
    const valueStart = cursor.start + TIMEOUT.length;
    if (valueStart >= cursor.end || bytes[valueStart] !== EQUALS || !equalsFolded(bytes, cursor.start, valueStart, TIMEOUT)) continue;
    const seconds = readDecimal(bytes, valueStart + 1, cursor.end);
    if (seconds >= 0) return seconds * 1000;
  }
  return Number.POSITIVE_INFINITY;
}
