import { CONNECT_FAILURES, FAILURES, type Failure, isNodesFault } from '../failure/failures.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { NodeFailure } from '../pool/backend.ts';
import type { Deadline } from '../time/timer-wheel.ts';
import type { Client } from './client.ts';
import type { Downstream } from './downstream.ts';
import { isMoving, latenessOf, STATE } from './exchange-state.ts';
import { NodeSearch, type SearchingExchange, type SearchParts } from './node-search.ts';
import type { OwnAnswer } from './own-answer.ts';
import { mustSpool, type RelayingExchange, type RelayParts, RequestRelay } from './request-relay.ts';
import type { Handler, Nodes } from './route.ts';
import type { Service, ServiceSettings } from './service.ts';
import type { Transaction } from './transaction.ts';
import type { Upstream } from './upstream.ts';

/** What an exchange needs of the generation that its request began with. */
export interface ExchangeParts extends SearchParts, RelayParts, Pick<Service, 'route' | 'failed'> {
  readonly settings: SearchParts['settings'] & RelayParts['settings'] & Pick<ServiceSettings, 'timeout' | 'tunnelTimeout'>;
}

/**
 * One request and its answer: has the route's handler answer, relays both bodies with backpressure, and ends in exactly one way.
 * Knows nothing of the bytes on either side.
 */
export class Exchange implements SearchingExchange, RelayingExchange {
  readonly request: RequestHead;
  readonly client: Client;
  readonly transaction: Transaction;
  /** Length of a chunked body that has been read whole; −1 otherwise. */
  bodyLength = -1;

  readonly #parts: ExchangeParts;
  readonly #downstream: Downstream;
  /** The connection's; ours while the exchange lasts. */
  readonly #deadline: Deadline;
  #state: number = STATE.routing;
  /** Null when no node is asked. */
  #search: NodeSearch | null = null;
  #upstream: Upstream | null = null;
  readonly #relay: RequestRelay;
  #answered = false;
  #answerEnded = false;
  #answerPaused = false;

  /** @param transaction of the request, whose head has been read */
  constructor(parts: ExchangeParts, downstream: Downstream, transaction: Transaction, deadline: Deadline) {
    this.#parts = parts;
    this.#downstream = downstream;
    this.transaction = transaction;
    this.request = transaction.request!;
    this.client = transaction.client!;
    this.#deadline = deadline;
    this.#relay = new RequestRelay(this, downstream, parts);
  }

  /** True once nothing more comes of it. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  // From the session

  start(): void {
    this.findAgain();
  }

  /** `bytes[start, end)` of the request's body, or of the tunnel. False: hold the client back until `Downstream.resume`. */
  requestBody(bytes: Uint8Array, start: number, end: number): boolean {
    this.transaction.receivedBody += end - start;
    if (this.#state === STATE.done) return true;
    if (isMoving(this.#state)) this.#touch();
    return this.#relay.body(bytes, start, end);
  }

  /** Checked trailer lines behind a chunked body, before `requestEnd`; valid only during the call. */
  requestTrailers(lines: Uint8Array): void {
    if (this.#state !== STATE.done) this.#relay.trailers(lines);
  }

  /** The request is complete; in a tunnel, the client's side has ended. */
  requestEnd(): void {
    if (this.#answerEnded) this.#endTunnel();
    else if (this.#state !== STATE.done) this.#relay.end();
  }

  /** The client takes bytes again. */
  downstreamDrained(): void {
    if (!this.#answerPaused) return;
    this.#answerPaused = false;
    this.#touch();
    this.#upstream?.resume();
  }

  /** The client left: nobody waits for the answer. */
  clientGone(): void {
    if (this.#state === STATE.done) return;
    this.transaction.clientLeft();
    this.abort();
  }

  /** Gives up without a word to the client. */
  abort(): void {
    const upstream = this.#upstream;
    this.#finish();
    upstream?.abort();
  }

  /** The connection's deadline has passed while the exchange had it. */
  expired(): void {
    const { hasEnded, isPaused } = this.#relay;
    const late = latenessOf(this.#state, this.#answered, this.#answerPaused, hasEnded || isPaused);
    if (late === FAILURES.connectTimeout) {
      this.#upstream!.abort();
      this.connectFailed('timeout', 'ETIMEDOUT');
    } else if (late !== null && late.status === 0) this.#cutOff(late);
    else if (late !== null) this.failed(late);
  }

  /** A handler of the upstream threw. */
  crashed(): void {
    this.failed(FAILURES.internal);
  }

  // From the route and its handlers

  findAgain(): void {
    this.#state = STATE.routing;
    const found = this.#parts.route.find(this.request, this.client);
    if (!(found instanceof Promise)) return this.#routed(found);
    this.#touch();
    void found.then((late) => this.later(() => this.#routed(late)));
  }

  #routed(handler: Handler): void {
    this.transaction.routed(handler);
    handler.handle(this);
    // It thinks about it: from now on that has its time.
    if (this.#state === STATE.routing) this.#touch();
  }

  search(nodes: Nodes): void {
    const search = this.#search;
    if (search !== null) {
      search.nodes = nodes;
      return search.next(CONNECT_FAILURES.missing);
    }
    this.#search = new NodeSearch(this, this.#parts, nodes);
    if (!mustSpool(this.request, this.#parts)) return this.#search.next();
    if (this.request.contentLength > this.#parts.settings.bodyBufferMax) return this.fail(FAILURES.bufferTooLarge);
    // Nobody should send a body that nobody will read.
    if (!this.#search.canFind) return this.fail(FAILURES.noNode);
    this.#state = STATE.spooling;
    this.#touch();
    this.#relay.spool();
  }

  spooled(length: number): void {
    this.bodyLength = length;
    this.#search!.next();
  }

  connect(upstream: Upstream): void {
    this.#state = STATE.connecting;
    this.#arm(this.#parts.settings.connectTimeout);
    this.#upstream = upstream;
    if (upstream.isConnected === true) this.connected();
  }

  waits(): void {
    this.#state = STATE.waiting;
  }

  own(answer: OwnAnswer): void {
    this.abort();
    this.transaction.answered(answer.status);
    this.#downstream.own(answer);
    this.#downstream.flush();
  }

  /** @param problem what lies behind it, where the failure does not say */
  fail(failure: Failure, problem?: string): void {
    this.transaction.failed(failure, problem);
    this.abort();
    this.#downstream.fail(failure);
    this.#downstream.flush();
  }

  later(step: () => void): void {
    if (this.#state === STATE.done) return;
    try {
      step();
      this.#downstream.flush();
    } catch (error) {
      this.#parts.failed(error);
      this.crashed();
    }
  }

  // From the upstream

  connected(): void {
    this.transaction.connected();
    this.#search?.connected();
    this.#state = this.request.isRaw ? STATE.tunnel : STATE.active;
    this.#touch();
    this.#relay.send(this.#upstream!);
    this.#downstream.flush();
  }

  connectFailed(failure: NodeFailure, code: string): void {
    this.#upstream = null;
    if (this.#search === null) this.fail(CONNECT_FAILURES[failure]);
    else this.#search.connectFailed(failure, code);
  }

  interim(head: ResponseHead): void {
    this.#touch();
    this.#downstream.interim(head);
  }

  head(head: ResponseHead): void {
    if (head.status === 101) {
      if (!this.request.wantsUpgrade) return this.failed(FAILURES.unexpectedUpgrade);
      this.#state = STATE.tunnel;
      // From here on it is the client's half of the tunnel that can end.
      this.#relay.hasEnded = false;
    }
    this.#beginAnswer(head.status);
    this.#search?.answerBegun(head);
    this.#touch();
    this.#downstream.head(head);
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#answered) this.#beginAnswer(0);
    this.#touch();
    this.#downstream.body(bytes, start, end);
  }

  trailers(lines: Uint8Array): void {
    this.#downstream.trailers(lines);
  }

  end(): void {
    if (this.request.isRaw && !this.#answered) return this.failed(FAILURES.upstreamEmpty);
    // What is raw from the start ends with the backend; of an upgrade each half ends by itself.
    if (this.#state === STATE.tunnel && !this.#relay.hasEnded && !this.request.isRaw) {
      // The other half goes on until the client ends it too.
      this.#answerEnded = true;
      return this.#downstream.end();
    }
    this.#search?.answered();
    this.#finish();
    this.#downstream.end();
  }

  failed(cause: Failure): void {
    const search = this.#search;
    const failure = search === null || this.#answered ? cause : search.reasonOf(cause);
    // Many apps end a WebSocket so; it says nothing about the node.
    if (this.#state === STATE.tunnel && this.#answered && isNodesFault(failure)) return this.#cutOff(FAILURES.tunnelBroken);
    search?.failed(failure);
    if (this.#answered) this.#cutOff(failure);
    else this.fail(failure);
    search?.doubt(failure);
    this.#downstream.flush();
  }

  drained(): void {
    this.#touch();
    this.#relay.drained();
  }

  flush(): void {
    if (this.#downstream.flush() || this.#state === STATE.done || this.#answerPaused) return;
    this.#answerPaused = true;
    this.#upstream!.pause();
  }

  // Itself

  #beginAnswer(status: number): void {
    this.#answered = true;
    this.transaction.answered(status);
  }

  #touch(): void {
    const { timeout, tunnelTimeout } = this.#parts.settings;
    this.#arm(this.#state === STATE.tunnel && this.#answered ? tunnelTimeout : timeout);
  }

  #arm(ms: number): void {
    this.#parts.wheel.arm(this.#deadline, ms);
  }

  /** Both halves have ended: what is still on its way to the backend gets there. */
  #endTunnel(): void {
    const upstream = this.#upstream!;
    this.#finish();
    upstream.end();
  }

  /** The answer, or the tunnel, cannot be completed. */
  #cutOff(failure: Failure): void {
    this.transaction.failed(failure);
    this.abort();
    this.#downstream.reset();
  }

  #finish(): void {
    this.#state = STATE.done;
    this.#upstream = null;
    this.#search?.release();
    this.#relay.discard();
  }
}
