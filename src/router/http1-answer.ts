import type { GzipOutput } from '../encoding/gzip.ts';
import { FAILURES, type Failure } from '../failure/failures.ts';
import { LAST_CHUNK } from '../http1/chunked-writer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { CONNECTION, type ConnectionSays, writeOwnHead, writeResponseHead } from '../http1/response-writer.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import { type Compression, compressed } from './compression.ts';
import type { Downstream } from './downstream.ts';
import { Http1Output } from './http1-output.ts';
import { errorAnswer, type OwnAnswer } from './own-answer.ts';
import type { Service, ServiceSettings } from './service.ts';

/** How the body is framed. `raw` is a tunnel. */
const BODY = { none: 0, length: 1, chunked: 2, untilClose: 3, raw: 4 } as const;

const CRLF = Uint8Array.of(0x0d, 0x0a);
const LAST_SIZE_LINE = LAST_CHUNK.subarray(0, 3);
const CONTINUE = new TextEncoder().encode('HTTP/1.1 100 Continue\r\n\r\n');

/** The connection an answer is written to, as far as it concerns the answer. */
export interface AnswerOwner {
  /** The connection can be used again behind the current answer. */
  readonly mayPersist: boolean;
  /** A byte of the request's body has come: the client does not wait for 100 Continue. */
  readonly bodyHasBegun: boolean;
  /** The answer is written. */
  answered(persists: boolean): void;
  /** The answer cannot be completed. @param failure why, where the exchange does not know */
  cutOff(failure: Failure | null): void;
  /** The backend has switched protocols: from here on bytes go both ways. */
  tunnelOpened(): void;
  /** The backend's half of a tunnel has ended. */
  tunnelEnded(): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** The kernel did not take all: the client reads more slowly than it is written to. */
  fellBehind(): void;
}

/** What an answer needs of the generation that its request began with. */
export interface AnswerParts extends Pick<Service, 'out' | 'dates' | 'gzip' | 'log'> {
  readonly settings: Pick<ServiceSettings, 'responseBuffer' | 'autoChunked'>;
}

/**
 * The answers of one HTTP/1 connection, one after the other: their framing, and what they say of the connection. What is in them is
 * decided elsewhere, for every kind of client: `compression.ts`, `date-line.ts`, `own-answer.ts`.
 */
export class Http1Answer implements Downstream, GzipOutput {
  /** The final head of the current answer has been written. */
  hasBegun = false;
  /** Bytes of the current answer's body, without framing. */
  bodyBytes = 0;
  /** What is being written are events or a tunnel, which may rest as they like. */
  isOpenEnded = false;
  #parts: AnswerParts;
  readonly #owner: AnswerOwner;
  readonly #output: Http1Output;
  #request: RequestHead | null = null;
  #body: number = BODY.none;
  /** Of a body with a length: bytes still to come. */
  #remaining = 0;
  #persists = false;
  /** Null when the body goes as it comes. */
  #compression: Compression | null = null;
  /** One answer for a web server in front, as CGI has it: it ends by close, and says nothing of connections. */
  readonly #isCgi: boolean;

  constructor(parts: AnswerParts, owner: AnswerOwner, connection: Connection<unknown>, isCgi = false) {
    this.#parts = parts;
    this.#owner = owner;
    this.#output = new Http1Output(parts.out, parts.settings.responseBuffer, connection, owner);
    this.#isCgi = isCgi;
  }

  /** Between two answers: what holds for the next ones. */
  use(parts: AnswerParts): void {
    this.#parts = parts;
    this.#output.limit = parts.settings.responseBuffer;
  }

  /** True once a tunnel has been opened. */
  get isTunnel(): boolean {
    return this.#body === BODY.raw;
  }

  /** Only the end of the connection tells that the current answer is complete, or was. */
  get endsByClose(): boolean {
    return this.#body === BODY.untilClose;
  }

  /** More than `http-response-buffer` waits for the kernel. */
  get isBlocked(): boolean {
    return this.#output.isBlocked;
  }

  /** Bytes written so far, over all answers of the connection. */
  get written(): number {
    return this.#output.written;
  }

  /** Bytes made so far, over all answers of the connection: those written, and what waits to be flushed. */
  get produced(): number {
    return this.#output.produced;
  }

  /** A new request has been read; `null` when not even its head could be. */
  begin(request: RequestHead | null): void {
    this.discard();
    this.#request = request;
    this.isOpenEnded = request?.isRaw ?? false;
    // Without HTTP behind the head there is no other answer than what the backend writes.
    this.#body = this.isOpenEnded ? BODY.raw : BODY.none;
    this.#remaining = 0;
    this.bodyBytes = 0;
    this.#persists = false;
    this.hasBegun = false;
  }

  continue(): void {
    if (!this.#owner.bodyHasBegun) this.#output.write(CONTINUE);
  }

  interim(head: ResponseHead): void {
    const request = this.#request!;
    if (request.isHttp10 || this.#isCgi) return;
    compressed(head, request, this.#parts, this);
    this.#writeHead(head, false, CONNECTION.silent);
  }

  head(head: ResponseHead): void {
    const request = this.#request!;
    this.hasBegun = true;
    this.#compression = compressed(head, request, this.#parts, this);
    if (head.status === 101) {
      this.#body = BODY.raw;
      this.isOpenEnded = true;
      this.#writeHead(head, false, CONNECTION.upgrade);
      return this.#owner.tunnelOpened();
    }
    this.isOpenEnded = head.isEventStream;
    this.#persists = this.#owner.mayPersist;
    if (head.hasNoBody(request.isHead)) this.#body = BODY.none;
    else if (head.contentLength >= 0) {
      this.#body = BODY.length;
      this.#remaining = head.contentLength;
    } else if (!request.isHttp10 && !this.#isCgi && (this.#parts.settings.autoChunked || head.isChunked)) this.#body = BODY.chunked;
    else {
      // HTTP/1.0 knows an end without a length only by the end of the connection; without auto-chunked so does 1.1.
      this.#body = BODY.untilClose;
      this.#persists = false;
    }
    this.#writeHead(head, head.status !== 204, this.#connectionSays(head, request.isHttp10));
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    if (this.#compression === null) this.#frame(bytes, start, end);
    else if (!this.#compression.write(bytes, start, end)) this.#cutOff(FAILURES.gzipFailed);
  }

  /** From the compressor. */
  output(bytes: Uint8Array, start: number, end: number): void {
    this.#frame(bytes, start, end);
  }

  #frame(bytes: Uint8Array, start: number, end: number): void {
    switch (this.#body) {
      case BODY.none:
        return;
      case BODY.length: {
        // The backend's count is not trusted with the border to the next answer.
        const stop = Math.min(end, start + this.#remaining);
        this.#remaining -= stop - start;
        this.bodyBytes += stop - start;
        return this.#output.write(bytes, start, stop);
      }
      case BODY.chunked:
        this.bodyBytes += end - start;
        return this.#output.writeChunk(bytes, start, end);
      default:
        this.bodyBytes += end - start;
        this.hasBegun = true;
        return this.#output.write(bytes, start, end);
    }
  }

  trailers(lines: Uint8Array): void {
    if (this.#body !== BODY.chunked || !this.#request!.acceptsTrailers || lines.length === 0) return;
    this.#output.write(LAST_SIZE_LINE);
    this.#output.write(lines);
    this.#output.write(CRLF);
    this.#body = BODY.none;
  }

  end(): void {
    if (this.#body === BODY.raw) {
      this.flush();
      return this.#owner.tunnelEnded();
    }
    if (this.#body === BODY.length && this.#remaining > 0) return this.reset();
    if (this.#compression !== null && !this.#compression.finish()) return this.#cutOff(FAILURES.gzipFailed);
    this.#compression = null;
    if (this.#body === BODY.chunked) this.#output.write(LAST_CHUNK);
    this.#owner.answered(this.#persists);
  }

  reset(): void {
    this.#cutOff(null);
  }

  #cutOff(failure: Failure | null): void {
    this.flush();
    this.#owner.cutOff(failure);
  }

  fail(failure: Failure): void {
    this.#writeOwn(errorAnswer(failure), failure.status !== 500);
  }

  /** Answers without a node; only before `head`. */
  own(answer: OwnAnswer): void {
    this.#writeOwn(answer, true);
  }

  /** Frees what an unfinished answer holds. */
  discard(): void {
    this.#compression?.discard();
    this.#compression = null;
  }

  /** The kernel has taken all. */
  drained(): void {
    this.#output.isBlocked = false;
  }

  flush(): boolean {
    this.#output.flush();
    return !this.#output.isBlocked;
  }

  /** Sends what is left, and closes the connection behind it. */
  close(): void {
    this.#output.close();
  }

  pause(): void {
    this.#owner.pauseRequest();
  }

  resume(): void {
    this.#owner.resumeRequest();
  }

  #connectionSays(head: ResponseHead, isHttp10: boolean): ConnectionSays {
    if (head.hasUpgrade && !this.#isCgi && (head.wantsUpgrade || head.status === 426)) {
      return this.#persists ? CONNECTION.upgrade : CONNECTION.closeAndUpgrade;
    }
    return this.#ownConnection(isHttp10);
  }

  /** HTTP/1.0 closes unless it is told otherwise. */
  #ownConnection(isHttp10: boolean): ConnectionSays {
    if (this.#isCgi) return CONNECTION.silent;
    if (!this.#persists) return CONNECTION.close;
    return isHttp10 ? CONNECTION.keepAlive : CONNECTION.silent;
  }

  #writeHead(head: ResponseHead, keepLength: boolean, connection: ConnectionSays): void {
    const { buffer } = this.#output;
    this.#output.roomForHead(head.added);
    const date = this.#isCgi ? null : this.#parts.dates.for(head);
    const isChunked = this.#body === BODY.chunked;
    buffer.length = writeResponseHead(buffer.bytes, buffer.length, head, isChunked, keepLength && !isChunked, connection, date);
  }

  #writeOwn({ status, fields, body }: OwnAnswer, mayPersist: boolean): void {
    const { buffer } = this.#output;
    const request = this.#request;
    this.hasBegun = true;
    this.#persists = mayPersist && this.#owner.mayPersist;
    this.#output.roomForHead(fields);
    const connection = this.#ownConnection(request?.isHttp10 === true);
    const date = this.#parts.dates.line();
    buffer.length = writeOwnHead(buffer.bytes, buffer.length, status, fields, body.length, request, connection, date);
    if (request === null || !request.isHead) {
      this.bodyBytes = body.length;
      this.#output.write(body);
    }
    this.#owner.answered(this.#persists);
  }
}
