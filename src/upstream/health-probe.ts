import { ascii } from '../http1/bytes.ts';
import { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { PeerAddress } from '../net/peer.ts';
import type { NodeFailure } from '../pool/backend.ts';
import type { Node } from '../pool/node.ts';
import type { Probe } from '../pool/probe.ts';
import type { Client } from '../router/client.ts';
import { NO_FRONT } from '../router/front.ts';
import type { OpenUpstream, Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { ConnectFailure, Connection, ConnectionHandlers, Sockets } from '../runtime/seam/sockets.ts';

type Done = Parameters<Probe['start']>[1];

const NOBODY: PeerAddress = { family: 'ipv4', address: '127.0.0.1', port: 0 };

/**
 * Asks a node as a client would (`http-check`): with a path by a GET, which must be answered 200 to 399; without one the node has only
 * to take a connection.
 */
export class HealthProbe implements Probe {
  readonly #sockets: Sockets;
  readonly #open: OpenUpstream;
  readonly #path: string | null;
  readonly #host: string;
  readonly #client: Client;

  /** @param host the Host that is asked for, with a path */
  constructor(sockets: Sockets, open: OpenUpstream, path: string | null, host = 'localhost') {
    this.#sockets = sockets;
    this.#open = open;
    this.#path = path;
    this.#host = host;
    this.#client = { remote: NOBODY, peer: NOBODY, local: NOBODY, isSecure: false, front: NO_FRONT };
  }

  start(node: Node, done: Done): () => void {
    if (this.#path === null) return this.#ping(node, done);
    const check = new Check(readHead(this.#path, this.#host), this.#client, done);
    check.start(this.#open, node);
    return () => check.cancel();
  }

  /** A connection of its own: one that is kept says nothing about the next. */
  #ping({ target }: Node, done: Done): () => void {
    if (target.kind === 'app') {
      done(true, '');
      return () => {};
    }
    const connection = this.#sockets.connect(target.address, done, PING);
    return () => connection.destroy();
  }
}

const PING: Readonly<ConnectionHandlers<Done>> = {
  open(connection: Connection<Done>) {
    connection.destroy();
    connection.owner(true, '');
  },
  connectFailed: (done: Done, { reason, code }: ConnectFailure) => done(saysOf(reason), `${reason} (${code})`),
  data: () => {},
  drain: () => {},
  end: () => {},
  close: () => {},
};

/** One question to one node. */
class Check implements UpstreamExchange {
  readonly request: RequestHead;
  readonly client: Client;
  readonly bodyLength = -1;
  isDone = false;
  readonly #done: Done;
  #upstream: Upstream | null = null;

  constructor(request: RequestHead, client: Client, done: Done) {
    this.request = request;
    this.client = client;
    this.#done = done;
  }

  start(open: OpenUpstream, node: Node): void {
    const upstream = open(node, this);
    if ('status' in upstream) return this.#finish(false, upstream.code);
    this.#upstream = upstream;
    if (upstream.isConnected === true) this.connected();
  }

  cancel(): void {
    this.isDone = true;
    this.#upstream?.abort();
  }

  connected(): void {
    this.#upstream!.send(null);
    this.#upstream!.end();
  }

  connectFailed(failure: NodeFailure, code: string): void {
    this.#upstream = null;
    this.#finish(saysOf(failure), `${failure} (${code})`);
  }

  head({ status }: ResponseHead): void {
    this.#finish(status >= 200 && status < 400, `status ${status}`);
  }

  failed({ code }: { readonly code: string }): void {
    this.#upstream = null;
    this.#finish(false, code);
  }

  crashed(): void {
    this.#finish(false, 'internal');
  }

  interim(): void {}
  body(): void {}
  trailers(): void {}
  end(): void {}
  drained(): void {}
  flush(): void {}

  #finish(ok: boolean | null, reason: string): void {
    if (this.isDone) return;
    this.cancel();
    this.#done(ok, reason);
  }
}

/** Our own want of descriptors or ports says nothing of the node. */
function saysOf(failure: NodeFailure): false | null {
  return failure === 'local' ? null : false;
}

function readHead(path: string, host: string): RequestHead {
  const bytes = ascii(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ugate-check\r\n\r\n`);
  const head = new RequestHead();
  head.parse(bytes, bytes.length, true);
  return head;
}
