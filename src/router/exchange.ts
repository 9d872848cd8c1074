import { CONNECT_FAILURES, FAILURES, type Failure, isBrokenOff, isNodesFault } from '../failure/failures.ts';
import { copyOf } from '../http1/bytes.ts';
import { GrowingBytes } from '../http1/growing-bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { isPassing, type NodeFailure } from '../pool/backend.ts';
import { type Found, isRefusal, type Mapper } from '../pool/mapper.ts';
import type { Node } from '../pool/node.ts';
import type { Pool } from '../pool/pool.ts';
import type { Deadline } from '../time/timer-wheel.ts';
import { BodySpool } from './body-spool.ts';
import type { Client } from './client.ts';
import type { Downstream } from './downstream.ts';
import { heardFrom, neverHeardFrom, protocolOf } from './misunderstanding.ts';
import { NodeSearch } from './node-search.ts';
import { routingKey } from './routing-key.ts';
import type { Service } from './service.ts';
import type { Transaction } from './transaction.ts';
import type { Upstream, UpstreamExchange } from './upstream.ts';

/**
 * The states of an exchange. `routing`: it looks for the pool, which may take time. `spooling`: the body is read whole first.
 * `active`: the request goes out and the answer comes in, at the same time if the backend likes. `tunnel`: bytes both ways, no
 * more HTTP.
 */
const STATE = { routing: 0, spooling: 1, connecting: 2, backoff: 3, active: 4, tunnel: 5, done: 6 } as const;

/**
 * One request and its answer: finds a node, retries while nothing was sent, relays both bodies with backpressure, and ends in
 * exactly one way. Knows nothing of the bytes on either side.
 */
export class Exchange implements UpstreamExchange {
  readonly request: RequestHead;
  readonly client: Client;
  /** Length of a chunked body that has been read whole; −1 otherwise. */
  bodyLength = -1;

  readonly #service: Service;
  readonly #downstream: Downstream;
  readonly #transaction: Transaction;
  /** The connection's; ours while the exchange lasts. */
  readonly #deadline: Deadline;
  #state: number = STATE.routing;
  readonly #search: NodeSearch;
  #upstream: Upstream | null = null;
  #backoff: ReturnType<typeof setTimeout> | null = null;
  #spool: BodySpool | null = null;
  /** Body bytes that came before there was a connection for them. */
  #early: GrowingBytes | null = null;
  /** The same of trailers. */
  #trailers: Uint8Array | null = null;
  #requestEnded = false;
  #requestPaused = false;
  #answered = false;
  #answerEnded = false;
  #answerPaused = false;

  constructor(service: Service, downstream: Downstream, request: RequestHead, client: Client, transaction: Transaction, deadline: Deadline) {
    this.#service = service;
    this.#downstream = downstream;
    this.#transaction = transaction;
    this.request = request;
    this.client = client;
    this.#deadline = deadline;
    this.#search = new NodeSearch(service, client, transaction);
  }

  /** True once nothing more comes of it. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  // From the downstream

  start(): void {
    const { mapper, pool } = this.#service;
    if (mapper === null) this.#begin(pool);
    else this.#map(mapper);
  }

  /** `bytes[start, end)` of the request's body, or of the tunnel. False: hold the client back until `Downstream.resume`. */
  requestBody(bytes: Uint8Array, start: number, end: number): boolean {
    this.#transaction.receivedBody += end - start;
    switch (this.#state) {
      case STATE.spooling: {
        this.#touch();
        this.#spoolBody(bytes.subarray(start, end));
        return true;
      }
      case STATE.active:
      case STATE.tunnel:
        this.#touch();
        if (this.#upstream!.body(bytes, start, end)) return true;
        break;
      case STATE.done:
        return true;
      default:
        this.#early ??= new GrowingBytes();
        this.#early.append(bytes, start, end);
    }
    this.#requestPaused = true;
    return false;
  }

  /** Checked trailer lines behind a chunked body, before `requestEnd`; valid only during the call. */
  requestTrailers(lines: Uint8Array): void {
    if (this.#state === STATE.active) this.#upstream!.trailers?.(lines);
    else if (this.#state !== STATE.spooling && this.#state !== STATE.done) this.#trailers = copyOf(lines);
  }

  /** The request is complete; in a tunnel, the client's side has ended. */
  requestEnd(): void {
    this.#requestEnded = true;
    if (this.#answerEnded) return this.#endTunnel();
    if (this.#state === STATE.spooling) this.#spooled();
    else if (this.#state === STATE.active || this.#state === STATE.tunnel) this.#passedOn();
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
    this.#transaction.clientLeft();
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
    switch (this.#state) {
      case STATE.routing:
        return this.#fail(FAILURES.noNode);
      case STATE.spooling:
        return this.#fail(FAILURES.bodyTimeout);
      case STATE.connecting:
        this.#upstream!.abort();
        return this.connectFailed('timeout', 'ETIMEDOUT');
      case STATE.tunnel:
        if (!this.#answered) return this.failed(FAILURES.upstreamTimeout);
        return this.#giveUp(FAILURES.tunnelIdle);
      case STATE.active:
        if (this.#answerPaused) return this.#giveUp(FAILURES.clientStalled);
        return this.failed(this.#answered || this.#requestEnded || this.#requestPaused ? FAILURES.upstreamTimeout : FAILURES.bodyTimeout);
    }
  }

  /** A handler of the upstream threw. */
  crashed(): void {
    this.failed(FAILURES.internal);
  }

  // From the upstream

  connected(): void {
    this.#search.connected();
    const { isRaw } = this.request;
    this.#state = isRaw ? STATE.tunnel : STATE.active;
    this.#touch();
    const early = this.#early?.bytes ?? null;
    this.#early = null;
    if (this.request.expectsContinue && this.#spool === null && early === null) this.#downstream.continue();
    const isReady = this.#upstream!.send(early);
    if (this.#spool !== null) {
      if (isReady) this.#sendSpool();
    } else if (this.#requestEnded) {
      if (this.#trailers !== null) this.#upstream!.trailers?.(this.#trailers);
      this.#passedOn();
    } else if (isReady) this.#resumeRequest();
    this.#downstream.flush();
  }

  connectFailed(failure: NodeFailure, code: string): void {
    const { log, mapper, settings, wheel } = this.#service;
    const node = this.#search.node!;
    this.#upstream = null;
    this.#search.refused();
    const hasDied = node.failed(failure, wheel.now);
    // A full backlog is asked again and again: once is enough to know.
    if (!settings.quiet && !(isPassing(failure) && this.#search.isWaiting))
      log.event('warn', `connect-${failure}`, 'unable to connect to a node', {
        node: node.name,
        protocol: protocolOf(node),
        error: code,
        attempt: this.#search.attempts,
      });
    if (hasDied) this.#tellDead(node);
    if (isPassing(failure)) return this.#retryLater(failure);
    this.#search.nodeFailed();
    // The socket is gone: the key may have another by now, be it without its port, or of another mapper.
    if (failure === 'missing' && mapper !== null && this.#search.pool !== null) this.#map(mapper);
    else this.#route(CONNECT_FAILURES[failure]);
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
      this.#requestEnded = false;
    }
    this.#beginAnswer(head.status);
    const node = this.#search.node!;
    if (!node.backend.isUnderstood) heardFrom(node, head, this.#service.log);
    if (head.status === 101) node.backend.answered();
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
    if (this.#state === STATE.tunnel && !this.#requestEnded && !this.request.isRaw) {
      // The other half goes on until the client ends it too.
      this.#answerEnded = true;
      return this.#downstream.end();
    }
    this.#search.node!.backend.answered();
    this.#finish();
    this.#downstream.end();
  }

  failed(cause: Failure): void {
    const failure = !this.#answered && isBrokenOff(cause) && this.#search.isOverdue ? FAILURES.harakiri : cause;
    const { node } = this.#search;
    // Many apps end a WebSocket so; it says nothing about the node.
    if (this.#state === STATE.tunnel && this.#answered && isNodesFault(failure)) return this.#giveUp(FAILURES.tunnelBroken);
    const isNodes = node !== null && isNodesFault(failure);
    if (isNodes && node.answerFailed(this.#service.wheel.now)) this.#tellDead(node);
    if (this.#answered) {
      this.#transaction.failed(failure);
      this.abort();
      this.#downstream.reset();
    } else this.#fail(failure);
    if (isNodes && !node.backend.isUnderstood) neverHeardFrom(node, this.#service.log);
    this.#downstream.flush();
  }

  drained(): void {
    this.#touch();
    if (this.#spool !== null) this.#sendSpool();
    else this.#resumeRequest();
  }

  flush(): void {
    if (this.#downstream.flush() || this.#state === STATE.done || this.#answerPaused) return;
    this.#answerPaused = true;
    this.#upstream!.pause();
  }

  // Finding a node

  #map(mapper: Mapper): void {
    this.#state = STATE.routing;
    const found = mapper.find(routingKey(this.request, this.#service.defaultKey));
    if (!(found instanceof Promise)) return this.#found(found);
    this.#touch();
    void found.then((late) => this.#guard(() => this.#found(late)));
  }

  #found(found: Found): void {
    if (found !== null && isRefusal(found)) return this.#fail(found);
    if (!this.#search.hasTried) return this.#begin(found);
    this.#search.pool = found;
    this.#route(CONNECT_FAILURES.missing);
  }

  #begin(pool: Pool | null): void {
    const { settings, bodyBudget } = this.#service;
    this.#search.pool = pool;
    this.#transaction.routed();
    if (!this.#mustSpool) return this.#route();
    if (this.request.contentLength > settings.bodyBufferMax) return this.#fail(FAILURES.bufferTooLarge);
    // Nobody should send a body that nobody will read.
    if (!this.#search.canFind) return this.#fail(FAILURES.noNode);
    this.#state = STATE.spooling;
    this.#spool = new BodySpool(settings, settings.postBuffering || settings.bodyBuffer, bodyBudget);
    this.#touch();
    if (this.request.expectsContinue) this.#downstream.continue();
    const early = this.#early;
    this.#early = null;
    if (early !== null) this.#spoolBody(early.bytes);
    if (this.#state !== STATE.spooling) return;
    if (this.#requestEnded) this.#spooled();
    else this.#resumeRequest();
  }

  /** A chunked body towards uwsgi, which knows no other length than CONTENT_LENGTH; and any body with `http-post-buffering`. */
  get #mustSpool(): boolean {
    const { request } = this;
    if (!request.hasBody || request.isRaw) return false;
    return this.#service.settings.postBuffering > 0 || (request.lengthIsUnknown && this.#service.needsLength && !this.#keepsChunks);
  }

  /** The body goes on in its chunks, whatever the node. */
  get #keepsChunks(): boolean {
    return this.request.isChunked && this.#service.needsLength && this.#service.settings.chunkedInput;
  }

  #route(lastFailure: Failure = FAILURES.noNode): void {
    const node = this.#search.next();
    if (node !== null) this.#connect(node);
    else this.#fail(this.#search.isFull ? FAILURES.nodesFull : lastFailure);
  }

  #connect(node: Node): void {
    this.#state = STATE.connecting;
    this.#search.take(node);
    this.#arm(this.#service.settings.connectTimeout);
    const upstream = this.#service.open(node, this);
    if ('status' in upstream) return this.#fail(upstream);
    this.#upstream = upstream;
    if (upstream.isConnected === true) this.connected();
  }

  #retryLater(failure: NodeFailure): void {
    const wait = this.#search.backoff();
    if (wait === null) return this.#fail(CONNECT_FAILURES[failure]);
    this.#state = STATE.backoff;
    this.#backoff = setTimeout(() => this.#guard(() => this.#connect(this.#search.again())), wait);
  }

  /** Nobody stands above a timer or a promise: what is thrown ends the exchange, not the process. */
  #guard(step: () => void): void {
    if (this.#state === STATE.done) return;
    try {
      step();
      this.#downstream.flush();
    } catch (error) {
      this.#service.failed(error);
      this.crashed();
    }
  }

  // Relaying

  #spoolBody(bytes: Uint8Array): void {
    const refusal = this.#spool!.write(bytes);
    if (refusal !== null) this.#fail(refusal, this.#spool!.problem);
  }

  /** The body has come whole. */
  #spooled(): void {
    if (this.request.lengthIsUnknown && !this.#keepsChunks) this.bodyLength = this.#spool!.size;
    this.#route();
  }

  #sendSpool(): void {
    for (let piece = this.#readSpool(); piece !== null; piece = this.#readSpool()) if (!this.#upstream!.body(piece, 0, piece.length)) return;
    if (this.#state === STATE.active) this.#passedOn();
  }

  /** Null behind the last piece, and when there is none because reading failed. */
  #readSpool(): Uint8Array | null {
    try {
      return this.#spool!.read();
    } catch (error) {
      this.#service.log.event('error', FAILURES.bufferFailed.code, String(error), this.#transaction.details());
      this.failed(FAILURES.bufferFailed);
      return null;
    }
  }

  /** The request is with the node, whole. */
  #passedOn(): void {
    this.#transaction.passedOn();
    this.#upstream!.end();
  }

  #beginAnswer(status: number): void {
    this.#answered = true;
    this.#transaction.answered(status);
  }

  #resumeRequest(): void {
    if (!this.#requestPaused) return;
    this.#requestPaused = false;
    this.#downstream.resume();
  }

  #touch(): void {
    const { timeout, tunnelTimeout } = this.#service.settings;
    this.#arm(this.#state === STATE.tunnel && this.#answered ? tunnelTimeout : timeout);
  }

  #arm(ms: number): void {
    this.#service.wheel.arm(this.#deadline, ms);
  }

  // Ending

  /** Ends the exchange with an answer of our own. */
  #fail(failure: Failure, problem?: string): void {
    this.#transaction.failed(failure, problem);
    this.abort();
    this.#downstream.fail(failure);
    this.#downstream.flush();
  }

  /** Both halves have ended: what is still on its way to the backend gets there. */
  #endTunnel(): void {
    const upstream = this.#upstream!;
    this.#finish();
    upstream.end();
  }

  /** Closes the client's connection: there is nobody to answer. */
  #giveUp(failure: Failure): void {
    this.#transaction.failed(failure);
    this.abort();
    this.#downstream.reset();
  }

  #finish(): void {
    this.#state = STATE.done;
    this.#upstream = null;
    this.#search.release();
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    this.#spool?.discard();
    this.#spool = null;
    this.#early = null;
  }

  #tellDead(node: Node): void {
    this.#service.log.event('warn', 'node-dead', 'a node is marked as failed', { node: node.name });
  }
}
