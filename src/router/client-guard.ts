import type { TimerWheel } from '../time/timer-wheel.ts';
import { type HalfClosedClient, HalfCloseGuard } from './half-close.ts';
import { Pace, type PacedClient } from './pace.ts';
import type { ServiceSettings } from './service.ts';

/** By what a client is waited for. */
interface Patience {
  readonly wheel: TimerWheel;
  readonly settings: Pick<ServiceSettings, 'minRate' | 'halfCloseTimeout'>;
}

/** The session as far as it concerns the guard over its client. */
export interface GuardedSession {
  /** Bytes that have come so far. */
  readonly received: number;
  /** The rest of a request's body is still to come. */
  readonly isUploading: boolean;
  readonly isClosed: boolean;
  sentTooSlowly(): void;
  readTooSlowly(): void;
  /** It has ended its half, and nothing has moved for `http-half-close-timeout`. */
  halfClosedTooLong(): void;
  crashed(): void;
}

/** What has been written to the client, and what of it has not been taken. */
interface Written {
  /** The answer's. */
  readonly written: number;
  readonly isOpenEnded: boolean;
}

/**
 * What a client moves while it is waited for: what it owes of a body, and what it has not taken of its answer. A pace runs only
 * while there is something to wait for (`http-min-rate`).
 */
export class ClientGuard implements PacedClient, HalfClosedClient {
  readonly #session: GuardedSession;
  readonly #answer: Written;
  readonly #connection: { readonly queued: number };
  /** What was `taken` when the client was last waited for: when it fell behind, or when the deadline passed. */
  #takenThen = 0;
  /** Something of ours holds the body of the request back. */
  #isHeldBack = false;
  /** Null as long as nobody had to wait for the client. */
  #pace: Pace | null = null;
  /** Null as long as it has ended no half. */
  #halfClose: HalfCloseGuard | null = null;

  constructor(session: GuardedSession, answer: Written, connection: { readonly queued: number }) {
    this.#session = session;
    this.#answer = answer;
    this.#connection = connection;
  }

  /** Another request has come. */
  begin(): void {
    this.#isHeldBack = false;
  }

  /** We hold its body back. */
  heldBack(): void {
    this.#isHeldBack = true;
    this.#pace?.heldBack();
  }

  /** Its body flows again. */
  letGo(patience: Patience): void {
    this.#isHeldBack = false;
    if (this.isOwing) this.waits(patience);
  }

  /** The body has come whole. */
  sentAll(): void {
    this.#pace?.heldBack();
  }

  /** It reads more slowly than it is written to. */
  fellBehind(patience: Patience): void {
    this.#takenThen = this.taken;
    this.waits(patience);
  }

  /** It has taken all. */
  caughtUp(): void {
    this.#pace?.caughtUp();
  }

  /** From now on it is waited for, if it was not already. */
  waits({ settings, wheel }: Patience): void {
    if (settings.minRate === 0) return;
    this.#pace ??= new Pace(this, wheel, settings.minRate);
    this.#pace.start();
  }

  /** It is known that it has ended its half, and it is waited with. */
  get isHalfClosed(): boolean {
    return this.#halfClose !== null;
  }

  halfClosed({ settings, wheel }: Patience): void {
    this.#halfClose ??= new HalfCloseGuard(this, wheel, settings.halfCloseTimeout);
  }

  stop(): void {
    this.#pace?.stop();
    this.#halfClose?.stop();
  }

  /** It has taken something since this was asked last, or since it fell behind: slow as it is (see `Pace`), it reads. */
  hasTaken(): boolean {
    const { taken } = this;
    const has = taken !== this.#takenThen;
    this.#takenThen = taken;
    return has;
  }

  // From the pace

  get received(): number {
    return this.#session.received;
  }

  get taken(): number {
    return this.#answer.written - this.#connection.queued;
  }

  get moved(): number {
    return this.received + this.#answer.written;
  }

  get isOwing(): boolean {
    return this.#session.isUploading && !this.#isHeldBack;
  }

  get isBehind(): boolean {
    return !this.#session.isClosed && this.#connection.queued > 0 && !this.#answer.isOpenEnded;
  }

  get isReading(): boolean {
    return this.#connection.queued > 0;
  }

  halfClosedTooLong(): void {
    this.#session.halfClosedTooLong();
  }

  sentTooSlowly(): void {
    this.#session.sentTooSlowly();
  }

  readTooSlowly(): void {
    this.#session.readTooSlowly();
  }

  crashed(): void {
    this.#session.crashed();
  }
}
