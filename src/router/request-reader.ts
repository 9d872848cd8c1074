import { FAILURES } from '../failure/failures.ts';
import { PARSE } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import type { ClientGuard } from './client-guard.ts';
import type { HeadReader, HeadRules } from './head-reader.ts';
import type { Http1Answer } from './http1-answer.ts';
import type { Http1Ending } from './http1-ending.ts';
import { DO, type Life, ON_BYTES } from './http1-state.ts';
import { RequestBody } from './request-body.ts';
import type { ServedRequest } from './served-request.ts';
import { Stash } from './stash.ts';

const NONE = new Uint8Array(0);

/** The session that requests are read for. */
export interface ReadingSession {
  readonly ending: Http1Ending;
  /** A part of a head has come. */
  headBegun(): void;
  /** @param hasMore bytes behind it have come */
  headRead(head: RequestHead, hasMore: boolean): void;
  crashed(): void;
}

/** Reads requests off an HTTP/1 connection, one after the other: head, body, and what comes too early for either. */
export class RequestReader {
  /** Bytes that have come so far. */
  received = 0;
  readonly #session: ReadingSession;
  readonly #life: Life;
  readonly #connection: Connection<unknown>;
  readonly #request: ServedRequest;
  readonly #answer: Http1Answer;
  readonly #guard: ClientGuard;
  readonly #heads: HeadReader;
  /** Null when the request has none. */
  #body: RequestBody | null = null;
  /** Bytes of later requests, which wait for their turn. */
  readonly #stash = new Stash();
  #isReading = false;

  constructor(
    session: ReadingSession,
    life: Life,
    connection: Connection<unknown>,
    request: ServedRequest,
    answer: Http1Answer,
    guard: ClientGuard,
    heads: HeadReader,
  ) {
    this.#session = session;
    this.#life = life;
    this.#connection = connection;
    this.#request = request;
    this.#answer = answer;
    this.#guard = guard;
    this.#heads = heads;
  }

  /** Of the request that is read or answered; null between requests. */
  get head(): RequestHead | null {
    return this.#heads.buffer === null ? null : this.#heads.buffer.head;
  }

  /** Nothing of the current request is to come. */
  get isReadWhole(): boolean {
    return this.#body === null || this.#body.isComplete;
  }

  get bodyHasBegun(): boolean {
    return this.#body?.hasBegun ?? false;
  }

  /** No later request waits here. */
  get isEmpty(): boolean {
    return this.#stash.isEmpty;
  }

  /** False when `unread` more bytes cannot be the rest of the body. */
  canEndWithin(unread: number): boolean {
    return this.#body!.canEndWithin(unread);
  }

  /** Reads as many requests as the bytes hold and can be answered at once; the rest waits. */
  read(bytes: Uint8Array): void {
    const life = this.#life;
    this.#isReading = true;
    let rest = bytes;
    while (rest.length > 0) {
      switch (ON_BYTES[life.state]) {
        case DO.readHead:
          // Where answers wait for the kernel already the next request waits for them.
          rest = this.#answer.isBlocked ? this.#keep(rest) : this.#readHead(rest);
          break;
        case DO.readBody:
          // What comes behind the body is a later request's.
          rest = this.isReadWhole ? this.#keep(rest) : this.#readBody(rest, this.#body!);
          break;
        case DO.passOn:
          this.#passOn(rest);
          rest = NONE;
          break;
        case DO.throwAway:
          this.#session.ending.threwAway(rest.length);
          rest = NONE;
          break;
        default:
          rest = NONE;
      }
    }
    this.#isReading = false;
    this.#answer.flush();
  }

  /** Goes on with the requests that waited for the last answer, unless it is about to. False when none waited. */
  readKept(): boolean {
    if (this.#isReading) return false;
    const kept = this.#stash.take();
    if (kept === null) return false;
    this.#connection.resume();
    // Before anything of the next request can throw.
    this.#answer.flush();
    try {
      this.read(kept);
    } catch (error) {
      // This runs in an event of the last request's backend, which is not to blame.
      this.#request.service.failed(error);
      this.#session.crashed();
    } finally {
      this.#stash.read();
    }
    return true;
  }

  /** What came behind the request is its tunnel's. */
  passOnKept(): void {
    const kept = this.#stash.take();
    this.#stash.read();
    if (kept === null || this.#request.exchange!.requestBody(kept, 0, kept.length)) this.#connection.resume();
  }

  dropKept(): void {
    this.#stash.clear();
  }

  /** A handler threw. */
  interrupted(): void {
    this.#isReading = false;
  }

  /** The request's body comes faster than it is taken. */
  pause(): void {
    this.#guard.heldBack();
    this.#connection.pause();
  }

  resume(): void {
    this.#guard.letGo(this.#request.service);
    if (this.#stash.isEmpty) this.#connection.resume();
  }

  /** The body of the request whose head was read. @param passesChunks with their framing @param hasMore its first bytes are here */
  expectBody(head: RequestHead, passesChunks: boolean, maxBody: number, hasMore: boolean): void {
    this.#body = new RequestBody(head, passesChunks, maxBody);
    this.#body.hasBegun = hasMore;
  }

  /** The request is over: what it held is free. */
  release(rules: HeadRules): void {
    this.#body = null;
    this.#heads.release(rules);
  }

  /** The next byte begins another request. */
  reopen(): void {
    this.#heads.reopen();
  }

  #readHead(bytes: Uint8Array): Uint8Array {
    const heads = this.#heads;
    const session = this.#session;
    const { transaction, service } = this.#request;
    this.#request.begin();
    const rest = heads.read(bytes, service);
    transaction.receivedHead += bytes.length - rest.length;
    transaction.request = this.head;
    if (heads.state === PARSE.complete) session.headRead(this.head!, rest.length > 0);
    else if (heads.state === PARSE.incomplete) session.headBegun();
    else if (heads.lastWords === null) session.ending.refuse(heads.refusal!, heads.rule);
    else session.ending.leave(heads.lastWords, heads.refusal, heads.rule);
    return rest;
  }

  #readBody(bytes: Uint8Array, body: RequestBody): Uint8Array {
    const exchange = this.#request.exchange!;
    const taken = body.read(bytes, exchange);
    if (exchange.isDone) return NONE;
    if (body.refusal !== null || body.isTooLarge) {
      this.#session.ending.refuseBody(body.refusal ?? FAILURES.bodyTooLarge);
      return NONE;
    }
    if (body.isComplete) {
      this.#guard.sentAll();
      exchange.requestEnd();
    } else if (body.mustPause) this.pause();
    else this.#guard.waits(this.#request.service);
    return bytes.subarray(taken);
  }

  #passOn(bytes: Uint8Array): void {
    if (!this.#request.exchange!.requestBody(bytes, 0, bytes.length)) this.#connection.pause();
  }

  /** The client is held back when what waits is much. */
  #keep(bytes: Uint8Array): Uint8Array {
    if (!this.#stash.keep(bytes)) this.#connection.pause();
    return NONE;
  }
}
