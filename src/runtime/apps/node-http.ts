import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { ListenAddress } from '../../net/address.ts';
import { peerAddress, UNIX_PEER } from '../../net/peer.ts';
import type { NativeHandlers, NativeOptions, NodeAnswerStream, NodeRequest } from '../seam/apps.ts';
import { FAILED, pathOf, type Started } from './native-server.ts';

type NodeHandler = NativeHandlers['onNode'];

/** Starts a server of `node:http` on `address`. */
export async function serveOnNode(address: ListenAddress, handler: NodeHandler, { reusePort, failed }: NativeOptions): Promise<Started> {
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
