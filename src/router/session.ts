import { concat } from '../http1/bytes.ts';
import { PARSE } from '../http1/fields.ts';
import { REFUSALS, type Refusal } from '../http1/refusal.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { formatPeer } from '../net/address.ts';
import { Deadline, type Expiring } from '../net/timer-wheel.ts';
import type { Connection } from '../runtime/seam.ts';
import { Answer, type AnswerOwner } from './answer.ts';
import { ConnectionClient } from './client.ts';
import { Exchange } from './exchange.ts';
import { FAILURES, levelOf } from './failures.ts';
import { Pace, type PacedClient } from './pace.ts';
import { Prelude } from './prelude.ts';
import { RequestBody } from './request-body.ts';
import type { RequestBuffer } from './request-buffer.ts';
import type { Front, Service, ServiceSettings } from './service.ts';

/**
 * The states of a session. `idle`: between requests, or before the first. `head`: part of a head has come. `busy`: an exchange
 * has it. `closing`: the last answer is on its way out. `lingering`: the answer is out and FIN sent; what still comes in is
 * thrown away, so that the client gets to read the answer.
 */
const STATE = { idle: 0, head: 1, busy: 2, closing: 3, lingering: 4, closed: 5 } as const;

const LINGER_MS = 2_000;
/** More than a client in the middle of an upload sends in that time: one that cannot read before it has written gets its answer too. */
const LINGER_BYTES = 64 * 1024 * 1024;
const NONE = new Uint8Array(0);

/** What a session asks of the router it belongs to. */
export interface SessionOwner {
  readonly isDraining: boolean;
  /** @param isSilent not one byte came: a load balancer's check of the port */
  sessionClosed(session: Session, isSilent: boolean): void;
}

/** One client connection: reads requests off it one after the other and has each answered by an exchange. */
export class Session implements AnswerOwner, Expiring, PacedClient {
  /** Bytes that have come so far. */
  received = 0;
  readonly #client: ConnectionClient;
  readonly #service: Service;
  readonly #owner: SessionOwner;
  readonly #connection: Connection<Session>;
  readonly #answer: Answer;
  readonly #deadline = new Deadline(this);
  #state: number = STATE.idle;
  #buffer: RequestBuffer | null = null;
  #exchange: Exchange | null = null;
  /** Null when the request has none. */
  #body: RequestBody | null = null;
  /** Bytes of later requests, which wait for their turn. */
  #stash: Uint8Array | null = null;
  #isReading = false;
  #isSilent = true;
  #isFirst = true;
  /** The client has sent FIN: what it asked for is still answered. */
  #isHalfClosed = false;
  #lingered = 0;
  /** What was `taken` when the client was last waited for: when it fell behind, or when the deadline passed. */
  #takenThen = 0;
  /** Something of ours holds the body of the request back. */
  #isHeldBack = false;
  /** Null when nothing is expected before a request. */
  readonly #prelude: Prelude | null;
  /** Null as long as nobody had to wait for the client. */
  #pace: Pace | null = null;

  constructor(service: Service, owner: SessionOwner, front: Front, connection: Connection<Session>) {
    this.#service = service;
    this.#owner = owner;
    this.#connection = connection;
    this.#answer = new Answer(service, this, connection);
    this.#prelude = service.prelude === null ? null : new Prelude(service.prelude, connection.remote);
    this.#client = new ConnectionClient(front, connection, this.#prelude);
    service.wheel.arm(this.#deadline, service.settings.headersTimeout);
  }

  get bodyHasBegun(): boolean {
    return this.#body?.hasBegun ?? false;
  }

  /** The request has been read whole, and both sides want to go on. */
  get mayPersist(): boolean {
    if (this.#state !== STATE.busy || !this.#isReadWhole || this.#owner.isDraining) return false;
    if (this.#isHalfClosed && this.#stash === null) return false;
    const { minor, wantsClose, wantsKeepAlive, isRaw } = this.#buffer!.head;
    if (isRaw) return false;
    return this.#service.settings.keepalive > 0 && !wantsClose && (minor === 1 || wantsKeepAlive);
  }

  // Events of the connection

  data(bytes: Uint8Array): void {
    this.#isSilent = false;
    this.received += bytes.length;
    this.#read(bytes);
  }

  drained(): void {
    this.#answer.drained();
    this.#pace?.caughtUp();
    if (this.#state === STATE.busy) this.#exchange!.downstreamDrained();
    else if (this.#state === STATE.idle) {
      // Only now it has its answer: from here on it is idle.
      this.#service.wheel.arm(this.#deadline, this.#service.settings.keepalive);
      this.#readStash();
    }
  }

  /** The client's FIN: the end of an idle connection and of an unfinished request; behind a complete one only half of the end. */
  ended(): void {
    switch (this.#state) {
      case STATE.busy:
        this.#isHalfClosed = true;
        if (this.#answer.isTunnel) {
          this.#exchange!.requestEnd();
          return this.#exchange!.isDone ? this.#finish() : undefined;
        }
        if (this.#isReadWhole) return;
        this.#exchange!.clientGone();
        return this.#close();
      case STATE.head:
        this.#service.log.event('info', 'client-left', 'the client left in the middle of a head', { client: formatPeer(this.#client.remote) });
        return this.#close();
      case STATE.idle:
        return this.#finish();
      case STATE.lingering:
        // What it still reads is not taken from it; behind that the connection closes by itself, both sides having ended.
        return this.#connection.queued === 0 ? this.#close() : undefined;
    }
  }

  closed(): void {
    try {
      if (this.#state === STATE.busy) this.#exchange!.clientGone();
    } finally {
      // Nothing comes behind this event: a session that stayed would count for ever.
      this.#state = STATE.closed;
      this.#release();
      this.#answer.discard();
      this.#service.wheel.remove(this.#deadline);
      this.#pace?.stop();
      this.#owner.sessionClosed(this, this.#isSilent);
    }
  }

  expired(): void {
    if (this.#state === STATE.head) this.#refuse(FAILURES.headTimeout);
    else if (this.#isStillReading()) this.#service.wheel.arm(this.#deadline, this.#service.settings.timeout);
    else if (this.#state === STATE.busy) this.#exchange!.expired();
    else if (this.#state === STATE.idle) this.#finish();
    else this.#close();
  }

  /** A handler threw: this connection ends, with an answer if it can still get one; the others never know. */
  crashed(): void {
    this.#service.out.length = 0;
    this.#isReading = false;
    if (this.#state === STATE.busy) this.#exchange!.abort();
    if (this.#state > STATE.busy || this.#answer.hasBegun) return this.#close();
    this.#state = STATE.head;
    this.#answer.fail(FAILURES.internal);
    this.#answer.flush();
  }

  // From the router

  /** Finishes what is in flight; an idle connection closes at once. */
  drain(): void {
    if (this.#state === STATE.idle) this.#finish();
  }

  /** Ends at once, whatever is in flight. */
  destroy(): void {
    if (this.#state === STATE.busy) this.#exchange!.abort();
    this.#close();
  }

  /** Answers a connection that cannot be served, before anything was read from it. */
  turnAway(failure: Refusal): void {
    this.#refuse(failure);
  }

  // From the answer

  /** What comes next depends on how much of the request is still unread. */
  answered(persists: boolean): void {
    const isComplete = this.#state === STATE.busy && this.#isReadWhole && !this.#buffer!.head.isRaw;
    this.#release();
    if (!persists) return isComplete && this.#stash === null ? this.#finish() : this.#startLingering();
    this.#state = STATE.idle;
    this.#answer.begin(null);
    this.#prelude?.reopen();
    if (this.#owner.isDraining) return this.#finish();
    this.#service.wheel.arm(this.#deadline, this.#service.settings.keepalive);
    if (!this.#isReading && !this.#answer.isBlocked) this.#readStash();
  }

  /** The closed connection tells the client. */
  cutOff(): void {
    this.#close();
  }

  /** What came behind the request is the tunnel's, and so is the client's FIN. */
  tunnelOpened(): void {
    const exchange = this.#exchange!;
    const stash = this.#stash;
    this.#stash = null;
    if (stash === null || exchange.requestBody(stash, 0, stash.length)) this.#connection.resume();
    if (this.#isHalfClosed) exchange.requestEnd();
  }

  tunnelEnded(): void {
    if (!this.#exchange!.isDone) return this.#connection.end();
    this.#release();
    if (this.#isHalfClosed) this.#finish();
    else this.#startLingering();
  }

  pauseRequest(): void {
    this.#isHeldBack = true;
    this.#pace?.heldBack();
    this.#connection.pause();
  }

  resumeRequest(): void {
    this.#isHeldBack = false;
    if (this.#stash === null) this.#connection.resume();
    if (this.isOwing) this.#watchPace();
  }

  fellBehind(): void {
    this.#takenThen = this.taken;
    this.#watchPace();
  }

  // From the pace

  get taken(): number {
    return this.#answer.written - this.#connection.queued;
  }

  get isOwing(): boolean {
    return this.#state === STATE.busy && !this.#isReadWhole && !this.#isHeldBack;
  }

  get isBehind(): boolean {
    return this.#state !== STATE.closed && this.#connection.queued > 0 && !this.#answer.isOpenEnded;
  }

  sentTooSlowly(): void {
    this.#exchange!.failed(FAILURES.bodyTooSlow);
  }

  readTooSlowly(): void {
    const { log } = this.#service;
    log.event('info', 'client-too-slow', 'the client read its answer more slowly than http-min-rate', { client: formatPeer(this.#client.remote) });
    this.#close();
  }

  #watchPace(): void {
    const { settings, wheel } = this.#service;
    if (settings.minRate === 0) return;
    this.#pace ??= new Pace(this, wheel, settings.minRate);
    this.#pace.start();
  }

  /**
   * All there is to wait for is the client, and it has taken something since it was waited for: slow as it is (see `Pace`), it reads.
   * As long as an answer is not blocked it is the backend that is waited for.
   */
  #isStillReading(): boolean {
    if (this.#state === STATE.busy ? !this.#answer.isBlocked : this.#connection.queued === 0) return false;
    const { taken } = this;
    const isStillReading = taken !== this.#takenThen;
    this.#takenThen = taken;
    return isStillReading;
  }

  // Reading requests

  get #isReadWhole(): boolean {
    return this.#body === null || this.#body.isComplete;
  }

  /** Reads as many requests as the bytes hold and can be answered at once; the rest waits. */
  #read(bytes: Uint8Array): void {
    this.#isReading = true;
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#answer.isBlocked && this.#state <= STATE.head) {
        // Answers wait for the kernel already: the next request waits for them.
        this.#keep(rest);
        break;
      }
      if (this.#state === STATE.busy) rest = this.#readBusy(rest);
      else if (this.#state <= STATE.head) rest = this.#readHead(rest);
      else {
        if (this.#state === STATE.lingering) this.#linger(rest.length);
        break;
      }
    }
    this.#isReading = false;
    this.#answer.flush();
  }

  #readHead(bytes: Uint8Array): Uint8Array {
    this.#client.forget();
    if (this.#prelude === null) return this.#parseHead(bytes);
    const rest = this.#prelude.read(bytes);
    if (rest !== null) return rest.length === 0 ? rest : this.#parseHead(rest);
    if (this.#prelude.refusal !== null) this.#refuse(this.#prelude.refusal, this.#prelude.rule);
    else this.#waitForHead();
    return NONE;
  }

  #parseHead(bytes: Uint8Array): Uint8Array {
    const { requestBuffers, settings } = this.#service;
    this.#buffer ??= requestBuffers.take();
    const buffer = this.#buffer;
    const { head } = buffer;
    const before = buffer.length;
    // Usually a head comes whole: it is read where it lies, and only its own bytes are kept.
    const isFresh = before === 0;
    const taken = isFresh ? 0 : buffer.append(bytes);
    const { manageExpect } = settings;
    const state = isFresh ? head.parse(bytes, bytes.length, manageExpect, settings) : head.parse(buffer.bytes, buffer.length, manageExpect, settings);
    if (state === PARSE.complete) {
      const used = head.end - before;
      const isAll = used === bytes.length;
      // A view of fresh bytes costs the runtime more than their copy: where nothing follows the head, none is made.
      if (isFresh) buffer.append(isAll ? bytes : bytes.subarray(0, used));
      head.bytes = buffer.bytes;
      const rest = isAll ? NONE : bytes.subarray(used);
      this.#startRequest(rest.length > 0);
      return rest;
    }
    if (state === PARSE.refused) {
      this.#refuse(head.refusal!);
      return NONE;
    }
    this.#waitForHead();
    return bytes.subarray(isFresh ? buffer.append(bytes) : taken);
  }

  #waitForHead(): void {
    if (this.#state !== STATE.idle) return;
    this.#state = STATE.head;
    // The first head has had its deadline since the connection was made. An absolute one: dripping does not move it.
    if (!this.#isFirst) this.#service.wheel.arm(this.#deadline, this.#service.settings.headersTimeout);
  }

  #startRequest(hasMore: boolean): void {
    const { settings, needsLength, trustedProxies } = this.#service;
    const { head } = this.#buffer!;
    this.#isFirst = false;
    this.#isHeldBack = false;
    if (trustedProxies !== null) this.#client.believe(head, trustedProxies);
    // What only redirects passes nothing on, raw or not.
    const { redirect } = this.#client.front;
    head.isRaw = redirect === null && isRaw(head, settings);
    if (head.contentLength > settings.maxBody) return this.#refuse(FAILURES.bodyTooLarge);
    if (head.expectsContinue && head.contentLength > settings.expectMaxBody) return this.#refuse(FAILURES.expectTooLarge);
    this.#state = STATE.busy;
    if (head.hasBody && !head.isRaw) {
      this.#body = new RequestBody(head, settings.chunkedInput && needsLength, settings.maxBody);
      this.#body.hasBegun = hasMore;
    }
    this.#answer.begin(head);
    if (redirect !== null) {
      if (!this.#answer.redirect(redirect)) this.#refuse(REFUSALS.badHost);
      return;
    }
    const exchange = new Exchange(this.#service, this.#answer, head, this.#client, this.#deadline);
    this.#exchange = exchange;
    exchange.start();
    if (!head.hasBody && !head.isRaw && !exchange.isDone) exchange.requestEnd();
  }

  #readBusy(bytes: Uint8Array): Uint8Array {
    if (this.#answer.isTunnel) {
      if (!this.#exchange!.requestBody(bytes, 0, bytes.length)) this.#connection.pause();
      return NONE;
    }
    if (!this.#isReadWhole) return this.#readBody(bytes, this.#body!, this.#exchange!);
    // A later request: kept, and the client held back until its turn.
    this.#keep(bytes);
    return NONE;
  }

  /** Bytes of later requests, and the client held back. */
  #keep(bytes: Uint8Array): void {
    this.#stash = this.#stash === null ? bytes.slice() : concat(this.#stash, bytes);
    this.#connection.pause();
  }

  #readBody(bytes: Uint8Array, body: RequestBody, exchange: Exchange): Uint8Array {
    const taken = body.read(bytes, exchange);
    if (exchange.isDone) return NONE;
    if (body.refusal !== null || body.isTooLarge) {
      exchange.abort();
      if (this.#answer.hasBegun) this.#close();
      else this.#refuse(body.refusal ?? FAILURES.bodyTooLarge);
      return NONE;
    }
    if (body.isComplete) {
      this.#pace?.heldBack();
      exchange.requestEnd();
    } else if (body.mustPause) this.pauseRequest();
    else this.#watchPace();
    return bytes.subarray(taken);
  }

  /** Goes on with the requests that waited for the last answer. */
  #readStash(): void {
    const stash = this.#stash;
    if (stash === null) return;
    this.#stash = null;
    this.#connection.resume();
    // Before anything of the next request can throw.
    this.#answer.flush();
    try {
      this.#read(stash);
    } catch (error) {
      // This runs in an event of the last request's backend, which is not to blame.
      this.#service.failed(error);
      this.crashed();
    }
    // The FIN came while they waited.
    if (this.#isHalfClosed) this.ended();
  }

  // Ending

  /** Answers what breaks the rules; nothing that follows it on this connection can be trusted. */
  #refuse(refusal: Refusal, rule = refusal.rule): void {
    const { log } = this.#service;
    log.event(levelOf(refusal), refusal.code, rule, { status: refusal.status, client: formatPeer(this.#client.remote) });
    if (this.#state !== STATE.busy) this.#answer.begin(this.#buffer?.head.isRtsp ? this.#buffer.head : null);
    this.#state = STATE.head;
    this.#answer.fail(refusal);
    this.#answer.flush();
  }

  /** All is read and written: the connection closes once the kernel has taken the answer. */
  #finish(): void {
    this.#answer.flush();
    this.#state = STATE.closing;
    this.#service.wheel.arm(this.#deadline, this.#service.settings.timeout);
    this.#connection.close();
  }

  /** Lingering close (RFC 9112 9.6): closing over unread bytes would reset the connection under the answer. */
  #startLingering(): void {
    this.#answer.flush();
    this.#state = STATE.lingering;
    this.#stash = null;
    this.#connection.end();
    this.#connection.resume();
    this.#service.wheel.arm(this.#deadline, this.#connection.queued === 0 ? LINGER_MS : this.#service.settings.timeout);
  }

  #linger(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered > LINGER_BYTES) this.#close();
  }

  #close(): void {
    if (this.#state === STATE.closed) return;
    if (this.#state === STATE.busy) this.#exchange?.abort();
    this.#state = STATE.closed;
    this.#connection.destroy();
  }

  #release(): void {
    this.#exchange = null;
    this.#body = null;
    if (this.#buffer === null) return;
    this.#service.requestBuffers.give(this.#buffer);
    this.#buffer = null;
  }
}

/** Chunks are raw with `http-raw-body`, as in uWSGI; a length is kept. */
function isRaw(head: RequestHead, { rawBody, manageSource }: ServiceSettings): boolean {
  return head.isRtsp || (rawBody && head.contentLength === -1) || (manageSource && head.isSource);
}
