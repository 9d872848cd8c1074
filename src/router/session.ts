import { FAILURES, type Failure } from '../failure/failures.ts';
import { PARSE } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import { Deadline, type Expiring } from '../time/timer-wheel.ts';
import { ConnectedClient } from './client.ts';
import type { ClientSession, SessionOwner } from './client-session.ts';
import { ClientWatch, type WatchedSession } from './client-watch.ts';
import { Closing } from './closing.ts';
import type { Entrance } from './entrance.ts';
import { Exchange } from './exchange.ts';
import { hasLeft } from './half-close.ts';
import type { HeadReader } from './head-reader.ts';
import { type AnswerOwner, Http1Answer } from './http1-answer.ts';
import { httpsRedirect } from './https-redirect.ts';
import type { Peer } from './peer.ts';
import { RequestBody } from './request-body.ts';
import type { Service, ServiceSettings } from './service.ts';
import { Stash } from './stash.ts';
import { Transaction } from './transaction.ts';
import { whoAsks } from './who-asks.ts';

/**
 * The states of a session. `idle`: between requests, or before the first. `head`: part of a head has come. `busy`: an exchange
 * has it. `closing`: the last answer is on its way out. `lingering`: the answer is out and FIN sent; what still comes in is
 * thrown away, so that the client gets to read the answer.
 */
const STATE = { idle: 0, head: 1, busy: 2, closing: 3, lingering: 4, closed: 5 } as const;

const NONE = new Uint8Array(0);

/** One client connection: reads requests off it one after the other and has each answered by an exchange. */
export class Session implements ClientSession, AnswerOwner, Expiring, WatchedSession {
  /** Bytes that have come so far. */
  received = 0;
  readonly #peer: Peer;
  /** The client as the connection tells it. */
  readonly #connected: ConnectedClient;
  readonly #entrance: Entrance;
  /** Of the current request, else of the next one as far as it is known. */
  #service: Service;
  readonly #owner: SessionOwner;
  readonly #connection: Connection<ClientSession>;
  readonly #answer: Http1Answer;
  readonly #deadline = new Deadline(this);
  readonly #transaction = new Transaction();
  /** What the answer had written before the current request. */
  #sentBefore = 0;
  #state: number = STATE.idle;
  readonly #heads: HeadReader;
  #exchange: Exchange | null = null;
  /** Null when the request has none. */
  #body: RequestBody | null = null;
  /** Bytes of later requests, which wait for their turn. */
  readonly #stash = new Stash();
  #isReading = false;
  #isFirst = true;
  /** The client's FIN has been read: what it asked for is still answered. */
  #isHalfClosed = false;
  readonly #watch: ClientWatch;
  readonly #closing: Closing;

  /** @param waited ms that the connection has been open */
  constructor(entrance: Entrance, owner: SessionOwner, connection: Connection<ClientSession>, peer: Peer, heads: HeadReader, waited: number) {
    const { front, service } = entrance;
    this.#entrance = entrance;
    this.#service = service;
    this.#owner = owner;
    this.#connection = connection;
    this.#peer = peer;
    this.#connected = new ConnectedClient(front, peer);
    this.#heads = heads;
    this.#answer = new Http1Answer(service, this, connection, front.kind === 'uwsgi');
    this.#watch = new ClientWatch(this, this.#answer, connection);
    this.#closing = new Closing(connection, this.#answer, this.#deadline);
    service.wheel.arm(this.#deadline, service.settings.headersTimeout - waited);
  }

  get running(): number {
    return this.#exchange === null ? 0 : 1;
  }

  get bodyHasBegun(): boolean {
    return this.#body?.hasBegun ?? false;
  }

  /** The request has been read whole, and both sides want to go on. */
  get mayPersist(): boolean {
    if (this.#state !== STATE.busy || !this.#isReadWhole || this.#owner.isDraining) return false;
    if (this.#isHalfClosed && this.#stash.isEmpty) return false;
    const { head } = this.#heads.buffer!;
    return !head.isRaw && this.#wantBoth(head);
  }

  // Events of the connection

  data(bytes: Uint8Array): void {
    this.received += bytes.length;
    this.#read(bytes);
  }

  drained(): void {
    this.#answer.drained();
    this.#watch.caughtUp();
    if (this.#state === STATE.busy) this.#exchange!.downstreamDrained();
    else if (this.#state === STATE.idle) {
      // Only now it has its answer: from here on it is idle.
      this.#service.wheel.arm(this.#deadline, this.#service.settings.keepalive);
      this.#readStash();
    }
  }

  /** The client's FIN: the end of an idle connection and of an unfinished request; of a complete one `http-half-close` says what it means. */
  ended(): void {
    switch (this.#state) {
      case STATE.busy:
        this.#isHalfClosed = true;
        if (this.#answer.isTunnel) {
          this.#exchange!.requestEnd();
          return this.#exchange!.isDone ? this.#finish() : undefined;
        }
        if (!this.#isReadWhole || (!this.#watch.isHalfClosed && this.#hasLeft)) return this.#giveUp();
        return this.#watch.halfClosed(this.#service);
      case STATE.head:
        this.#transaction.clientLeft('the client left in the middle of a head');
        return this.#close();
      case STATE.idle:
        if (this.#stash.isEmpty || this.#hasLeft) return this.#finish();
        // Answers wait for the kernel, and requests for them.
        this.#isHalfClosed = true;
        return this.#watch.halfClosed(this.#service);
      case STATE.lingering:
        // What it still reads is not taken from it; behind that the connection closes by itself, both sides having ended.
        return this.#connection.queued === 0 ? this.#close() : undefined;
    }
  }

  /** FIN has come while we read nothing, behind `unread` bytes. When the last of these came is not known. */
  hungUp(unread: number): void {
    if (this.#answer.isTunnel || (this.#state !== STATE.busy && this.#stash.isEmpty)) return;
    const hasLeft = this.#isReadWhole ? this.#hasLeft : this.#entrance.front.isPrivate || !this.#body!.canEndWithin(unread);
    if (!hasLeft) this.#watch.halfClosed(this.#service);
    else if (this.#state === STATE.busy) this.#giveUp();
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
      this.#watch.stop();
      this.#owner.sessionClosed(this);
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
    if (!this.#transaction.isOpen) this.#transaction.begin(this.#service, this.#connected);
    this.#transaction.note(FAILURES.internal);
    if (this.#state === STATE.busy) this.#exchange!.abort();
    if (this.#state > STATE.busy || this.#answer.hasBegun) return this.#close();
    this.#state = STATE.head;
    this.#answer.fail(FAILURES.internal);
    this.#answer.flush();
  }

  // From the router

  renew(before: ReadonlySet<Service>): number {
    if (this.#exchange !== null) return before.has(this.#service) ? 1 : 0;
    this.#takeService();
    return 0;
  }

  /** Finishes what is in flight; an idle connection closes at once. */
  drain(): void {
    if (this.#state === STATE.idle) this.#finish();
  }

  /** Ends at once, whatever is in flight. */
  destroy(): void {
    if (this.#state === STATE.busy) this.#exchange!.abort();
    this.#close();
  }

  turnAway(failure: Failure, rule?: string): void {
    this.#refuse(failure, rule);
  }

  // From the answer

  /** What comes next depends on how much of the request is still unread. */
  answered(persists: boolean): void {
    const isComplete = this.#state === STATE.busy && this.#isReadWhole && !this.#heads.buffer!.head.isRaw;
    this.#release();
    if (!persists) return isComplete && this.#stash.isEmpty ? this.#finish() : this.#startLingering();
    this.#state = STATE.idle;
    this.#answer.begin(null);
    this.#heads.reopen();
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
    const stash = this.#stash.take();
    this.#stash.read();
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
    this.#watch.heldBack();
    this.#connection.pause();
  }

  resumeRequest(): void {
    this.#watch.letGo(this.#service);
    if (this.#stash.isEmpty) this.#connection.resume();
  }

  fellBehind(): void {
    this.#watch.fellBehind(this.#service);
  }

  // From the watch

  get isUploading(): boolean {
    return this.#state === STATE.busy && !this.#isReadWhole;
  }

  get isClosed(): boolean {
    return this.#state === STATE.closed;
  }

  halfClosedTooLong(): void {
    if (this.#state === STATE.busy && !this.#answer.isTunnel) this.#giveUp();
  }

  sentTooSlowly(): void {
    this.#exchange!.failed(FAILURES.bodyTooSlow);
  }

  readTooSlowly(): void {
    this.#transaction.failed(FAILURES.clientTooSlow);
    this.#close();
  }

  /**
   * All there is to wait for is the client, and it has taken something since it was waited for.
   * As long as an answer is not blocked it is the backend that is waited for.
   */
  #isStillReading(): boolean {
    if (this.#state === STATE.busy ? !this.#answer.isBlocked : this.#connection.queued === 0) return false;
    return this.#watch.hasTaken();
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
        if (this.#state === STATE.lingering && !this.#closing.mayLinger(rest.length)) this.#close();
        break;
      }
    }
    this.#isReading = false;
    this.#answer.flush();
  }

  #readHead(bytes: Uint8Array): Uint8Array {
    const heads = this.#heads;
    const transaction = this.#transaction;
    if (!transaction.isOpen) transaction.begin(this.#service, this.#connected);
    const rest = heads.read(bytes, this.#service);
    transaction.receivedHead += bytes.length - rest.length;
    transaction.request = heads.buffer?.head ?? null;
    if (heads.state === PARSE.complete) this.#startRequest(rest.length > 0);
    else if (heads.state === PARSE.incomplete) this.#waitForHead();
    else if (heads.lastWords === null) this.#refuse(heads.refusal!, heads.rule);
    else this.#leave(heads.lastWords);
    return rest;
  }

  #waitForHead(): void {
    if (this.#state !== STATE.idle) return;
    this.#state = STATE.head;
    // The first head has had its deadline since the connection was made. An absolute one: dripping does not move it.
    if (!this.#isFirst) this.#service.wheel.arm(this.#deadline, this.#service.settings.headersTimeout);
  }

  #startRequest(hasMore: boolean): void {
    const { settings, needsLength, trustedProxies } = this.#service;
    const { head } = this.#heads.buffer!;
    this.#isFirst = false;
    this.#transaction.headRead();
    this.#watch.begin();
    this.#owner.requests++;
    const client = whoAsks(head, this.#peer, this.#connected, trustedProxies);
    this.#transaction.client = client;
    // What only redirects passes nothing on, raw or not.
    const { redirect } = this.#entrance.front;
    head.isRaw = redirect === null && isRaw(head, settings);
    if (head.contentLength > settings.maxBody) return this.#refuse(FAILURES.bodyTooLarge);
    if (head.expectsContinue && head.contentLength > settings.expectMaxBody) return this.#refuse(FAILURES.expectTooLarge);
    this.#state = STATE.busy;
    if (head.hasBody && !head.isRaw) {
      this.#body = new RequestBody(head, settings.chunkedInput && needsLength, settings.maxBody);
      this.#body.hasBegun = hasMore;
    }
    this.#answer.begin(head);
    if (this.#owner.isPaused) return this.#turnDown(FAILURES.paused);
    if (redirect !== null) {
      const answer = httpsRedirect(head, redirect);
      if (answer === null) return this.#refuse(FAILURES.badHost);
      this.#transaction.answered(answer.status);
      return this.#answer.own(answer);
    }
    if (!head.hasBody && !head.isRaw && !this.#wantBoth(head)) this.#connection.expectNoMore();
    const exchange = new Exchange(this.#service, this.#answer, head, client, this.#transaction, this.#deadline);
    this.#exchange = exchange;
    exchange.start();
    if (!head.hasBody && !head.isRaw && !exchange.isDone) exchange.requestEnd();
  }

  /** Both sides want another request behind this one. */
  #wantBoth({ isHttp10, wantsClose, wantsKeepAlive }: RequestHead): boolean {
    return this.#service.settings.keepalive > 0 && !wantsClose && (!isHttp10 || wantsKeepAlive);
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

  /** Bytes of later requests; the client is held back when they are many. */
  #keep(bytes: Uint8Array): void {
    if (!this.#stash.keep(bytes)) this.#connection.pause();
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
      this.#watch.sentAll();
      exchange.requestEnd();
    } else if (body.mustPause) this.pauseRequest();
    else this.#watch.waits(this.#service);
    return bytes.subarray(taken);
  }

  // The client's end

  /** Nobody waits for the answer of a complete request. A router of ours ends no half of a connection: it has given the request up. */
  get #hasLeft(): boolean {
    return this.#entrance.front.isPrivate || hasLeft(this.#service.settings.halfClose, this.#connection.silence);
  }

  #giveUp(): void {
    this.#exchange!.clientGone();
    this.#close();
  }

  /** Goes on with the requests that waited for the last answer. */
  #readStash(): void {
    const stash = this.#stash.take();
    if (stash === null) return;
    this.#connection.resume();
    // Before anything of the next request can throw.
    this.#answer.flush();
    try {
      this.#read(stash);
    } catch (error) {
      // This runs in an event of the last request's backend, which is not to blame.
      this.#service.failed(error);
      this.crashed();
    } finally {
      this.#stash.read();
    }
    // The FIN came while they waited.
    if (this.#isHalfClosed) this.ended();
  }

  // Ending

  /** Answers what breaks the rules; nothing that follows it on this connection can be trusted. */
  #refuse(refusal: Failure, rule = refusal.rule): void {
    if (!this.#transaction.isOpen) this.#transaction.begin(this.#service, this.#connected);
    this.#transaction.failed(refusal, undefined, rule);
    if (this.#state !== STATE.busy) this.#answer.begin(this.#heads.buffer?.head.isRtsp ? this.#heads.buffer.head : null);
    this.#state = STATE.head;
    this.#answer.fail(refusal);
    this.#answer.flush();
  }

  /** Answers a request that nothing is wrong with: the connection stays, if it can. */
  #turnDown(failure: Failure): void {
    this.#transaction.failed(failure);
    this.#answer.fail(failure);
  }

  /** What came is no request, and gets these bytes in place of an answer. */
  #leave(lastWords: Uint8Array): void {
    const { refusal, rule } = this.#heads;
    if (refusal === null) this.#transaction.drop();
    else this.#transaction.failed(refusal, undefined, rule);
    if (lastWords.length > 0) this.#connection.write(lastWords);
    this.#finish();
  }

  #finish(): void {
    this.#state = STATE.closing;
    this.#closing.finish(this.#service);
  }

  #startLingering(): void {
    this.#state = STATE.lingering;
    this.#stash.clear();
    this.#closing.linger(this.#service);
  }

  #close(): void {
    if (this.#state === STATE.closed) return;
    const isBusy = this.#state === STATE.busy;
    if (isBusy) this.#exchange?.abort();
    this.#state = STATE.closed;
    this.#closing.cut(isBusy);
    // Whoever closes may end the process before the connection tells.
    this.#release();
  }

  /** The one end of every request, whatever became of it. */
  #release(): void {
    const { produced, bodyBytes } = this.#answer;
    this.#transaction.end(produced - this.#sentBefore, bodyBytes);
    this.#sentBefore = produced;
    this.#exchange = null;
    this.#body = null;
    this.#heads.release(this.#service);
    const service = this.#service;
    if (service === this.#entrance.service) return;
    // Its compressor may end with the generation.
    this.#answer.discard();
    this.#takeService();
    this.#owner.requestFinished(service);
  }

  /** What comes next begins with the newest generation. */
  #takeService(): void {
    this.#service = this.#entrance.service;
    this.#answer.use(this.#service);
  }
}

/** Chunks are raw with `http-raw-body`, as in uWSGI; a length is kept. */
function isRaw(head: RequestHead, { rawBody, manageSource }: ServiceSettings): boolean {
  return head.isRtsp || (rawBody && head.contentLength === -1) || (manageSource && head.isSource);
}
