import { LOST_PEER, type PeerAddress, UNIX_PEER } from '../../net/address.ts';
import { connectFailure } from '../connect-failure.ts';
import { handlerFailed } from '../handler-failure.ts';
import type { Due } from '../seam/event-loop.ts';
import type { Connection, ConnectionHandlers } from '../seam/sockets.ts';
import { SendQueue } from '../send-queue.ts';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, errorName, isPassing } from './kernel.ts';
import type { Patient, Pollable, Poller } from './poller.ts';
import { decodeAddress } from './sockaddr.ts';

/** Reads in one event; then the other connections have their turn. */
const READS_A_TURN = 16;
/** The peer is done, or the connection is. */
const ENDING = EPOLLHUP | EPOLLERR | EPOLLRDHUP;
/** Nothing more can come or go. */
const DEAD = EPOLLHUP | EPOLLERR;
const READING = EPOLLIN | EPOLLRDHUP;

/** What is to be told later than the call that caused it. */
const NOTHING = 0;
const OPEN = 1;
const FAILURE = 2;
const CLOSE = 3;

/** A connection on a descriptor of our own. */
export class EpollConnection<Owner> implements Connection<Owner>, Pollable, Due, Patient {
  owner: Owner;
  readonly id: number;
  readonly remote: PeerAddress;
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #poller: Poller;
  /** -1 when there is none, or none any more. */
  #fd: number;
  #isOpen = false;
  #queue: SendQueue | null = null;
  #local: PeerAddress | null = null;
  /** What the kernel was asked to tell; -1 when it knows nothing of us. */
  #watched = -1;
  #paused = false;
  #expectsMore = true;
  #endTold = false;
  #hangupTold = false;
  /** By the poller's clock. */
  #heardAt: number;
  #ended = false;
  /** Gone once the queue is with the kernel. */
  #closing = false;
  #destroyed = false;
  #drainDue = false;
  #due = NOTHING;
  #error: number | string | null = null;

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, poller: Poller, fd: number, remote: PeerAddress) {
    this.owner = owner;
    this.id = poller.nextId();
    this.#handlers = handlers;
    this.#poller = poller;
    this.#fd = fd;
    this.remote = remote;
    this.#heardAt = poller.clock;
  }

  get tls(): null {
    return null;
  }

  get queued(): number {
    return this.#queue === null ? 0 : this.#queue.size;
  }

  get silence(): number {
    return this.#poller.clock - this.#heardAt;
  }

  get local(): PeerAddress {
    if (this.#local === null) {
      if (this.remote === UNIX_PEER) this.#local = UNIX_PEER;
      else if (this.#fd === -1 || this.#poller.kernel.localAddress(this.#fd, this.#poller.address) !== 0) return LOST_PEER;
      else this.#local = decodeAddress(this.#poller.address);
    }
    return this.#local;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    return this.#write(bytes, start, end, false);
  }

  #write(bytes: Uint8Array, start: number, end: number, hasMore: boolean): boolean {
    if (this.#ended || this.#destroyed) return true;
    let taken = 0;
    if (this.#queue === null && this.#isOpen) {
      taken = this.#send(bytes, start, end - start, hasMore);
      // Less than nothing: the connection is broken, and `close` is on its way.
      if (taken === end - start || taken < 0) return true;
    }
    this.#queue ??= new SendQueue();
    this.#queue.push(bytes, start + taken, end);
    this.#drainDue = true;
    if (this.#isOpen) this.#watch();
    return false;
  }

  end(): void {
    if (this.#ended || this.#destroyed) return;
    this.#ended = true;
    if (this.#queue === null && this.#isOpen) this.#shutdown();
  }

  close(last?: Uint8Array, start = 0, end = last?.length ?? 0): void {
    // FIN goes out with the last bytes. By `shutdown`, because over bytes that nobody has read `close` would send RST in place of both.
    if (end > start && this.#write(last!, start, end, true) && !this.#ended && this.remote !== UNIX_PEER) this.#poller.kernel.shutdown(this.#fd);
    if (this.#queue === null) return this.destroy();
    this.#ended = true;
    this.#closing = true;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#error = null;
    this.#release();
    if (this.#isOpen) this.#soon(CLOSE);
  }

  reset(): void {
    if (!this.#destroyed && this.#isOpen && this.remote !== UNIX_PEER) this.#poller.kernel.setLinger(this.#fd, 0);
    this.destroy();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#isOpen && !this.#destroyed) this.#watch();
  }

  expectNoMore(): void {
    this.#expectsMore = false;
  }

  /**
   * Accepted: the owner hears of it at once, and of what has come by now. That is most often all the peer has to say, and when it
   * has its answer in a moment the kernel need never be asked to tell of it. False when that refused: the connection is lost.
   */
  accepted(): boolean {
    this.#isOpen = true;
    this.#tellOpen();
    if (!this.#destroyed && !this.#paused) this.#read(false);
    this.#poller.settle();
    if (this.#destroyed) return true;
    if (this.#expectsMore || this.#watched !== -1) return this.#watch();
    this.#poller.watchLater(this);
    return true;
  }

  watchNow(): void {
    if (!this.#destroyed && this.#watched === -1) this.#watch();
  }

  /** Connected by the call itself. */
  connected(): void {
    this.#soon(OPEN);
  }

  /** The kernel is connecting; it tells when it has. */
  connecting(): void {
    if (this.#poller.watch(this.#fd, this, EPOLLOUT)) this.#watched = EPOLLOUT;
    else this.failed(errorName(this.#poller.kernel.errno()));
  }

  /** No connection could be made, for a reason such as `ECONNREFUSED`. */
  failed(code: string): void {
    this.#error = code;
    this.#release();
    this.#soon(FAILURE);
  }

  ready(events: number): void {
    if (!this.#isOpen) {
      const error = this.#poller.kernel.takeError(this.#fd);
      if (error === 0) this.#opened();
      else this.failed(errorName(error));
      return;
    }
    if ((events & (EPOLLIN | ENDING)) !== 0) {
      if (!this.#paused && !this.#endTold) this.#read((events & ENDING) !== 0);
      // The kernel would tell of the end again and again. Whoever resumes or writes finds out.
      else if ((events & DEAD) !== 0 && !this.#endTold && !this.#tellsBreak(events)) this.#unwatch();
      else if ((events & EPOLLERR) !== 0) this.#broken(this.#poller.kernel.takeError(this.#fd));
      else if ((events & EPOLLHUP) !== 0) this.#unwatch();
      else {
        if ((events & EPOLLRDHUP) !== 0) this.#tellHangup();
        if (!this.#destroyed) this.#watch();
      }
    }
    if ((events & EPOLLOUT) !== 0 && !this.#destroyed && this.#flush() && this.#drainDue) this.#tellDrain();
  }

  /** The poller: nobody else is on the stack. */
  told(): void {
    const due = this.#due;
    this.#due = NOTHING;
    if (due === OPEN) {
      if (!this.#destroyed) this.#opened();
    } else if (due === FAILURE) {
      if (this.#destroyed) return;
      this.#destroyed = true;
      try {
        this.#handlers.connectFailed(this.owner, connectFailure(String(this.#error)));
      } catch (error) {
        handlerFailed(this, this.#handlers, error);
      }
    } else if (due === CLOSE) {
      this.#destroyed = true;
      try {
        this.#handlers.close(this, this.#error === null ? null : String(this.#error));
      } catch (error) {
        handlerFailed(this, this.#handlers, error);
      }
    }
  }

  #opened(): void {
    if (this.#destroyed) return;
    this.#isOpen = true;
    const flushed = this.#flush();
    this.#tellOpen();
    if (this.#destroyed) return;
    this.#watch();
    if (flushed && this.#drainDue && this.#queue === null) this.#tellDrain();
  }

  #tellOpen(): void {
    try {
      this.#handlers.open(this);
    } catch (error) {
      handlerFailed(this, this.#handlers, error);
    }
  }

  /** @param isEnding the end is behind what there is to read, or there already */
  #read(isEnding: boolean): void {
    const { kernel, buffer } = this.#poller;
    let doubt = 0;
    for (let i = 0; i < READS_A_TURN; i++) {
      const count = kernel.receive(this.#fd, buffer);
      if (count > 0) {
        if (this.#closing) continue;
        this.#heardAt = this.#poller.clock;
        try {
          this.#handlers.data(this, this.#poller.view(count));
        } catch (error) {
          handlerFailed(this, this.#handlers, error);
        }
        if (this.#destroyed || this.#paused || (count < buffer.length && !isEnding)) return;
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
    this.#endTold = true;
    if (!this.#closing) {
      try {
        this.#handlers.end(this);
      } catch (error) {
        handlerFailed(this, this.#handlers, error);
      }
    }
    if (this.#destroyed) return;
    if (this.#ended && this.#queue === null) this.#finish(null);
    else this.#watch();
  }

  /** Who wants to hear of the peer in a pause hears of that too. */
  #tellsBreak(events: number): boolean {
    return (events & EPOLLERR) !== 0 && this.#handlers.hangup !== undefined;
  }

  /** FIN has come in a pause. */
  #tellHangup(): void {
    if (this.#hangupTold || this.#handlers.hangup === undefined) return;
    this.#hangupTold = true;
    try {
      this.#handlers.hangup(this, this.#poller.kernel.unread(this.#fd));
    } catch (error) {
      handlerFailed(this, this.#handlers, error);
    }
  }

  /** Returns how much the kernel took; -1 when the connection is broken. */
  #send(bytes: Uint8Array, start: number, length: number, hasMore: boolean): number {
    const { kernel } = this.#poller;
    const taken = kernel.send(this.#fd, bytes, start, length, hasMore);
    if (taken >= 0) return taken;
    const error = kernel.errno();
    if (isPassing(error)) return 0;
    // As when reading.
    const again = kernel.send(this.#fd, bytes, start, length, hasMore);
    if (again >= 0 || isPassing(kernel.errno())) return Math.max(again, 0);
    this.#queue = null;
    this.#drainDue = false;
    this.#ended = true;
    // What the peer had sent before it went is still to be read, and its end is told behind that.
    if (this.#paused || this.#endTold || this.#closing) this.#broken(error);
    else this.#error = error;
    return -1;
  }

  /** Returns whether everything queued is with the kernel. */
  #flush(): boolean {
    const queue = this.#queue;
    if (queue !== null) {
      for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
        const taken = this.#send(chunk, 0, chunk.length, false);
        if (taken < 0) return false;
        if (taken > 0) queue.taken(taken);
        if (taken < chunk.length) return false;
      }
      this.#queue = null;
      if (this.#watched !== -1) this.#watch();
    }
    if (this.#closing) this.destroy();
    else if (this.#ended && !this.#destroyed) this.#shutdown();
    return true;
  }

  #shutdown(): void {
    this.#poller.kernel.shutdown(this.#fd);
    // Both sides have ended.
    if (this.#endTold) this.#finish(null);
  }

  #tellDrain(): void {
    this.#drainDue = false;
    if (this.#ended || this.#destroyed) return;
    try {
      this.#handlers.drain(this);
    } catch (error) {
      handlerFailed(this, this.#handlers, error);
    }
  }

  #broken(error: number): void {
    this.#finish(this.#error ?? error);
  }

  /** The connection has come to its end without our giving it up. */
  #finish(error: number | string | null): void {
    if (this.#destroyed) return;
    this.#error = typeof error === 'number' ? errorName(error) : error;
    this.#destroyed = true;
    this.#release();
    this.#soon(CLOSE);
  }

  #release(): void {
    this.#queue = null;
    if (this.#fd === -1) return;
    if (this.#watched !== -1) this.#poller.forget(this.#fd, true);
    this.#watched = -1;
    this.#poller.kernel.close(this.#fd);
    this.#fd = -1;
  }

  /** Asks the kernel for what matters now. */
  #watch(): boolean {
    const wanted = this.#wantedOfPeer() | (this.#queue === null ? 0 : EPOLLOUT);
    if (wanted === this.#watched) return true;
    if (this.#watched !== -1) this.#poller.change(this.#fd, this, wanted);
    else if (!this.#poller.watch(this.#fd, this, wanted)) {
      this.#finish(errorName(this.#poller.kernel.errno()));
      return false;
    }
    this.#watched = wanted;
    return true;
  }

  #wantedOfPeer(): number {
    if (this.#endTold) return 0;
    if (!this.#paused) return READING;
    return this.#hangupTold || this.#handlers.hangup === undefined ? 0 : EPOLLRDHUP;
  }

  #unwatch(): void {
    this.#poller.forget(this.#fd, false);
    this.#watched = -1;
  }

  #soon(due: number): void {
    // Of several the last one counts: who is destroyed before it is open hears nothing, who fails or closes hears no more.
    if (this.#due === NOTHING) this.#poller.soon(this);
    this.#due = due;
  }
}
