import type { Refusal } from '../http1/refusal.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Node, NodeFailure } from '../pool/node.ts';
import type { Exchange } from './exchange.ts';

/** The backend's side of one exchange, as the exchange sees it. What comes back goes to its `UpstreamEvents`. */
export interface Upstream {
  /** Sends the head, with the first bytes of the body when there are some. Called once, after `connected`. False: wait for `drained`. */
  send(firstBody: Uint8Array | null): boolean;
  /** Sends `bytes[start, end)` of the body. False: wait for `drained`. */
  body(bytes: Uint8Array, start: number, end: number): boolean;
  /** The request is complete; in a tunnel, the client's side has ended. */
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
  failed(failure: Refusal): void;
  drained(): void;
  /** The end of one event of the backend: everything told since the last one may go out. */
  flush(): void;
}

/** Starts towards a node, or says at once why the request cannot be put to it. */
export type OpenUpstream = (node: Node, exchange: Exchange) => Upstream | Refusal;
