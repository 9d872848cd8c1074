import type { Failure } from '../failure/failures.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { OwnAnswer } from './own-answer.ts';

/**
 * The client's side of one exchange, as the exchange sees it. Made by an HTTP/1 session, later by an HTTP/2 stream.
 * Whoever implements it owns framing, keep-alive and what the wire looks like. What is written may wait until `flush`.
 */
export interface Downstream {
  /** `HTTP/1.1 100 Continue`, unless body bytes have come already. */
  continue(): void;
  /** An interim answer (1xx) of the backend; not for HTTP/1.0. */
  interim(head: ResponseHead): void;
  /** The final head; valid only during the call. With 101 a tunnel follows. */
  head(head: ResponseHead): void;
  /** `bytes[start, end)` of the body, without framing. */
  body(bytes: Uint8Array, start: number, end: number): void;
  /** Checked trailer lines, before `end`. */
  trailers(lines: Uint8Array): void;
  /** The answer is complete. */
  end(): void;
  /** The answer cannot be completed: the client must see that it was cut off. */
  reset(): void;
  /** A whole answer of our own; only before `head`. */
  own(answer: OwnAnswer): void;
  /** Answers with an error of our own; only before `head`. */
  fail(failure: Failure): void;
  /**
   * Puts what has been written on the wire. Called once at the end of each event of the backend.
   * False: the client reads slowly; hold the backend back until `Exchange.downstreamDrained`.
   */
  flush(): boolean;
  /** Stops and restarts the flow of the request's body. */
  pause(): void;
  resume(): void;
}
