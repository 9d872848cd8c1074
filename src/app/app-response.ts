import { completeFrom, copyHeaders } from './stand-in.ts';

/** The runtime's own, whatever is put in its place later. */
const NativeResponse = globalThis.Response;

/** Where a response keeps the body it was given whole: a text, or null for none. */
export const bodyKey: unique symbol = Symbol('ugate.body');

/** Where a response says that its body is a stream which the app has made. */
export const streamKey: unique symbol = Symbol('ugate.stream');

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** What stands in a value without being changed: no space around it, one byte a character. */
const FIELD_VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;
/** The type of a text that says nothing else (Fetch Standard, extract a body). */
export const TEXT = 'text/plain;charset=UTF-8';

/** What comes into an answer's head, whoever made it. */
export interface ResponseParts {
  readonly status: number;
  readonly statusText: string;
  /** The fields as names and values by turns, when nobody has asked for `headers` so far. */
  readonly pairs?: readonly string[] | null;
  readonly headers: Headers;
  /** A body that was given whole and is still unread; undefined when it is a stream, or nobody knows. */
  readonly [bodyKey]?: string | null | undefined;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Makes a Response of the runtime's own. */
export type MakeResponse = (body: BodyInit | null | undefined, init: ResponseInit | undefined) => Response;

/**
 * A Response that is nothing but what it was made of, until somebody asks for more than that (`native`). Made by `makeLight` only,
 * for arguments that the constructor of the runtime's own would take as they are.
 */
class LightResponse {
  readonly status: number;
  readonly statusText: string;
  readonly #body: string | null;
  #pairs: string[] | null;
  #headers: Headers | null = null;
  #native: Response | null = null;
  readonly #make: MakeResponse;

  constructor(body: string | null, status: number, statusText: string, pairs: string[], make: MakeResponse) {
    this.#make = make;
    this.#body = body;
    this.status = status;
    this.statusText = statusText;
    this.#pairs = pairs;
  }

  get pairs(): readonly string[] | null {
    return this.#pairs;
  }

  get [bodyKey](): string | null | undefined {
    return this.#native === null ? this.#body : undefined;
  }

  get headers(): Headers {
    if (this.#headers === null) {
      this.#headers = new Headers();
      const pairs = this.#pairs!;
      for (let i = 0; i < pairs.length; i += 2) this.#headers.append(pairs[i], pairs[i + 1]);
      this.#pairs = null;
    }
    return this.#headers;
  }

  get ok(): boolean {
    return this.status < 300;
  }

  get type(): string {
    return 'default';
  }

  get url(): string {
    return '';
  }

  get redirected(): boolean {
    return false;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#body === null ? null : this.native().body;
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? false;
  }

  text(): Promise<string> {
    return this.native().text();
  }

  json(): Promise<unknown> {
    return this.native().json();
  }

  bytes(): Promise<Uint8Array> {
    return this.native().bytes();
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.native().arrayBuffer();
  }

  blob(): Promise<Blob> {
    return this.native().blob();
  }

  formData(): Promise<FormData> {
    return this.native().formData();
  }

  clone(): Response {
    const { body } = this.native().clone();
    return new NativeResponse(body, { status: this.status, statusText: this.statusText, headers: this.headers });
  }

  native(): Response {
    this.#native ??= this.#make(this.#body, { status: this.status, statusText: this.statusText, headers: this.headers });
    return this.#native;
  }

  /** With the fields as they are now. */
  whole(): Response {
    const isNew = this.#native === null;
    const native = this.native();
    if (!isNew) copyHeaders(this.headers, native.headers);
    return native;
  }

  static {
    const native = (response: LightResponse): Response => response.native();
    completeFrom(LightResponse.prototype, NativeResponse.prototype, native, native);
  }
}

/** What native code takes in its place; anything else as it is. */
export function nativeResponse<Value>(value: Value): Value {
  return value instanceof LightResponse ? (value.whole() as Value) : value;
}

/** A light response; null for arguments it is not made for. @param make makes what it cannot be itself */
export function makeLight(body: unknown, init: ResponseInit | undefined, make: MakeResponse): Response | null {
  if (typeof body !== 'string' && body != null) return null;
  const pairs: string[] = [];
  let status = 200;
  let statusText = '';
  if (init !== undefined) {
    if (init === null || typeof init !== 'object') return null;
    status = init.status ?? 200;
    statusText = init.statusText ?? '';
    if (!Number.isInteger(status) || status < 200 || status > 599 || statusText !== '') return null;
    if (typeof body === 'string' && (status === 204 || status === 205 || status === 304)) return null;
    if (init.headers instanceof Headers) init.headers.forEach((value, name) => void pairs.push(name, value));
    else if (init.headers !== undefined && !readPairs(init.headers, pairs)) return null;
  }
  if (typeof body === 'string' && !hasContentType(pairs)) pairs.push('content-type', TEXT);
  return new LightResponse(body ?? null, status, statusText, pairs, make) as unknown as Response;
}

/** The fields of a response with a text, where they were given as a plain object, or not at all; else null. */
export function pairsOf(headers: unknown): readonly string[] | null {
  const pairs: string[] = [];
  if (headers !== undefined && !readPairs(headers, pairs)) return null;
  if (!hasContentType(pairs)) pairs.push('content-type', TEXT);
  return pairs;
}

function readPairs(headers: unknown, pairs: string[]): boolean {
  if (headers === null || typeof headers !== 'object' || Object.getPrototypeOf(headers) !== Object.prototype) return false;
  const record = headers as Record<string, unknown>;
  for (const name in record) {
    const value = record[name];
    if (typeof value !== 'string' || !FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) return false;
    pairs.push(name, value);
  }
  return true;
}

function hasContentType(pairs: readonly string[]): boolean {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i].length === 12 && pairs[i].toLowerCase() === 'content-type') return true;
  return false;
}
