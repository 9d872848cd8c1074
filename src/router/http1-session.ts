import { FAILURES, type Failure } from '../failure/failures.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import { Deadline, type Expiring } from '../time/timer-wheel.ts';
import { ClientGuard, type GuardedSession } from './client-guard.ts';
import type { ClientSession, SessionOwner } from './client-session.ts';
import type { ServedFront } from './front.ts';
import { hasLeft } from './half-close.ts';
import type { HeadReader } from './head-reader.ts';
import { type AnswerOwner, Http1Answer } from './http1-answer.ts';
import { Http1Ending } from './http1-ending.ts';
import { DO, type Do, Life, ON_DEADLINE, ON_DRAIN, ON_HALF_CLOSED, ON_LEFT, STATE } from './http1-state.ts';
import type { Peer } from './peer.ts';
import { type ReadingSession, RequestReader } from './request-reader.ts';
import { ServedRequest } from './served-request.ts';
import type { Service } from './service.ts';

/** A client's connection that speaks HTTP/1: its requests are read and answered one after the other. What happens when: `http1-state.ts`. */
export class Http1Session implements ClientSession, ReadingSession, AnswerOwner, Expiring, GuardedSession {
  readonly ending: Http1Ending;
  readonly #life = new Life();
  readonly #owner: SessionOwner;
  readonly #connection: Connection<ClientSession>;
  readonly #isPrivate: boolean;
  readonly #request: ServedRequest;
  readonly #reader: RequestReader;
  readonly #answer: Http1Answer;
  readonly #deadline = new Deadline(this);
  readonly #guard: ClientGuard;
  #isFirst = true;
  /** The client's FIN has been read: what it asked for is still answered. */
  #isHalfClosed = false;

  /** @param waited ms that the connection has been open */
  constructor(served: ServedFront, owner: SessionOwner, connection: Connection<ClientSession>, peer: Peer, heads: HeadReader, waited: number) {
    const { front, service } = served;
    this.#owner = owner;
    this.#connection = connection;
    this.#isPrivate = front.isPrivate;
    this.#request = new ServedRequest(served, owner, peer);
    this.#answer = new Http1Answer(service, this, connection, front.kind === 'uwsgi');
    this.#guard = new ClientGuard(this, this.#answer, connection);
    this.#reader = new RequestReader(this, this.#life, connection, this.#request, this.#answer, this.#guard, heads);
    this.ending = new Http1Ending(this.#life, connection, this.#request, this.#reader, this.#answer, this.#deadline);
    service.wheel.arm(this.#deadline, service.settings.headersTimeout - waited);
  }

  // From the router

  get running(): number {
    return this.#request.exchange === null ? 0 : 1;
  }

  renew(before: ReadonlySet<Service>): number {
    const running = this.#request.renew(before);
    this.#answer.use(this.#service);
    return running;
  }

  drain(): void {
    this.#do(ON_DRAIN[this.#life.state]);
  }

  destroy(): void {
    this.#request.transaction.note(FAILURES.shutDown);
    this.ending.close();
  }

  turnAway(failure: Failure, rule = failure.rule): void {
    this.ending.refuse(failure, rule);
  }

  // Events of the connection

  data(bytes: Uint8Array): void {
    this.#reader.received += bytes.length;
    this.#reader.read(bytes);
  }

  drained(): void {
    this.#answer.drained();
    this.#guard.caughtUp();
    if (this.#life.isAnswering) this.#request.exchange!.downstreamDrained();
    else if (this.#life.state === STATE.idle) {
      // Only now it has its answer: from here on it is idle.
      this.#arm(this.#service.settings.keepalive);
      this.#readKept();
    }
  }

  /** The client's FIN: the end of an idle connection and of an unfinished request; of a complete one `http-half-close` says what it means. */
  ended(): void {
    this.#isHalfClosed = true;
    const { isReadWhole, isEmpty } = this.#reader;
    const nobodyWaits = this.#life.state === STATE.idle ? isEmpty : !isReadWhole;
    const isLeft = nobodyWaits || (this.#hasLeft && !this.#guard.isHalfClosed);
    this.#do(isLeft ? ON_LEFT[this.#life.state] : ON_HALF_CLOSED[this.#life.state]);
  }

  /** When the last of the `unread` bytes came is not known. */
  hungUp(unread: number): void {
    if (this.#life.state === STATE.tunnel || (this.#life.state !== STATE.busy && this.#reader.isEmpty)) return;
    const hasLeft = this.#reader.isReadWhole ? this.#hasLeft : this.#isPrivate || !this.#reader.canEndWithin(unread);
    if (!hasLeft) this.#guard.halfClosed(this.#service);
    else if (this.#life.state === STATE.busy) this.ending.giveUp();
  }

  closed(): void {
    try {
      if (this.#life.isAnswering) this.#request.exchange?.clientGone();
    } finally {
      // Nothing comes behind this event: a session that stayed would count for ever.
      this.#life.state = STATE.closed;
      this.ending.release();
      this.#service.wheel.remove(this.#deadline);
      this.#guard.stop();
      this.#owner.sessionClosed(this);
    }
  }

  expired(): void {
    if (this.#life.state !== STATE.head && this.#isStillReading()) this.#arm(this.#service.settings.timeout);
    else this.#do(ON_DEADLINE[this.#life.state]);
  }

  crashed(): void {
    this.#reader.interrupted();
    this.ending.crash();
  }

  // From the reader

  headBegun(): void {
    if (this.#life.state !== STATE.idle) return;
    this.#life.state = STATE.head;
    // The first head has had its deadline since the connection was made. An absolute one: dripping does not move it.
    if (!this.#isFirst) this.#arm(this.#service.settings.headersTimeout);
  }

  headRead(head: RequestHead, hasMore: boolean): void {
    const { settings, needsLength } = this.#service;
    const admission = this.#request.admit(head);
    const { hasBody, isRaw } = head;
    this.#isFirst = false;
    this.#guard.begin();
    this.#life.state = isRaw ? STATE.tunnel : STATE.busy;
    if (hasBody && !isRaw) this.#reader.expectBody(head, settings.chunkedInput && needsLength, settings.maxBody, hasMore);
    this.#answer.begin(head);
    if (admission.kind !== 'admitted') return this.ending.turnDown(admission);
    const isAll = !hasBody && !isRaw;
    if (isAll && !this.#wantBoth(head)) this.#connection.expectNoMore();
    const exchange = this.#request.open(this.#answer, this.#deadline);
    exchange.start();
    if (isAll && !exchange.isDone) exchange.requestEnd();
  }

  // From the answer

  get bodyHasBegun(): boolean {
    return this.#reader.bodyHasBegun;
  }

  /** The request has been read whole, and both sides want to go on. */
  get mayPersist(): boolean {
    if (this.#life.state !== STATE.busy || !this.#reader.isReadWhole || this.#owner.isDraining) return false;
    return !(this.#isHalfClosed && this.#reader.isEmpty) && this.#wantBoth(this.#reader.head!);
  }

  /** What comes next depends on how much of the request is still unread. */
  answered(persists: boolean): void {
    const isComplete = this.#life.state === STATE.busy && this.#reader.isReadWhole;
    this.ending.release();
    if (!persists) return isComplete && this.#reader.isEmpty ? this.ending.finish() : this.ending.linger();
    this.#life.state = STATE.idle;
    this.#answer.begin(null);
    this.#reader.reopen();
    if (this.#owner.isDraining) return this.ending.finish();
    this.#arm(this.#service.settings.keepalive);
    if (!this.#answer.isBlocked) this.#readKept();
  }

  /** The closed connection tells the client. */
  cutOff(failure: Failure | null): void {
    if (failure !== null) this.#request.transaction.note(failure);
    this.ending.close();
  }

  /** What came behind the request is the tunnel's, and so is the client's FIN. */
  tunnelOpened(): void {
    this.#life.state = STATE.tunnel;
    this.#reader.passOnKept();
    if (this.#isHalfClosed) this.#request.exchange!.requestEnd();
  }

  tunnelEnded(): void {
    if (!this.#request.exchange!.isDone) return this.#connection.end();
    this.ending.release();
    if (this.#isHalfClosed) this.ending.finish();
    else this.ending.linger();
  }

  pauseRequest(): void {
    this.#reader.pause();
  }

  resumeRequest(): void {
    this.#reader.resume();
  }

  fellBehind(): void {
    this.#guard.fellBehind(this.#service);
  }

  // From the guard

  get received(): number {
    return this.#reader.received;
  }

  get isUploading(): boolean {
    return this.#life.state === STATE.busy && !this.#reader.isReadWhole;
  }

  get isClosed(): boolean {
    return this.#life.state === STATE.closed;
  }

  halfClosedTooLong(): void {
    if (this.#life.state === STATE.busy) this.ending.giveUp();
  }

  sentTooSlowly(): void {
    this.#request.exchange!.failed(FAILURES.bodyTooSlow);
  }

  readTooSlowly(): void {
    this.#request.transaction.failed(FAILURES.clientTooSlow);
    this.ending.close();
  }

  // Itself

  get #service(): Service {
    return this.#request.service;
  }

  /** Nobody waits for the answer of a complete request. A router of ours ends no half of a connection: it has given the request up. */
  get #hasLeft(): boolean {
    return this.#isPrivate || hasLeft(this.#service.settings.halfClose, this.#connection.silence);
  }

  /**
   * All there is to wait for is the client, and it has taken something since it was waited for.
   * As long as an answer is not blocked it is the backend that is waited for.
   */
  #isStillReading(): boolean {
    if (this.#life.isAnswering ? !this.#answer.isBlocked : this.#connection.queued === 0) return false;
    return this.#guard.hasTaken();
  }

  /** Both sides want another request behind this one. */
  #wantBoth({ isHttp10, wantsClose, wantsKeepAlive }: RequestHead): boolean {
    return this.#service.settings.keepalive > 0 && !wantsClose && (!isHttp10 || wantsKeepAlive);
  }

  #arm(ms: number): void {
    this.#service.wheel.arm(this.#deadline, ms);
  }

  #do(what: Do): void {
    const { ending } = this;
    switch (what) {
      case DO.finish:
        return ending.finish();
      case DO.breakOff:
        return ending.breakOff();
      case DO.giveUp:
        return ending.giveUp();
      case DO.waitOn:
        return this.#guard.halfClosed(this.#service);
      case DO.endHalf:
        this.#request.exchange!.requestEnd();
        return this.#request.exchange!.isDone ? ending.finish() : undefined;
      case DO.closeBehind:
        return ending.closeBehind();
      case DO.refuse:
        return ending.refuse(FAILURES.headTimeout);
      case DO.expire:
        return this.#request.exchange!.expired();
      case DO.close:
        return ending.close();
    }
  }

  /** The FIN may have come while requests waited. */
  #readKept(): void {
    if (this.#reader.readKept() && this.#isHalfClosed) this.ended();
  }
}
