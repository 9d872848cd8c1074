import { AcceptAlarm } from '../accept-alarm.ts';
import type { ConnectionHandlers, ListenOptions } from '../seam/sockets.ts';
import { Descriptor } from './descriptor.ts';
import { EpollConnection } from './epoll-connection.ts';
import { EPOLLEXCLUSIVE, EPOLLIN, errorName, isPassing } from './kernel.ts';
import type { Poller } from './poller.ts';
import { decodeAddress } from './sockaddr.ts';

/** Connections taken in one event; then those that are open have their turn. */
const ACCEPTS_A_TURN = 64;
/** How often to look for a descriptor or memory for another connection while there is none, in ms. */
const SHORTAGE_MS = 20;
/** How long a client may stay silent before we hear of it, in s. A second is the least that Linux knows. */
const DEFER_S = 1;
/** Want of descriptors or memory; any other failure is of one connection, which was gone before it was accepted: accept(2). */
const SHORTAGES: readonly string[] = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];
/** The listener itself is not what it should be. */
const BROKEN: readonly string[] = ['EBADF', 'EINVAL', 'ENOTSOCK'];

/**
 * Accepts the connections of a listening descriptor. While there is none left for another, clients wait in the queue, where other
 * processes that listen there find them: nobody is taken off it to be sent away.
 */
export class EpollListener<Owner> extends Descriptor {
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #alarm: AcceptAlarm;
  /** The highest descriptor that a connection may have, so that some are left for files and outgoing connections. */
  readonly #highest: number;
  #isClosed = false;
  #rest: ReturnType<typeof setTimeout> | null = null;

  constructor(poller: Poller, fd: number, handlers: ConnectionHandlers<Owner>, highest: number, options: ListenOptions) {
    super(poller, fd);
    this.#handlers = handlers;
    this.#highest = highest;
    this.#alarm = new AcceptAlarm(options);
    // Who made it, or shares it, may have left it blocking.
    poller.kernel.setNonBlocking(fd);
    // Connections have it from their listener.
    poller.kernel.setNoDelay(fd);
    poller.kernel.setDeferAccept(fd, options.deferAccept ? DEFER_S : 0);
  }

  /** False when the kernel refuses. */
  start(): boolean {
    return !this.#isClosed && this.ask(EPOLLIN | EPOLLEXCLUSIVE);
  }

  /** Accepts no more. The descriptor stays open. */
  stop(): void {
    this.#isClosed = true;
    this.unwatch();
    this.#alarm.stop();
    if (this.#rest !== null) clearTimeout(this.#rest);
  }

  override ready(): void {
    const { kernel, address } = this.poller;
    for (let i = 0; i < ACCEPTS_A_TURN && !this.#isClosed; i++) {
      let fd = kernel.accept(this.fd, address);
      if (fd === -1) {
        if (isPassing(kernel.errno())) return;
        // Of the client it said this of nothing is left; or it was no word on accept (`Kernel.errno`).
        fd = kernel.accept(this.fd, address);
      }
      if (fd === -1) {
        const error = kernel.errno();
        if (isPassing(error)) return;
        const code = errorName(error);
        if (SHORTAGES.includes(code) || BROKEN.includes(code)) return this.#restFor(code);
        continue;
      }
      const connection = new EpollConnection<Owner>(undefined as Owner, this.#handlers, this.poller, fd, decodeAddress(address));
      // Those that follow it would be refused as well (fs.epoll.max_user_watches).
      if (!connection.accepted() && !this.#isClosed) return this.#restFor('ENOSPC');
      // The kernel gives the lowest that is free: the next client's would be one of those that are left for others.
      if (fd >= this.#highest && !this.#isClosed) return this.#restFor('EMFILE');
    }
  }

  #restFor(code: string): void {
    this.#alarm.failed(code);
    this.unwatch();
    this.#rest = setTimeout(() => this.#goOn(), SHORTAGE_MS);
  }

  #goOn(): void {
    this.#rest = null;
    if (!this.#hasDescriptor) this.#restFor('EMFILE');
    else if (!this.start() && !this.#isClosed) this.#restFor(errorName(this.poller.kernel.errno()));
  }

  get #hasDescriptor(): boolean {
    const { kernel } = this.poller;
    const next = kernel.dup(this.fd);
    if (next !== -1) kernel.close(next);
    return next !== -1 && next <= this.#highest;
  }
}
