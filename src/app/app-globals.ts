import type { AppHost } from '../runtime/seam/apps.ts';
import { AppRequest } from './app-request.ts';
import { bodyKey, type MakeResponse, makeLight, nativeResponse, pairsOf, streamKey, TEXT } from './app-response.ts';

/**
 * Puts `Request`, `Response` and `fetch` in the place of the runtime's own, before an app is loaded. They are the runtime's own with
 * one thing more: requests that were never made native are taken too, and a response remembers a body that it was given whole, which
 * costs far more to ask of it later. Where the runtime's own code bears it, a Response is not made before somebody needs it.
 * A second call changes nothing.
 */
export function installGlobals(host: AppHost): void {
  const { Request, Response, fetch } = globalThis;
  if (bodyKey in Response) return;
  globalThis.Request = dressed(requestOf(Request), Request);
  // Bun hangs things of its own on fetch.
  globalThis.fetch = Object.assign((input: RequestInfo | URL, init?: RequestInit) => fetch(nativeOf(input), nativeOf(init)), fetch);
  globalThis.Response = dressed(
    responseOf(
      Response,
      host.takesResponsesOnDemand((value) => nativeResponse(nativeOf(value))) ? light(remembering(Response)) : remembering(Response),
    ),
    Response,
  );
  Object.defineProperty(globalThis.Response, bodyKey, { value: true });
  // Native code makes its answers itself, past the constructor.
  globalThis.Response.json = (data: unknown, init?: ResponseInit): Response => {
    const headers = new Headers(init?.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('the value has no JSON');
    return new globalThis.Response(text, { ...init, headers });
  };
}

function nativeOf<Input>(input: Input): Input {
  return input instanceof AppRequest ? (input.native() as Input) : input;
}

function isSpent(input: unknown): boolean {
  return input instanceof AppRequest && input.isSpent;
}

function requestOf(Native: typeof Request): object {
  return function StandIn(input: RequestInfo | URL, init?: RequestInit): Request {
    if (new.target === undefined) throw new TypeError('Request is a class: use new');
    // Not all runtimes see it themselves, and make a request with half a body, or none.
    if ((init?.body == null && isSpent(input)) || isSpent(init))
      throw new TypeError('the body of the request has been read already, or is being read');
    return Reflect.construct(Native, [nativeOf(input), nativeOf(init)], new.target === StandIn ? Native : new.target);
  };
}

function responseOf(Native: typeof Response, make: MakeResponse): object {
  return function StandIn(body?: BodyInit | null, init?: ResponseInit): Response {
    if (new.target === StandIn) return make(body, init);
    if (new.target === undefined) throw new TypeError('Response is a class: use new');
    // A class of the app's that extends it.
    return Reflect.construct(Native, [body, init], new.target);
  };
}

/** Middleware makes responses anew around the body of another, as Hono does to add a field: what that body was is known all the same. */
function remembering(Native: typeof Response): MakeResponse {
  const texts = new WeakMap<ReadableStream, string>();
  class Remembered extends Native {
    declare [bodyKey]?: string | null;
    declare [streamKey]?: boolean;
    /** As long as nobody has seen `headers` they are what they were made of. */
    declare pairs?: readonly string[] | null;
    /** It was given a text, and nobody has seen its fields. */
    declare isBare?: boolean;

    override get headers(): Headers {
      const headers = super.headers;
      // On Bun a text has its type only once it is sent: whoever looks for it, as middleware does, would find none.
      if (this.isBare === true && !headers.has('content-type')) headers.set('content-type', TEXT);
      this.isBare = false;
      this.pairs = null;
      return headers;
    }

    override clone(): ReturnType<MakeResponse> {
      void this.headers;
      return super.clone();
    }

    override get body(): ReturnType<MakeResponse>['body'] {
      const stream = super.body;
      const text = this[bodyKey];
      if (stream !== null && typeof text === 'string') texts.set(stream, text);
      return stream;
    }
  }
  Object.defineProperty(Remembered, 'name', { value: 'Response' });
  return (body, init) => {
    // Native code reads past the getter of another response.
    if (init instanceof Remembered) void init.headers;
    // It throws for a stream that has been read from: what is remembered is never half a body.
    const response = new Remembered(body, init);
    if (typeof body === 'string') {
      response[bodyKey] = body;
      response.isBare = true;
      response.pairs = pairsOf(init?.headers);
    } else if (body == null) response[bodyKey] = null;
    else if (body instanceof ReadableStream) {
      const text = texts.get(body);
      if (text !== undefined) response[bodyKey] = text;
      else response[streamKey] = true;
    }
    return response;
  };
}

function light(otherwise: MakeResponse): MakeResponse {
  return (body, init) => makeLight(body, init, otherwise) ?? otherwise(body, init);
}

/** With the name, the prototype and the static members of the runtime's own, so that `instanceof` holds for the instances of both. */
function dressed<Native extends object>(made: object, Native: Native): Native {
  for (const key of Reflect.ownKeys(Native)) {
    const descriptor = Object.getOwnPropertyDescriptor(Native, key)!;
    Object.defineProperty(made, key, key === 'prototype' ? { value: descriptor.value } : { ...descriptor, configurable: true });
  }
  return made as Native;
}
