import type { AppBody } from './app-body.ts';
import { completeFrom, copyHeaders } from './stand-in.ts';

/** The runtime's own, whatever is put in its place later. */
const NativeRequest = globalThis.Request;

const decoder = new TextDecoder();

/** What is the same for every request that comes from outside (`redirect`, `mode` …), as the runtime spells it. */
const ANY = new NativeRequest('http://localhost/');
/** A body for one that has been read. */
const SPENT = 'spent';

/** Where the fields of a head stand in its text, and which of them an app does not get to see. */
export interface AppFields {
  /** Whole field lines, each with its CRLF, as a parser has let them pass. */
  readonly lines: string;
  /** Numbers of lines left out, from 0. */
  readonly dropped: readonly number[] | null;
}

/**
 * A Request as apps know it that costs nothing before it is looked at: most handlers ask for the URL and the method, and perhaps
 * a field. What it cannot do itself it has the runtime's own Request do (`native`), made on first use.
 */
export class AppRequest {
  readonly #method: string;
  readonly #url: string;
  readonly #fields: AppFields;
  readonly #body: AppBody | null;
  /** Null until the app asks. */
  #headers: Headers | null = null;
  #abort: AbortController | null = null;
  #isAborted = false;
  #native: Request | null = null;
  /** The signal of `native` is ours. */
  #hasSignal = false;
  /** The body was read here, without `native`. */
  #isUsed = false;

  /** @param url as the URL standard writes it */
  constructor(method: string, url: string, fields: AppFields, body: AppBody | null) {
    this.#method = method;
    this.#url = url;
    this.#fields = fields;
    this.#body = body;
  }

  get method(): string {
    return this.#method;
  }

  get url(): string {
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= readHeaders(this.#fields);
    return this.#headers;
  }

  /** Aborted when the client leaves before it has its answer. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#isAborted) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#body === null ? null : this.#plain().body;
  }

  get bodyUsed(): boolean {
    return this.#isUsed || (this.#native?.bodyUsed ?? false);
  }

  /** The body was read, or somebody reads it: no other request can have it. */
  get isSpent(): boolean {
    return this.bodyUsed || (this.#native?.body?.locked ?? false);
  }

  async text(): Promise<string> {
    const whole = this.#takeWhole();
    return whole === null ? await this.#plain().text() : decoder.decode(whole);
  }

  async json(): Promise<unknown> {
    const whole = this.#takeWhole();
    return whole === null ? await this.#plain().json() : JSON.parse(decoder.decode(whole));
  }

  async bytes(): Promise<Uint8Array> {
    return this.#takeWhole() ?? new Uint8Array(await this.#plain().arrayBuffer());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const whole = this.#takeWhole();
    if (whole === null) return await this.#plain().arrayBuffer();
    return whole.byteLength === whole.buffer.byteLength ? whole.buffer : whole.slice().buffer;
  }

  async blob(): Promise<Blob> {
    return await this.#plain().blob();
  }

  async formData(): Promise<FormData> {
    return await this.#plain().formData();
  }

  clone(): Request {
    return this.native().clone();
  }

  /**
   * The runtime's own Request, for what will have no other, as the app has left ours: its signal and its fields are those of ours, and
   * where the body of ours was read, or is being read, so is its own.
   */
  native(): Request {
    const native = this.#withSignal();
    if (this.#headers !== null) copyHeaders(this.#headers, native.headers);
    return native;
  }

  /** The client has left. */
  abort(): void {
    this.#isAborted = true;
    this.#abort?.abort();
  }

  #withSignal(): Request {
    const plain = this.#plain();
    if (this.#hasSignal) return plain;
    const { signal } = this;
    // Such a body cannot be put into another request, though all else can (`new Request(request, { body })`).
    if (this.isSpent) return this.#spent(signal);
    this.#hasSignal = true;
    this.#native = new NativeRequest(plain, { signal });
    return this.#native;
  }

  /** Without a signal: that is dear, and who reads a body does not look at it. Never throws. */
  #plain(): Request {
    this.#native ??= this.#isUsed ? this.#spent() : this.#make(this.#body === null ? null : (this.#body.whole ?? this.#body.stream));
    return this.#native;
  }

  #spent(signal?: AbortSignal): Request {
    const spent = this.#make(SPENT, signal);
    void spent.arrayBuffer();
    return spent;
  }

  #make(body: BodyInit | null, signal?: AbortSignal): Request {
    const init: RequestInit & { duplex?: 'half' } = { method: this.#method, headers: this.#headers ?? readHeaders(this.#fields) };
    if (body !== null) {
      init.body = body;
      init.duplex = 'half';
    }
    if (signal !== undefined) init.signal = signal;
    return new NativeRequest(this.#url, init);
  }

  /** The body when it can be had at once, and then only once; null when `native` has to read it, or to say that it was read. */
  #takeWhole(): Uint8Array<ArrayBuffer> | null {
    if (this.#isUsed || this.#native !== null) return null;
    const whole = this.#body === null ? new Uint8Array(0) : this.#body.whole;
    this.#isUsed = whole !== null && this.#body !== null;
    return whole;
  }

  static {
    // `request instanceof Request` holds, as it does for who compares with the runtime's own.
    completeFrom(
      AppRequest.prototype,
      NativeRequest.prototype,
      () => ANY,
      (request) => request.#plain(),
    );
  }
}

function readHeaders({ lines, dropped }: AppFields): Headers {
  const headers = new Headers();
  let at = 0;
  for (let number = 0; at < lines.length; number++) {
    const end = lines.indexOf('\r\n', at);
    if (dropped === null || !dropped.includes(number)) {
      const colon = lines.indexOf(':', at);
      appendField(headers, lines.slice(at, colon), lines.slice(colon + 1, end));
    }
    at = end + 2;
  }
  return headers;
}

/** Two Cookie lines are one list of cookies, which has its own separator (RFC 6265 5.4). */
function appendField(headers: Headers, name: string, value: string): void {
  const earlier = name.length === 6 && name.toLowerCase() === 'cookie' ? headers.get(name) : null;
  if (earlier === null) headers.append(name, value);
  else headers.set(name, `${earlier}; ${value.trim()}`);
}
