import { AcceptAlarm } from '../accept-alarm.ts';
import type { ConnectionHandlers, ListenOptions } from '../seam.ts';
import { EpollConnection } from './epoll-connection.ts';
import { EAGAIN, EINTR, EPOLLEXCLUSIVE, EPOLLIN, errorName } from './kernel.ts';
import type { Pollable, Poller } from './poller.ts';
import { decodeAddress } from './sockaddr.ts';

/** Connections taken in one event; then those that are open have their turn. */
const ACCEPTS_A_TURN = 64;
/** How long to leave the queue alone when there is no descriptor or memory for another connection, in ms. */
const SHORTAGE_MS = 100;
/** How long a client may stay silent before we hear of it, in s. A second is the least that Linux knows. */
const DEFER_S = 1;
/** Want of descriptors or memory; any other failure is of one connection, which was gone before it was accepted: accept(2). */
const SHORTAGES: readonly string[] = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];
/** The listener itself is not what it should be. */
const BROKEN: readonly string[] = ['EBADF', 'EINVAL', 'ENOTSOCK'];

/** Accepts the connections of a listening descriptor. */
export class EpollListener<Owner> implements Pollable {
  readonly id: number;
  readonly #poller: Poller;
  readonly #fd: number;
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #alarm: AcceptAlarm;
  /** The highest descriptor that a connection may have, so that some are left for files and outgoing connections. */
  readonly #highest: number;
  #isWatching = false;
  #isClosed = false;

  constructor(poller: Poller, fd: number, handlers: ConnectionHandlers<Owner>, highest: number, options: ListenOptions) {
    this.id = poller.nextId();
    this.#poller = poller;
    this.#fd = fd;
    this.#handlers = handlers;
    this.#highest = highest;
    this.#alarm = new AcceptAlarm(options.acceptFailed);
    // Who made it, or shares it, may have left it blocking.
    poller.kernel.setNonBlocking(fd);
    // Connections have it from their listener.
    poller.kernel.setNoDelay(fd);
    poller.kernel.setDeferAccept(fd, options.deferAccept ? DEFER_S : 0);
  }

  /** False when the kernel refuses. */
  start(): boolean {
    if (this.#isClosed) return false;
    this.#isWatching = this.#poller.watch(this.#fd, this, EPOLLIN | EPOLLEXCLUSIVE);
    return this.#isWatching;
  }

  /** Accepts no more. The descriptor stays open. */
  stop(): void {
    this.#isClosed = true;
    this.#pause();
  }

  ready(): void {
    const { kernel, address } = this.#poller;
    for (let i = 0; i < ACCEPTS_A_TURN && !this.#isClosed; i++) {
      const fd = kernel.accept(this.#fd, address);
      if (fd === -1) {
        const error = kernel.errno();
        if (error === EAGAIN || error === EINTR) return;
        const code = errorName(error);
        if (SHORTAGES.includes(code) || BROKEN.includes(code)) return this.#rest(code);
      } else if (fd > this.#highest) {
        kernel.close(fd);
        this.#alarm.failed('EMFILE');
      } else {
        new EpollConnection<Owner>(undefined as Owner, this.#handlers, this.#poller, fd, decodeAddress(address)).accepted();
      }
    }
  }

  #pause(): void {
    if (this.#isWatching) this.#poller.forget(this.#fd, false);
    this.#isWatching = false;
  }

  #rest(code: string): void {
    this.#alarm.failed(code);
    this.#pause();
    setTimeout(() => this.start(), SHORTAGE_MS);
  }
}
