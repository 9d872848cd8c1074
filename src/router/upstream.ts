import type { Failure } from '../failure/failures.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { NodeFailure } from '../pool/backend.ts';
import type { Node } from '../pool/node.ts';
import type { Client } from './client.ts';

/** The backend's side of one exchange, as the exchange sees it. What comes back goes to its `UpstreamEvents`. */
export interface Upstream {
  /** It goes on a connection that is open already: no `connected` will come, and `send` may be called at once. Left out: false. */
  readonly isConnected?: boolean;
  /** Sends the head, with the first bytes of the body when there are some. Called once, after `connected`. False: wait for `drained`. */
  send(firstBody: Uint8Array | null): boolean;
  /** Sends `bytes[start, end)` of the body. False: wait for `drained`. */
  body(bytes: Uint8Array, start: number, end: number): boolean;
  /** Checked trailer lines of the request, before `end`. Left out: they end here, as in CGI. */
  trailers?(lines: Uint8Array): void;
  /** The request is complete; in a tunnel, the client's side has ended. Behind the end of the backend's side it closes by itself. */
  end(): void;
  /** Gives the backend up, at any time; no event follows. */
  abort(): void;
  /** Stops and restarts the flow of the answer. */
  pause(): void;
  resume(): void;
}

/** What an upstream tells the exchange. None of it comes inside a method of the upstream. */
export interface UpstreamEvents {
  connected(): void;
  connectFailed(failure: NodeFailure, code: string): void;
  interim(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** `bytes[start, end)` of the body, without framing. */
  body(bytes: Uint8Array, start: number, end: number): void;
  trailers(lines: Uint8Array): void;
  /** The answer is complete; in a tunnel, the backend's side has ended. */
  end(): void;
  /** The backend broke the protocol, or off. */
  failed(failure: Failure): void;
  drained(): void;
  /** The end of one event of the backend: everything told since the last one may go out. */
  flush(): void;
}

/** What an upstream knows of the one it works for: an exchange with a client, or a health check. */
export interface UpstreamExchange extends UpstreamEvents {
  readonly request: RequestHead;
  readonly client: Client;
  /** Length of a chunked body that has been read whole; −1 otherwise. */
  readonly bodyLength: number;
  /** True once nothing more comes of it. */
  readonly isDone: boolean;
  /** A handler of the upstream threw. */
  crashed(): void;
}

/** Starts towards a node, or says at once why the request cannot be put to it. */
export type OpenUpstream = (node: Node, exchange: UpstreamExchange) => Upstream | Failure;
