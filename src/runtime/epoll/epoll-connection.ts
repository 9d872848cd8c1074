import { LOST_PEER, type PeerAddress, UNIX_PEER } from '../../net/peer.ts';
import { connectFailure } from '../connect-failure.ts';
import { LIFE, SENDING } from '../connection-states.ts';
import type { Due } from '../seam/event-loop.ts';
import type { Connection, ConnectionHandlers } from '../seam/sockets.ts';
import { tellClose, tellConnectFailed, tellData, tellDrain, tellEnd, tellHangup, tellOpen } from '../telling.ts';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, errorName, isPassing } from './kernel.ts';
import type { Patient } from './patience.ts';
import type { Poller } from './poller.ts';
import { SendingHalf } from './sending-half.ts';
import { decodeAddress } from './sockaddr.ts';

/** Reads in one event; then the other connections have their turn. */
const READS_A_TURN = 16;
/** The peer is done, or the connection is. */
const ENDING = EPOLLHUP | EPOLLERR | EPOLLRDHUP;
/** Nothing more can come or go. */
const DEAD = EPOLLHUP | EPOLLERR;
const READING = EPOLLIN | EPOLLRDHUP;

/** The peer's side. `hungUp`: its FIN came in a pause, and was told as that. `ended`: its end was told. */
const HEARING = { flows: 0, hungUp: 1, ended: 2 } as const;

/** What is to be told later than the call that caused it. */
const DUE = { nothing: 0, open: 1, failure: 2, close: 3 } as const;

/** A connection on a descriptor of our own. */
export class EpollConnection<Owner> extends SendingHalf implements Connection<Owner>, Due, Patient {
  owner: Owner;
  readonly #handlers: ConnectionHandlers<Owner>;
  #hearing: number = HEARING.flows;
  #isPaused = false;
  #expectsMore = true;
  /** By the poller's clock. */
  #heardAt: number;
  #due: number = DUE.nothing;
  #error: number | string | null = null;
  #local: PeerAddress | null = null;

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, poller: Poller, fd: number, remote: PeerAddress) {
    super(poller, fd, remote);
    this.owner = owner;
    this.#handlers = handlers;
    this.#heardAt = poller.clock;
  }

  get tls(): null {
    return null;
  }

  get silence(): number {
    return this.poller.clock - this.#heardAt;
  }

  get local(): PeerAddress {
    if (this.#local === null) {
      const { kernel, address } = this.poller;
      if (this.remote === UNIX_PEER) this.#local = UNIX_PEER;
      else if (this.fd === -1 || kernel.localAddress(this.fd, address) !== 0) return LOST_PEER;
      else this.#local = decodeAddress(address);
    }
    return this.#local;
  }

  destroy(): void {
    if (this.life === LIFE.gone) return;
    const wasOpen = this.life === LIFE.open;
    this.life = LIFE.gone;
    this.#error = null;
    this.release();
    if (wasOpen) this.#soon(DUE.close);
  }

  reset(): void {
    if (this.life === LIFE.open && this.remote !== UNIX_PEER) this.poller.kernel.setLinger(this.fd, 0);
    this.destroy();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.life === LIFE.open) this.watch();
  }

  expectNoMore(): void {
    this.#expectsMore = false;
  }

  /**
   * Accepted: the owner hears of it at once, and of what has come by now. That is most often all the peer has to say, and when it
   * has its answer in a moment the kernel need never be asked to tell of it. False when that refused: the connection is lost.
   */
  accepted(): boolean {
    this.life = LIFE.open;
    tellOpen(this, this.#handlers);
    if (!this.#isGone && !this.#isPaused) this.#read(false);
    this.poller.settle();
    if (this.#isGone) return true;
    if (this.#expectsMore || this.isWatched) return this.watch();
    this.poller.watchLater(this);
    return true;
  }

  watchNow(): void {
    if (!this.#isGone && !this.isWatched) this.watch();
  }

  /** Connected by the call itself. */
  connected(): void {
    this.#soon(DUE.open);
  }

  /** The kernel is connecting; it tells when it has. */
  connecting(): void {
    if (!this.ask(EPOLLOUT)) this.failed(errorName(this.poller.kernel.errno()));
  }

  /** No connection could be made, for a reason such as `ECONNREFUSED`. */
  failed(code: string): void {
    this.#error = code;
    this.release();
    this.#soon(DUE.failure);
  }

  ready(events: number): void {
    if (this.life === LIFE.connecting) {
      const error = this.poller.kernel.takeError(this.fd);
      if (error === 0) this.#opened();
      else this.failed(errorName(error));
      return;
    }
    if ((events & (EPOLLIN | ENDING)) !== 0) {
      if (!this.#isPaused && this.#hearing !== HEARING.ended) this.#read((events & ENDING) !== 0);
      else this.#unreadable(events);
    }
    if ((events & EPOLLOUT) !== 0 && !this.#isGone && this.flush() && this.isDrainDue) this.#tellDrain();
  }

  /** The peer has said something that is not read now. */
  #unreadable(events: number): void {
    const isDead = (events & DEAD) !== 0;
    const isBroken = (events & EPOLLERR) !== 0;
    if (!isDead) {
      if ((events & EPOLLRDHUP) !== 0) this.#tellHangup();
      if (!this.#isGone) this.watch();
    } else if (isBroken && (this.#hearing === HEARING.ended || this.#handlers.hangup !== undefined)) {
      // Who wants to hear of the peer in a pause hears of that too.
      this.#broken(this.poller.kernel.takeError(this.fd));
    } else {
      // The kernel would tell of the end again and again. Whoever resumes or writes finds out.
      this.unwatch();
    }
  }

  /** The poller: nobody else is on the stack. */
  told(): void {
    const due = this.#due;
    this.#due = DUE.nothing;
    if (due === DUE.open) {
      this.#opened();
    } else if (due === DUE.failure && !this.#isGone) {
      this.life = LIFE.gone;
      tellConnectFailed(this, this.#handlers, connectFailure(String(this.#error)));
    } else if (due === DUE.close) {
      tellClose(this, this.#handlers, this.#error === null ? null : String(this.#error));
    }
  }

  get #isGone(): boolean {
    return this.life === LIFE.gone;
  }

  #opened(): void {
    if (this.#isGone) return;
    this.life = LIFE.open;
    const flushed = this.flush();
    tellOpen(this, this.#handlers);
    if (this.#isGone) return;
    this.watch();
    if (flushed && this.isDrainDue && !this.hasQueue) this.#tellDrain();
  }

  /** @param isEnding the end is behind what there is to read, or there already */
  #read(isEnding: boolean): void {
    const { kernel, buffer } = this.poller;
    let doubt = 0;
    for (let i = 0; i < READS_A_TURN; i++) {
      const count = kernel.receive(this.fd, buffer);
      if (count > 0) {
        if (this.sending === SENDING.closing) continue;
        this.#heardAt = this.poller.clock;
        tellData(this, this.#handlers, this.poller.view(count));
        if (this.#isGone || this.#isPaused || (count < buffer.length && !isEnding)) return;
      } else if (count === 0) {
        // The kernel tells a reset once, and behind that the end.
        return doubt === 0 ? this.#peerEnded() : this.#broken(doubt);
      } else {
        const error = kernel.errno();
        if (isPassing(error)) return;
        if (doubt !== 0) return this.#broken(doubt);
        // It is given up only when it is said again (`Kernel.errno`).
        doubt = error;
      }
    }
    if (doubt !== 0) this.#broken(doubt);
  }

  #peerEnded(): void {
    this.#hearing = HEARING.ended;
    if (this.sending !== SENDING.closing) tellEnd(this, this.#handlers);
    if (this.#isGone) return;
    if (this.sending !== SENDING.flows && !this.hasQueue) this.#finish(null);
    else this.watch();
  }

  /** FIN has come in a pause. */
  #tellHangup(): void {
    if (this.#hearing !== HEARING.flows || this.#handlers.hangup === undefined) return;
    this.#hearing = HEARING.hungUp;
    tellHangup(this, this.#handlers, this.poller.kernel.unread(this.fd));
  }

  #tellDrain(): void {
    this.isDrainDue = false;
    if (this.sending === SENDING.flows && !this.#isGone) tellDrain(this, this.#handlers);
  }

  protected override sendFailed(error: number): void {
    // What the peer had sent before it went is still to be read, and its end is told behind that.
    if (this.#isPaused || this.#hearing === HEARING.ended || this.sending === SENDING.closing) this.#broken(error);
    else this.#error = error;
  }

  protected override sentEnd(): void {
    // Both sides have ended.
    if (this.#hearing === HEARING.ended) this.#finish(null);
  }

  #broken(error: number): void {
    this.#finish(this.#error ?? error);
  }

  /** The connection has come to its end without our giving it up. */
  #finish(error: number | string | null): void {
    if (this.#isGone) return;
    this.#error = typeof error === 'number' ? errorName(error) : error;
    this.life = LIFE.gone;
    this.release();
    this.#soon(DUE.close);
  }

  protected override watch(): boolean {
    if (this.ask(this.#wantedOfPeer() | (this.hasQueue ? EPOLLOUT : 0))) return true;
    this.#finish(errorName(this.poller.kernel.errno()));
    return false;
  }

  #wantedOfPeer(): number {
    if (this.#hearing === HEARING.ended) return 0;
    if (!this.#isPaused) return READING;
    return this.#hearing === HEARING.hungUp || this.#handlers.hangup === undefined ? 0 : EPOLLRDHUP;
  }

  #soon(due: number): void {
    // Of several the last one counts: who is destroyed before it is open hears nothing, who fails or closes hears no more.
    if (this.#due === DUE.nothing) this.poller.soon(this);
    this.#due = due;
  }
}
