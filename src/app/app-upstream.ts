import { FAILURES } from '../failure/failures.ts';
import { latin1 } from '../http1/bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { originForm } from '../http1/request-target.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { Due, EventLoop } from '../runtime/seam/event-loop.ts';
import { AnswerHead } from './answer-head.ts';
import { AnswerStream, cancelBody, unreadBody } from './answer-stream.ts';
import { AppBody } from './app-body.ts';
import { AppOutput } from './app-output.ts';
import { type AppFields, AppRequest } from './app-request.ts';
import type { ResponseParts } from './app-response.ts';
import { AppUrls } from './app-url.ts';
import type { AppWork } from './app-work.ts';
import { type AppExecution, ClientContext, type FetchHandler, makeExecution } from './fetch-handler.ts';
import { TimeSlice } from './time-slice.ts';

export type { AppContext, FetchHandler } from './fetch-handler.ts';

/** Methods that Fetch forbids, in any case. CONNECT does not come so far. */
const FORBIDDEN = /^(?:trace|track)$/i;
/** Those that Fetch writes in upper case whatever the client does. */
const FOLDED = /^(?:delete|get|head|options|post|put)$/i;

const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string };

/** What all requests to one app share. */
export class AppUpstreams implements Due {
  readonly app: FetchHandler;
  readonly failed: (error: unknown) => void;
  readonly execution: AppExecution;
  readonly head = new AnswerHead();
  readonly urls = new AppUrls();
  readonly guests: EventLoop['guests'];
  readonly #loop: Pick<EventLoop, 'soon'>;
  #waiting: AppUpstream[] = [];

  /**
   * @param work counts what the app still does behind its answers
   * @param failed is told of what the app throws
   */
  constructor(loop: Pick<EventLoop, 'soon' | 'guests'>, app: FetchHandler, work: AppWork, failed: (error: unknown) => void) {
    this.#loop = loop;
    this.guests = loop.guests;
    this.app = app;
    this.failed = failed;
    this.execution = makeExecution(work, failed);
  }

  open(exchange: UpstreamExchange): AppUpstream {
    return new AppUpstream(this, exchange);
  }

  /** Lets it run behind the event that brought its request: with a small body that is all there by then, and no method re-entered. */
  schedule(upstream: AppUpstream): void {
    if (this.#waiting.push(upstream) === 1) this.#loop.soon(this);
  }

  told(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < waiting.length; i++) {
      try {
        waiting[i].run();
      } catch (error) {
        // What one request meets is not the others' end.
        this.failed(error);
      }
    }
  }
}

/** One request to an app in this process. */
export class AppUpstream implements Upstream {
  readonly isConnected = true;
  readonly #shared: AppUpstreams;
  readonly #exchange: UpstreamExchange;
  #request: AppRequest | null = null;
  #body: AppBody | null = null;
  #reader: ReadableStreamDefaultReader<unknown> | null = null;
  #isAborted = false;
  /** The app has been asked, and promised an answer. */
  #isPromised = false;
  #isPaused = false;
  /** Resolves when the client takes bytes again. */
  #resumed: (() => void) | null = null;
  /** The exchange holds the client's body back until it is told to go on. */
  #owesDrained = false;

  constructor(shared: AppUpstreams, exchange: UpstreamExchange) {
    this.#shared = shared;
    this.#exchange = exchange;
  }

  send(firstBody: Uint8Array | null): boolean {
    const { request } = this.#exchange;
    if (request.hasBody && !request.isGet && !request.isHead) this.#body = new AppBody(() => this.#wanted());
    const hasRoom = firstBody === null || this.body(firstBody, 0, firstBody.length);
    this.#shared.schedule(this);
    return hasRoom;
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    const hasRoom = this.#body?.write(bytes, start, end) ?? true;
    if (!hasRoom) this.#owesDrained = true;
    return hasRoom;
  }

  end(): void {
    this.#body?.end();
  }

  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#leave();
    this.#body?.fail(new Error('the client left before its request was complete'));
    this.#request?.abort();
    cancelBody(this.#reader);
    this.#resumed?.();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumed?.();
  }

  /** By `AppUpstreams`: the request goes to the app. */
  run(): void {
    if (this.#isAborted) return;
    const { app, execution, failed } = this.#shared;
    try {
      const request = this.#makeRequest();
      if (request === null) return this.#exchange.failed(FAILURES.notForApp);
      this.#request = request;
      const answer = app(request as unknown as Request, new ClientContext(this.#exchange.client.remote), execution);
      if (typeof (answer as PromiseLike<Response> | undefined)?.then !== 'function') return this.#answered(answer as Response);
      this.#isPromised = true;
      this.#shared.guests.count++;
      (answer as Promise<Response>).then(
        (response) => {
          this.#leave();
          this.#answered(response);
        },
        (error) => {
          this.#leave();
          this.#failed(error);
        },
      );
    } catch (error) {
      if (this.#isAborted) failed(error);
      else this.#failed(error);
    }
  }

  #leave(): void {
    if (!this.#isPromised) return;
    this.#isPromised = false;
    this.#shared.guests.count--;
  }

  /** Null when there is no such request to Fetch: well-formed HTTP can still be no URL (`Host: a%ff`), or a forbidden method (TRACE). */
  #makeRequest(): AppRequest | null {
    const { request, client } = this.#exchange;
    const text = latin1Slice.call(request.bytes, 0, request.end);
    const method = request.isGet ? 'GET' : methodOf(text.slice(request.methodStart, request.methodEnd));
    if (method === null) return null;
    const target = request.isAsterisk ? '/*' : originForm(request, text);
    const url = this.#shared.urls.make(client.isSecure, text.slice(request.hostStart, request.hostEnd), target);
    return url === null ? null : new AppRequest(method, url, fieldsOf(request, text), this.#body);
  }

  #answered(response: Response): void {
    if (this.#isAborted) return cancelBody(response?.body);
    try {
      if (typeof response?.status !== 'number' || !('headers' in response)) throw new TypeError(notResponse(response));
      const exchange = this.#exchange;
      const { head } = this.#shared;
      const { isHead } = exchange.request;
      const isWhole = head.write(response as ResponseParts, isHead);
      const body = isWhole ? null : unreadBody(response);
      const { contentLength } = head.head;
      const hasBody = body !== null && !head.head.hasNoBody(isHead);
      exchange.head(head.head);
      // It may have been no answer to this request.
      if (body !== null && (exchange.isDone || !hasBody)) cancelBody(body);
      if (exchange.isDone) return;
      if (hasBody) return void this.#stream(new AnswerStream(body, contentLength));
      if (head.bodyEnd > head.bodyStart) exchange.body(head.bytes, head.bodyStart, head.bodyEnd);
      exchange.end();
      exchange.flush();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #stream(answer: AnswerStream): Promise<void> {
    const exchange = this.#exchange;
    const { guests } = this.#shared;
    const slice = new TimeSlice(guests.stepped());
    const output = new AppOutput(exchange, (error) => this.#failed(error));
    try {
      const reader = answer.stream.getReader();
      this.#reader = reader;
      exchange.flush();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (this.#isAborted) return;
        const bytes = answer.take(piece.value);
        const now = guests.stepped();
        output.write(bytes);
        if (this.#isPaused) await this.#untilResumed();
        else if (slice.isOver(now)) await slice.next();
      }
      if (this.#isAborted) return;
      answer.end();
      this.#reader = null;
      output.pass();
      exchange.end();
      exchange.flush();
    } catch (error) {
      cancelBody(this.#reader);
      output.pass();
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#isAborted) return;
    this.#shared.failed(error);
    this.#exchange.failed(FAILURES.appFailed);
  }

  /** The app reads on. It may ask in the middle of anything. */
  #wanted(): void {
    if (!this.#owesDrained) return;
    this.#owesDrained = false;
    queueMicrotask(() => {
      if (this.#isAborted || this.#exchange.isDone) return;
      try {
        this.#exchange.drained();
      } catch (error) {
        this.#shared.failed(error);
        this.#exchange.crashed();
      }
    });
  }

  #untilResumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#resumed = () => {
        this.#resumed = null;
        resolve();
      };
    });
  }
}

function methodOf(method: string): string | null {
  if (FORBIDDEN.test(method)) return null;
  return FOLDED.test(method) ? method.toUpperCase() : method;
}

function fieldsOf({ fields, added }: RequestHead, text: string): AppFields {
  let dropped: number[] | null = null;
  for (let i = 0; i < fields.count; i++) {
    if (!fields.isDropped(i)) continue;
    dropped ??= [];
    dropped.push(i);
  }
  const lines = fields.count === 0 ? '' : text.slice(fields.nameStart(0), fields.end);
  return { lines: added === null ? lines : lines + latin1(added.bytes, 0, added.length), dropped };
}

function notResponse(value: unknown): string {
  const what = value === null || value === undefined ? String(value) : `a value of type ${typeof value}`;
  return `the app gave ${what} instead of a Response`;
}
