import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type ListenAddress, LOST_PEER, type PeerAddress, peerAddress, UNIX_PEER } from '../net/address.ts';
import { runtimeName } from './app-modules.ts';
import { listenFailure } from './listen-failure.ts';
import { ListenError } from './seam/sockets.ts';

/** Answers one request; `remote` says who asks. The runtime's own Request and Response. */
export type NativeHandler = (request: Request, remote: () => PeerAddress) => Response | Promise<Response>;

/** A request as node:http has it. */
export interface NodeRequest {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  /** Field lines, names and values by turns, as they were sent. */
  readonly fields: readonly string[];
  readonly hasBody: boolean;
  readonly remote: PeerAddress;
  /** Starts the flow of the body. */
  readBody(into: NodeBody): void;
  /** Lets it go on after `write` returned false. */
  resume(): void;
  /** Calls back when the client is gone before it has its answer. */
  onAbort(gone: () => void): void;
}

/** Takes the body of a request. */
export interface NodeBody {
  /** False to be given no more until `resume`. */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  end(): void;
  fail(error: Error): void;
}

export interface NodeAnswer {
  readonly status: number;
  readonly statusText: string;
  /** Names and values by turns. */
  readonly fields: string[];
  readonly body: string | NodeAnswerStream | null;
}

/** A body that comes piece by piece. */
export interface NodeAnswerStream {
  readonly stream: ReadableStream<unknown>;
  /** A piece as it goes out. @throws {TypeError} when it cannot */
  take(piece: unknown): Uint8Array;
  /** Behind the last piece. @throws {TypeError} when some are missing */
  end(): void;
}

/** The same for Node, which has neither a Request nor a Response of its own in its server. */
export type NodeHandler = (request: NodeRequest) => NodeAnswer | Promise<NodeAnswer>;

export interface NativeOptions {
  /** Several processes bind the same address (TCP only). On Deno it wants `--unstable-net`. Default false. */
  readonly reusePort?: boolean;
  /** What a handler throws or rejects with, and what the runtime says of broken requests. The client gets 500. */
  failed(error: unknown): void;
}

export interface NativeServer {
  /** With the port the kernel chose. */
  readonly address: ListenAddress;
  /** Stops accepting, and resolves when what is in flight is finished, after `mercy` ms at the latest. */
  stop(mercy: number): Promise<void>;
}

interface Started {
  readonly port: number | null;
  /** Resolves when the last request is finished. */
  drain(): Promise<unknown>;
  /** Cuts off what is left. */
  destroy(): void;
}

interface BunServer {
  readonly port?: number;
  requestIP(request: Request): { address: string; port: number } | null;
  stop(closeActive?: boolean): Promise<void>;
}

interface DenoServer {
  readonly addr: { readonly port?: number };
  shutdown(): Promise<void>;
}

interface Namespaces {
  Bun: { serve(options: object): BunServer };
  Deno: {
    serve(options: object, handler: (request: Request, info: { remoteAddr: DenoPeer }) => Response | Promise<Response>): DenoServer;
    listenDatagram?: unknown;
  };
}

interface DenoPeer {
  readonly hostname?: string;
  readonly port?: number;
}

const FAILED = 'Internal Server Error\n';

/**
 * Serves by the runtime's own HTTP server: `Bun.serve`, `Deno.serve`, `node:http`. Whatever ugate does for a request is not done.
 * @throws {ListenError} when the address cannot be listened on
 */
export async function serveNatively(
  address: ListenAddress,
  fetch: NativeHandler,
  onNode: NodeHandler,
  options: NativeOptions,
): Promise<NativeServer> {
  const runtime = runtimeName();
  if (address.kind === 'fd' && runtime !== 'node')
    throw new ListenError('unsupported', `http-socket-engine=native cannot take over a descriptor on ${runtime}`);
  if (options.reusePort && address.kind !== 'tcp')
    throw new ListenError(
      'unsupported',
      'http-socket-engine=native shares only TCP addresses between processes; use processes = 1, or the engine ugate',
    );
  try {
    const started =
      runtime === 'bun'
        ? serveOnBun(address, fetch, options)
        : runtime === 'deno'
          ? serveOnDeno(address, fetch, options)
          : await serveOnNode(address, onNode, options);
    return serverOf(address, started);
  } catch (error) {
    throw listenFailure(address, error);
  }
}

function serverOf(address: ListenAddress, { port, drain, destroy }: Started): NativeServer {
  return {
    address: address.kind === 'tcp' && port !== null ? { ...address, port } : address,
    async stop(mercy) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const over = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          destroy();
          // Deno waits on for handlers that never end.
          resolve();
        }, mercy);
      });
      await Promise.race([drain(), over]);
      clearTimeout(timer);
    },
  };
}

function pathOf(address: ListenAddress): string | null {
  return address.kind === 'unix' ? `${address.abstract ? '\0' : ''}${address.path}` : null;
}

function serveOnBun(address: ListenAddress, fetch: NativeHandler, { reusePort, failed }: NativeOptions): Started {
  const { Bun } = globalThis as unknown as Namespaces;
  const path = pathOf(address);
  const where = address.kind === 'tcp' ? { hostname: address.host, port: address.port, reusePort: reusePort === true } : { unix: path };
  const server = Bun.serve({
    ...where,
    development: false,
    fetch(request: Request, server: BunServer) {
      return fetch(request, () => {
        const peer = server.requestIP(request);
        return peer === null ? (path === null ? LOST_PEER : UNIX_PEER) : peerAddress(peer.address, peer.port);
      });
    },
    error(error: unknown) {
      failed(error);
      return new Response(FAILED, { status: 500 });
    },
  });
  return { port: server.port ?? null, drain: () => server.stop(), destroy: () => void server.stop(true) };
}

function serveOnDeno(address: ListenAddress, fetch: NativeHandler, { reusePort, failed }: NativeOptions): Started {
  const { Deno } = globalThis as unknown as Namespaces;
  // Deno.serve would end the process.
  if (reusePort && Deno.listenDatagram === undefined)
    throw new ListenError('unsupported', 'http-socket-engine=native in several processes wants Deno started with --unstable-net');
  const abort = new AbortController();
  const path = pathOf(address);
  const where = address.kind === 'tcp' ? { hostname: address.host, port: address.port, reusePort: reusePort === true } : { path };
  const onError = (error: unknown): Response => {
    failed(error);
    return new Response(FAILED, { status: 500 });
  };
  const server = Deno.serve({ ...where, signal: abort.signal, onListen() {}, onError }, (request, { remoteAddr }) =>
    fetch(request, () => (path === null ? peerAddress(remoteAddr.hostname ?? '', remoteAddr.port ?? 0) : UNIX_PEER)),
  );
  return { port: server.addr.port ?? null, drain: () => server.shutdown(), destroy: () => abort.abort() };
}

async function serveOnNode(address: ListenAddress, handler: NodeHandler, { reusePort, failed }: NativeOptions): Promise<Started> {
  const server = process.getBuiltinModule('node:http').createServer((incoming, outgoing) => void answerOnNode(incoming, outgoing, handler, failed));
  await listenOnNode(server, address, reusePort === true);
  const bound = server.address();
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : null,
    drain: () => closeServer(server),
    destroy: () => server.closeAllConnections(),
  };
}

/** Node closes connections that are idle now; one that is idle only behind its answer would be waited for. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => server.closeIdleConnections(), 100);
    server.close(() => {
      clearInterval(timer);
      resolve();
    });
  });
}

function listenOnNode(server: Server, address: ListenAddress, reusePort: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    if (address.kind === 'tcp') server.listen({ host: address.host, port: address.port, exclusive: true, reusePort });
    else if (address.kind === 'unix') server.listen({ path: pathOf(address)! });
    else server.listen({ fd: address.fd });
  });
}

async function answerOnNode(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handler: NodeHandler,
  failed: (error: unknown) => void,
): Promise<void> {
  try {
    const { status, statusText, fields, body } = await handler(nodeRequest(incoming, outgoing));
    if (statusText === '') outgoing.writeHead(status, fields);
    else outgoing.writeHead(status, statusText, fields);
    if (body === null || typeof body === 'string') outgoing.end(body ?? undefined);
    else await pump(body, outgoing);
  } catch (error) {
    if (outgoing.destroyed) return;
    failed(error);
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500, { 'content-type': 'text/plain' }).end(FAILED);
  }
}

/** Node itself does not look whether the client is still there, nor how much is written behind a Content-Length. */
async function pump(body: NodeAnswerStream, outgoing: ServerResponse): Promise<void> {
  const reader = body.stream.getReader();
  let goOn = (): void => {};
  const gone = (): void => {
    reader.cancel().catch(() => {});
    goOn();
  };
  // Who left before there was an answer is not told of again.
  if (outgoing.destroyed) return gone();
  outgoing.once('close', gone);
  outgoing.on('drain', () => goOn());
  try {
    outgoing.flushHeaders();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      if (outgoing.destroyed) return;
      if (outgoing.write(body.take(piece.value))) continue;
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
    }
    if (outgoing.destroyed) return;
    body.end();
    outgoing.off('close', gone);
    outgoing.end();
  } catch (error) {
    gone();
    throw error;
  }
}

function nodeRequest(incoming: IncomingMessage, outgoing: ServerResponse): NodeRequest {
  const { socket } = incoming;
  return {
    method: incoming.method ?? 'GET',
    target: incoming.url ?? '/',
    fields: incoming.rawHeaders,
    hasBody: 'content-length' in incoming.headers || 'transfer-encoding' in incoming.headers,
    remote: socket.remoteAddress === undefined ? UNIX_PEER : peerAddress(socket.remoteAddress, socket.remotePort ?? 0),
    readBody(into) {
      incoming.on('data', (bytes: Uint8Array) => {
        if (!into.write(bytes, 0, bytes.length)) incoming.pause();
      });
      incoming.on('end', () => into.end());
      incoming.on('error', (error) => into.fail(error));
    },
    resume: () => void incoming.resume(),
    onAbort(gone) {
      outgoing.on('close', () => {
        if (!outgoing.writableFinished) gone();
      });
    },
  };
}
