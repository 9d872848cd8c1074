import { FAILURES, type Failure } from '../failure/failures.ts';
import { copyOf } from '../http1/bytes.ts';
import { GrowingBytes } from '../http1/growing-bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { BodySpool, type SpoolLimits } from './body-spool.ts';
import type { Downstream } from './downstream.ts';
import type { Service, ServiceSettings } from './service.ts';
import type { Transaction } from './transaction.ts';
import type { Upstream } from './upstream.ts';

/** The exchange whose request is relayed. */
export interface RelayingExchange {
  readonly request: RequestHead;
  readonly transaction: Transaction;
  /** The body has been read whole. @param length that is to be told in place of one the request did not give; −1 for none */
  spooled(length: number): void;
  fail(failure: Failure, problem?: string): void;
  failed(failure: Failure): void;
}

/** What relaying a request needs of the generation that it began with. */
export interface RelayParts extends Pick<Service, 'log' | 'bodyBudget' | 'needsLength'> {
  readonly settings: SpoolLimits & Pick<ServiceSettings, 'postBuffering' | 'bodyBuffer' | 'chunkedInput'>;
}

/** A body without a length towards uwsgi, which knows no other than CONTENT_LENGTH; and any body with `http-post-buffering`. */
export function mustSpool(request: RequestHead, parts: RelayParts): boolean {
  if (!request.hasBody || request.isRaw) return false;
  return parts.settings.postBuffering > 0 || (request.lengthIsUnknown && parts.needsLength && !keepsChunks(request, parts));
}

/** Chunks go on as they came, whatever the node (`http-chunked-input`). */
function keepsChunks({ isChunked }: RequestHead, { needsLength, settings }: RelayParts): boolean {
  return isChunked && needsLength && settings.chunkedInput;
}

/**
 * What follows a request's head on its way to whoever takes it: body, trailers, end; of a tunnel, the client's half. As long as nobody
 * has the request the client is held back and its first bytes are kept, or the body is read whole; then it goes as fast as it is taken.
 */
export class RequestRelay {
  /** Nothing more comes; in a tunnel, the client's half has ended. */
  hasEnded = false;
  /** The client is held back. */
  isPaused = false;
  readonly #exchange: RelayingExchange;
  readonly #downstream: Downstream;
  readonly #parts: RelayParts;
  /** Null as long as nobody has the request. */
  #upstream: Upstream | null = null;
  #early: GrowingBytes | null = null;
  #trailers: Uint8Array | null = null;
  /** Null when the body is not read whole. */
  #spool: BodySpool | null = null;

  constructor(exchange: RelayingExchange, downstream: Downstream, parts: RelayParts) {
    this.#exchange = exchange;
    this.#downstream = downstream;
    this.#parts = parts;
  }

  /** As `Exchange.requestBody`. */
  body(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#upstream !== null) {
      if (this.#upstream.body(bytes, start, end)) return true;
    } else if (this.#spool !== null) {
      this.#write(bytes.subarray(start, end));
      return true;
    } else {
      this.#early ??= new GrowingBytes();
      this.#early.append(bytes, start, end);
    }
    this.isPaused = true;
    return false;
  }

  /** As `Exchange.requestTrailers`. What is read whole has none. */
  trailers(lines: Uint8Array): void {
    if (this.#upstream !== null) this.#upstream.trailers?.(lines);
    else if (this.#spool === null) this.#trailers = copyOf(lines);
  }

  /** As `Exchange.requestEnd`. */
  end(): void {
    this.hasEnded = true;
    if (this.#upstream !== null) this.#passedOn();
    else if (this.#spool !== null) this.#spooled();
  }

  /** From now on the body is read whole, and `spooled` told behind it. */
  spool(): void {
    const { settings, bodyBudget } = this.#parts;
    this.#spool = new BodySpool(settings, settings.postBuffering || settings.bodyBuffer, bodyBudget);
    if (this.#exchange.request.expectsContinue) this.#downstream.continue();
    const early = this.#takeEarly();
    if (early !== null && !this.#write(early)) return;
    if (this.hasEnded) this.#spooled();
    else this.resume();
  }

  /** `upstream` takes the request: its head goes out, with what has come of the rest. */
  send(upstream: Upstream): void {
    this.#upstream = upstream;
    const early = this.#takeEarly();
    if (this.#exchange.request.expectsContinue && this.#spool === null && early === null) this.#downstream.continue();
    const isReady = upstream.send(early);
    if (this.#spool !== null) {
      if (isReady) this.#sendSpool(this.#spool, upstream);
    } else if (this.hasEnded) {
      if (this.#trailers !== null) upstream.trailers?.(this.#trailers);
      this.#passedOn();
    } else if (isReady) this.resume();
  }

  /** The upstream takes bytes again. */
  drained(): void {
    if (this.#spool !== null) this.#sendSpool(this.#spool, this.#upstream!);
    else this.resume();
  }

  /** Lets the client go on. */
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#downstream.resume();
  }

  /** Nobody takes anything any more. */
  discard(): void {
    this.#spool?.discard();
    this.#early = null;
  }

  #takeEarly(): Uint8Array | null {
    const early = this.#early?.bytes ?? null;
    this.#early = null;
    return early;
  }

  /** False when it could not be kept: the request has failed. */
  #write(bytes: Uint8Array): boolean {
    const failure = this.#spool!.write(bytes);
    if (failure !== null) this.#exchange.fail(failure, this.#spool!.problem);
    return failure === null;
  }

  #spooled(): void {
    const { request } = this.#exchange;
    this.#exchange.spooled(request.lengthIsUnknown && !keepsChunks(request, this.#parts) ? this.#spool!.size : -1);
  }

  #sendSpool(spool: BodySpool, upstream: Upstream): void {
    for (let piece = spool.read(); piece !== null; piece = spool.read()) if (!upstream.body(piece, 0, piece.length)) return;
    if (spool.problem === undefined) return this.#passedOn();
    this.#parts.log.event('error', FAILURES.bufferFailed.code, spool.problem, this.#exchange.transaction.details());
    this.#exchange.failed(FAILURES.bufferFailed);
  }

  /** The request is with the upstream, whole. */
  #passedOn(): void {
    this.#exchange.transaction.passedOn();
    this.#upstream!.end();
  }
}
