import { latin1 } from '../http1/bytes.ts';
import type { Refusal } from '../http1/refusal.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Details } from '../log/log.ts';
import { formatPeer, type PeerAddress } from '../net/address.ts';
import type { Deadline } from '../net/timer-wheel.ts';
import type { Node, NodeFailure } from '../pool/node.ts';
import { BodySpool } from './body-spool.ts';
import type { Downstream } from './downstream.ts';
import { connectFailure, FAILURES, levelOf } from './failures.ts';
import type { Front, Service } from './service.ts';
import type { Upstream, UpstreamEvents } from './upstream.ts';

/** One first try and three retries, as uWSGI; fallbacks come on top. */
const MAX_ATTEMPTS = 4;
const BUSY_RETRY_MS = 250;
const FIRST_BACKOFF_MS = 5;

/**
 * The states of an exchange. `spooling`: a chunked body is read whole first. `active`: the request goes out and the answer
 * comes in, at the same time if the backend likes. `tunnel`: bytes both ways, no more HTTP.
 */
const STATE = { routing: 0, spooling: 1, connecting: 2, backoff: 3, active: 4, tunnel: 5, done: 6 } as const;

/** Who asks, and through which listener. */
export interface Client {
  readonly remote: PeerAddress;
  readonly front: Front;
}

/**
 * One request and its answer: finds a node, retries while nothing was sent, relays both bodies with backpressure, and ends in
 * exactly one way. Knows nothing of the bytes on either side.
 */
export class Exchange implements UpstreamEvents {
  readonly request: RequestHead;
  readonly client: Client;
  /** Length of a chunked body that has been read whole; −1 otherwise. */
  bodyLength = -1;

  readonly #service: Service;
  readonly #downstream: Downstream;
  /** The connection's; ours while the exchange lasts. */
  readonly #deadline: Deadline;
  #state: number = STATE.routing;
  #upstream: Upstream | null = null;
  #node: Node | null = null;
  #tried: Node[] | null = null;
  #attempts = 0;
  #fallbacks = 0;
  #busySince = 0;
  #backoff: ReturnType<typeof setTimeout> | null = null;
  #spool: BodySpool | null = null;
  /** Body bytes that came before there was a connection for them. */
  #early: Uint8Array | null = null;
  #requestEnded = false;
  #requestPaused = false;
  #answered = false;
  #answerEnded = false;
  #answerPaused = false;

  constructor(service: Service, downstream: Downstream, request: RequestHead, client: Client, deadline: Deadline) {
    this.#service = service;
    this.#downstream = downstream;
    this.request = request;
    this.client = client;
    this.#deadline = deadline;
  }

  /** True once nothing more comes of it. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  // From the downstream

  start(): void {
    const { settings, needsLength, bodyBudget, pool, fallbacks, wheel } = this.#service;
    if (this.request.isChunked && needsLength && !settings.chunkedInput) {
      // Nobody should send a body that nobody will read.
      if (!pool.hasNode(wheel.now) && fallbacks.length === 0) return this.#fail(FAILURES.noNode);
      this.#state = STATE.spooling;
      this.#spool = new BodySpool(settings, bodyBudget);
      this.#touch();
      if (this.request.expectsContinue) this.#downstream.continue();
    } else this.#route();
  }

  /** `bytes[start, end)` of the request's body, or of the tunnel. False: hold the client back until `Downstream.resume`. */
  requestBody(bytes: Uint8Array, start: number, end: number): boolean {
    switch (this.#state) {
      case STATE.spooling: {
        this.#touch();
        const refusal = this.#spool!.write(bytes.subarray(start, end));
        if (refusal !== null) this.#fail(refusal);
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
        this.#early = this.#early === null ? bytes.slice(start, end) : concat(this.#early, bytes.subarray(start, end));
    }
    this.#requestPaused = true;
    return false;
  }

  /** The request is complete; in a tunnel, the client's side has ended. */
  requestEnd(): void {
    this.#requestEnded = true;
    if (this.#answerEnded) return this.abort();
    if (this.#state === STATE.spooling) {
      this.bodyLength = this.#spool!.size;
      this.#route();
    } else if (this.#state === STATE.active || this.#state === STATE.tunnel) this.#upstream!.end();
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
    this.#service.log.event('info', 'client-left', 'the client left before its answer was complete', this.#details());
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
      case STATE.spooling:
        return this.#fail(FAILURES.bodyTimeout);
      case STATE.connecting:
        this.#upstream!.abort();
        return this.connectFailed('timeout', 'ETIMEDOUT');
      case STATE.tunnel:
        return this.#giveUp('tunnel-idle', 'a tunnel was idle for http-timeout and is closed');
      case STATE.active:
        if (this.#answerPaused) return this.#giveUp('client-stalled', 'the client stopped reading its answer for http-timeout');
        return this.failed(this.#answered || this.#requestEnded || this.#requestPaused ? FAILURES.upstreamTimeout : FAILURES.bodyTimeout);
    }
  }

  /** A handler of the upstream threw. */
  crashed(): void {
    this.failed(FAILURES.internal);
  }

  // From the upstream

  connected(): void {
    this.#node!.connected();
    this.#state = STATE.active;
    this.#touch();
    const early = this.#early;
    this.#early = null;
    if (this.request.expectsContinue && this.#spool === null) this.#downstream.continue();
    const isReady = this.#upstream!.send(early);
    if (this.#spool !== null) {
      if (isReady) this.#sendSpool();
    } else if (this.#requestEnded) this.#upstream!.end();
    else if (isReady) this.#resumeRequest();
    this.#downstream.flush();
  }

  connectFailed(failure: NodeFailure, code: string): void {
    const { log, pool, settings, wheel } = this.#service;
    const node = this.#node!;
    this.#upstream = null;
    this.#tried ??= [];
    this.#tried.push(node);
    const hasDied = node.failed(failure, wheel.now);
    if (!settings.quiet)
      log.event('warn', `connect-${failure}`, 'unable to connect to a node', { node: node.name, error: code, attempt: this.#attempts });
    if (hasDied) log.event('warn', 'node-dead', 'a node is marked as failed', { node: node.name });
    if (failure === 'busy' || failure === 'local') return this.#retryLater(failure);
    pool.nodeFailed(node);
    this.#route(connectFailure(failure));
  }

  interim(head: ResponseHead): void {
    this.#touch();
    this.#downstream.interim(head);
  }

  head(head: ResponseHead): void {
    this.#touch();
    if (head.status === 101) {
      if (!this.request.wantsUpgrade) return this.failed(FAILURES.unexpectedUpgrade);
      this.#state = STATE.tunnel;
    }
    this.#answered = true;
    this.#downstream.head(head);
    if (this.#state === STATE.tunnel) this.#resumeRequest();
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    this.#touch();
    this.#downstream.body(bytes, start, end);
  }

  trailers(lines: Uint8Array): void {
    this.#downstream.trailers(lines);
  }

  end(): void {
    if (this.#state === STATE.tunnel && !this.#requestEnded) {
      // The other half goes on until the client ends it too.
      this.#answerEnded = true;
      return this.#downstream.end();
    }
    this.#finish();
    this.#downstream.end();
  }

  failed(failure: Refusal): void {
    if (this.#answered) {
      this.#tell(failure);
      this.abort();
      this.#downstream.reset();
    } else this.#fail(failure);
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

  /** Takes the next node there is: a usable one of the pool, a fallback, a dead one that answers fast; else fails. */
  #route(lastFailure: Refusal = FAILURES.noNode): void {
    const { pool, fallbacks, wheel } = this.#service;
    const node =
      (this.#attempts < MAX_ATTEMPTS ? pool.pick(wheel.now) : null) ??
      (this.#fallbacks < fallbacks.length ? fallbacks[this.#fallbacks++] : null) ??
      (this.#attempts < MAX_ATTEMPTS ? pool.pickLastResort(this.#tried ?? []) : null);
    if (node === null) return this.#fail(lastFailure);
    this.#connect(node);
  }

  #connect(node: Node): void {
    this.#state = STATE.connecting;
    this.#node = node;
    this.#attempts++;
    this.#arm(this.#service.settings.connectTimeout);
    const upstream = this.#service.open(node, this);
    if ('status' in upstream) this.#fail(upstream);
    else this.#upstream = upstream;
  }

  /** A full backlog empties in milliseconds: asked again, a little later each time, and another node if there is one. */
  #retryLater(failure: NodeFailure): void {
    const { settings, wheel } = this.#service;
    if (this.#busySince === 0) this.#busySince = wheel.precise();
    const waited = wheel.precise() - this.#busySince;
    if (waited >= Math.min(BUSY_RETRY_MS, settings.connectTimeout)) return this.#fail(connectFailure(failure));
    this.#state = STATE.backoff;
    this.#attempts--;
    this.#backoff = setTimeout(() => this.#tryAgain(), Math.max(FIRST_BACKOFF_MS, waited));
  }

  #tryAgain(): void {
    const { pool, wheel, failed } = this.#service;
    try {
      this.#connect(pool.pick(wheel.now) ?? this.#node!);
    } catch (error) {
      failed(error);
      this.crashed();
    }
  }

  // Relaying

  #sendSpool(): void {
    for (let piece = this.#readSpool(); piece !== null; piece = this.#readSpool()) if (!this.#upstream!.body(piece, 0, piece.length)) return;
    if (this.#state === STATE.active) this.#upstream!.end();
  }

  /** Null behind the last piece, and when there is none because reading failed. */
  #readSpool(): Uint8Array | null {
    try {
      return this.#spool!.read();
    } catch (error) {
      this.#service.log.event('error', FAILURES.bufferFailed.code, String(error), this.#details());
      this.failed(FAILURES.bufferFailed);
      return null;
    }
  }

  #resumeRequest(): void {
    if (!this.#requestPaused) return;
    this.#requestPaused = false;
    this.#downstream.resume();
  }

  #touch(): void {
    this.#arm(this.#service.settings.timeout);
  }

  #arm(ms: number): void {
    this.#service.wheel.arm(this.#deadline, ms);
  }

  // Ending

  /** Ends the exchange with an answer of our own. */
  #fail(failure: Refusal): void {
    this.#tell(failure);
    this.abort();
    this.#downstream.fail(failure);
    this.#downstream.flush();
  }

  /** Closes the client's connection: there is nobody to answer. */
  #giveUp(code: string, message: string): void {
    this.#service.log.event('info', code, message, this.#details());
    this.abort();
    this.#downstream.reset();
  }

  #finish(): void {
    this.#state = STATE.done;
    this.#upstream = null;
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    this.#spool?.discard();
    this.#spool = null;
    this.#early = null;
  }

  #tell(failure: Refusal): void {
    const { log } = this.#service;
    const level = levelOf(failure);
    if (log.writes(level)) log.event(level, failure.code, failure.rule, { status: failure.status, ...this.#details() });
  }

  #details(): Details {
    const { bytes, methodStart, methodEnd, targetStart, targetEnd } = this.request;
    return {
      client: formatPeer(this.client.remote),
      method: latin1(bytes, methodStart, methodEnd),
      target: latin1(bytes, targetStart, targetEnd),
      node: this.#node?.name,
    };
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
