import { latin1 } from '../http1/bytes.ts';
import { FIELD } from '../http1/field-names.ts';
import { ResponseHead } from '../http1/response-head.ts';
import { FAILURES } from '../router/failures.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';

/** What an app sees of a request beside the request itself. */
export interface AppContext {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** A fetch handler: what Hono apps and the runtimes' own servers share. */
export type FetchHandler = (request: Request, context: AppContext) => Response | Promise<Response>;

/** Statuses whose `Response` must not be given a body. */
const NULL_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** One request to an app in this process. */
export class AppUpstream implements Upstream {
  readonly #app: FetchHandler;
  readonly #exchange: UpstreamExchange;
  readonly #failed: (error: unknown) => void;
  #body: ReadableStreamDefaultController<Uint8Array> | null = null;
  #isAborted = false;
  /** Resolves when the client takes bytes again. */
  #resumed: (() => void) | null = null;
  #isPaused = false;
  readonly #abort = new AbortController();

  /** @param failed is told of what the app throws */
  constructor(app: FetchHandler, exchange: UpstreamExchange, failed: (error: unknown) => void) {
    this.#app = app;
    this.#exchange = exchange;
    this.#failed = failed;
    queueMicrotask(() => this.#guard(() => exchange.connected()));
  }

  send(firstBody: Uint8Array | null): boolean {
    let request: Request;
    try {
      request = this.#makeRequest();
    } catch {
      // Well-formed HTTP can still be no URL (`Host: a%ff`) or a method that Fetch forbids (TRACE).
      queueMicrotask(() => this.#guard(() => this.#exchange.failed(FAILURES.notForApp)));
      return true;
    }
    if (firstBody !== null) this.#body?.enqueue(firstBody.slice());
    void this.#run(request);
    return this.#hasRoom;
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    this.#body?.enqueue(bytes.slice(start, end));
    return this.#hasRoom;
  }

  end(): void {
    this.#body?.close();
    this.#body = null;
  }

  abort(): void {
    this.#isAborted = true;
    this.#abort.abort();
    this.#resumed?.();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumed?.();
  }

  get #hasRoom(): boolean {
    return this.#body === null || (this.#body.desiredSize ?? 1) > 0;
  }

  #makeRequest(): Request {
    const { request } = this.#exchange;
    const { bytes, fields } = request;
    const headers = new Headers();
    for (let i = 0; i < fields.count; i++) {
      if (fields.isDropped(i) || fields.id(i) === FIELD.proxy) continue;
      headers.append(latin1(bytes, fields.nameStart(i), fields.nameEnd(i)), latin1(bytes, fields.valueStart(i), fields.valueEnd(i)));
    }
    const host = latin1(bytes, request.hostStart, request.hostEnd) || 'localhost';
    const target = request.isAsterisk ? '/*' : latin1(bytes, request.pathStart, request.targetEnd);
    const init: RequestInit & { duplex?: 'half' } = {
      method: latin1(bytes, request.methodStart, request.methodEnd),
      headers,
      signal: this.#abort.signal,
    };
    if (request.hasBody && !request.isGet && !request.isHead) {
      init.body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          this.#body = controller;
        },
        pull: () => {
          queueMicrotask(() => this.#guard(() => this.#exchange.drained()));
        },
        cancel: () => {
          this.#body = null;
        },
      });
      init.duplex = 'half';
    }
    return new Request(`http://${host}${target.startsWith('/') ? target : `/${target}`}`, init);
  }

  async #run(request: Request): Promise<void> {
    const { address, port } = this.#exchange.client.remote;
    try {
      const response = await this.#app(request, { remoteAddress: address, remotePort: port });
      if (this.#isAborted) return void response.body?.cancel();
      this.#sendHead(response);
      await this.#sendBody(response);
    } catch (error) {
      if (this.#isAborted) return;
      this.#failed(error);
      this.#exchange.failed(FAILURES.appFailed);
    }
  }

  #sendHead(response: Response): void {
    const lines = [`HTTP/1.1 ${response.status} ${response.statusText}`.trimEnd()];
    response.headers.forEach((value, name) => {
      if (name !== 'set-cookie') lines.push(`${name}: ${value}`);
    });
    for (const cookie of response.headers.getSetCookie()) lines.push(`set-cookie: ${cookie}`);
    // The same parser as for every backend: an app cannot break the framing either.
    const text = `${lines.join('\r\n')}\r\n\r\n`;
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    const head = new ResponseHead();
    head.parse(bytes, bytes.length);
    if (head.fault !== null) throw new Error(head.fault.rule);
    this.#exchange.head(head);
  }

  async #sendBody(response: Response): Promise<void> {
    if (response.body !== null && !NULL_BODY.has(response.status)) {
      const reader = response.body.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (this.#isAborted) return void reader.cancel();
        this.#exchange.body(piece.value, 0, piece.value.length);
        this.#exchange.flush();
        if (this.#isPaused) await this.#untilResumed();
      }
    }
    if (this.#isAborted) return;
    this.#exchange.end();
    this.#exchange.flush();
  }

  /** Microtasks are our own entry: nobody above catches what is thrown in them. */
  #guard(step: () => void): void {
    if (this.#isAborted) return;
    try {
      step();
    } catch (error) {
      this.#failed(error);
      this.#exchange.crashed();
    }
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
