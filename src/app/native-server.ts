import type { ListenAddress } from '../net/address.ts';
import type { PeerAddress } from '../net/peer.ts';
import type { AppHost, NativeOptions, NativeServer, NodeAnswer, NodeRequest } from '../runtime/seam/apps.ts';
import { AnswerStream, cancelBody, outgoing, unreadBody } from './answer-stream.ts';
import { AppBody } from './app-body.ts';
import { AppRequest } from './app-request.ts';
import { bodyKey, type ResponseParts, streamKey } from './app-response.ts';
import { AppUrls } from './app-url.ts';
import type { AppWork } from './app-work.ts';
import { type AppContext, ClientContext, type FetchHandler, makeExecution } from './fetch-handler.ts';

/**
 * `http-socket-engine=native`: gives an app to the runtime's own HTTP server. `work` counts what it still does behind its answers.
 * @throws {ListenError} when the address cannot be listened on
 */
export function serveNative(host: AppHost, address: ListenAddress, app: FetchHandler, work: AppWork, options: NativeOptions): Promise<NativeServer> {
  const failed = once(options.failed);
  const execution = makeExecution(work, failed);
  const urls = new AppUrls();
  const checked = (response: Response): Response => checkedAnswer(response, failed);
  return host.serve(
    address,
    {
      fetch(request, remote) {
        const answer = app(request, new LateContext(remote), execution);
        return answer instanceof Promise ? answer.then(checked) : checked(answer);
      },
      async onNode(request) {
        const made = requestOf(request, urls);
        if (made === null) return { status: 400, statusText: '', fields: ['content-type', 'text/plain'], body: 'Bad Request\n' };
        request.onAbort(() => made.abort());
        return answerOf(await app(made as unknown as Request, new ClientContext(request.remote), execution), request.method === 'HEAD');
      },
    },
    { ...options, failed },
  );
}

/** Of a stream that breaks off some servers tell as well, and some do not. */
function once(failed: (error: unknown) => void): (error: unknown) => void {
  const told = new WeakSet<WeakKey>();
  return (error) => {
    const isObject = typeof error === 'object' && error !== null;
    if (isObject && told.has(error)) return;
    if (isObject) told.add(error);
    failed(error);
  };
}

/** Asks who asks only when the app does. */
class LateContext implements AppContext {
  readonly #remote: () => PeerAddress;
  #known: ClientContext | null = null;

  constructor(remote: () => PeerAddress) {
    this.#remote = remote;
  }

  get remoteAddress(): string {
    return this.#context.remoteAddress;
  }

  get remotePort(): number {
    return this.#context.remotePort;
  }

  requestIP(): ReturnType<ClientContext['requestIP']> {
    return this.#context.requestIP();
  }

  get remoteAddr(): ClientContext['remoteAddr'] {
    return this.#context.remoteAddr;
  }

  get incoming(): ClientContext['incoming'] {
    return this.#context.incoming;
  }

  get #context(): ClientContext {
    this.#known ??= new ClientContext(this.#remote());
    return this.#known;
  }
}

/** What servers of the runtimes take differently, or do not tell of, are the streams that an app makes itself. */
function checkedAnswer(response: Response, failed: (error: unknown) => void): Response {
  const { [streamKey]: isOwn } = response as { [streamKey]?: boolean };
  if (isOwn !== true || response.bodyUsed || response.body === null || response.body.locked) return response;
  const { status, statusText, headers } = response;
  const length = headers.get('content-length');
  const stream = new AnswerStream(response.body, length === null ? -1 : Number(length));
  return new Response(outgoing(stream, failed), { status, statusText, headers });
}

/** Null when it is none to Fetch. */
function requestOf(request: NodeRequest, urls: AppUrls): AppRequest | null {
  const { method, target, fields, hasBody } = request;
  if (method === 'TRACE') return null;
  let lines = '';
  let host = '';
  for (let i = 0; i < fields.length; i += 2) {
    lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
    if (host === '' && fields[i].toLowerCase() === 'host') host = fields[i + 1];
  }
  const absolute = /^http:\/\/([^/?]+)(.*)$/i.exec(target);
  const url = absolute === null ? urls.make(false, host, target) : urls.make(false, absolute[1], absolute[2]);
  if (url === null) return null;
  const body = hasBody && method !== 'GET' && method !== 'HEAD' ? new AppBody(() => request.resume()) : null;
  if (body !== null) request.readBody(body);
  return new AppRequest(method, url, { lines, dropped: null }, body);
}

/** @throws {TypeError} when it is no Response, or one whose body was read already */
function answerOf(response: Response, isHead: boolean): NodeAnswer {
  if (typeof response?.status !== 'number' || !('headers' in response)) throw new TypeError('the app gave no Response');
  const parts: ResponseParts = response;
  const whole = response.bodyUsed ? undefined : parts[bodyKey];
  const fields: string[] = [];
  let length = -1;
  response.headers.forEach((value, name) => {
    if (name === 'content-length') length = Number(value);
    if (name === 'content-length' && typeof whole === 'string' && !isHead) return;
    fields.push(name, value);
  });
  const { status, statusText } = response;
  const mayHaveBody = status !== 204 && status !== 304 && !isHead;
  if (whole != null && mayHaveBody) fields.push('content-length', String(Buffer.byteLength(whole)));
  else if (whole === null && mayHaveBody && length === -1) fields.push('content-length', '0');
  const stream = whole === undefined ? unreadBody(response) : null;
  if (stream === null) return { status, statusText, fields, body: whole ?? null };
  if (mayHaveBody) return { status, statusText, fields, body: new AnswerStream(stream, length) };
  cancelBody(stream);
  return { status, statusText, fields, body: null };
}
