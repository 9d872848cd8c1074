import { type ConnectAddress, isIpLiteral, type ListenAddress } from '../../net/address.ts';
import { connectFailure } from '../connect-failure.ts';
import type { Guests } from '../guests.ts';
import { listenFailure } from '../listen-failure.ts';
import type { Due } from '../seam/event-loop.ts';
import type { Connection, ConnectionHandlers, Listener, ListenOptions } from '../seam/sockets.ts';
import { EpollConnection } from './epoll-connection.ts';
import { EpollListener } from './epoll-listener.ts';
import { AF_UNIX, EALREADY, EINPROGRESS, EISCONN, errorName, type Kernel } from './kernel.ts';
import { Poller } from './poller.ts';
import { encodeAddress, type SocketAddress } from './sockaddr.ts';

/** How many addresses to remember in the kernel's form. */
const KEPT_ADDRESSES = 1024;

/** Listeners and connections on descriptors of our own: Linux, without the runtime's sockets. */
export class EpollSockets {
  readonly #poller: Poller;
  readonly #highestAccepted: number;
  readonly #addresses = new Map<ConnectAddress, SocketAddress>();

  /**
   * @param highestAccepted the highest descriptor that an accepted connection may have
   * @param guests have timers and immediates that must not wait while we do
   */
  constructor(kernel: Kernel, highestAccepted: number, guests: Guests) {
    this.#poller = new Poller(kernel, guests);
    this.#highestAccepted = highestAccepted;
  }

  /** Accepts what comes to the listening descriptor `fd`; `close` is called once when it shall no more. @throws {ListenError} */
  listen<Owner>(address: ListenAddress, fd: number, handlers: ConnectionHandlers<Owner>, options: ListenOptions, close: () => void): Listener {
    const listener = new EpollListener(this.#poller, fd, handlers, this.#highestAccepted, options);
    if (!listener.start()) throw listenFailure(address, { code: errorName(this.#poller.kernel.errno()) });
    let isOpen = true;
    return {
      address,
      close() {
        if (!isOpen) return;
        isOpen = false;
        listener.stop();
        close();
      },
    };
  }

  /** Null for a host name, which somebody else has to look up. */
  connect<Owner>(to: ConnectAddress, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner> | null {
    const { kernel } = this.#poller;
    const address = this.#address(to);
    if (address === null) return null;
    const fd = kernel.socket(address.family);
    let code = fd === -1 ? errorName(kernel.errno()) : null;
    const connection = new EpollConnection(owner, handlers, this.#poller, fd, address.peer);
    if (code === null) {
      if (address.family !== AF_UNIX) kernel.setNoDelay(fd);
      let error = kernel.connect(fd, address.bytes, address.length) === 0 ? 0 : kernel.errno();
      // What is no word on connecting may be one on something else (`Kernel.errno`).
      if (error !== 0 && error !== EINPROGRESS && connectFailure(errorName(error)).reason === 'local')
        error = kernel.connect(fd, address.bytes, address.length) === 0 ? 0 : kernel.errno();
      if (error === 0 || error === EISCONN) connection.connected();
      else if (error === EINPROGRESS || error === EALREADY) connection.connecting();
      else code = errorName(error);
    }
    if (code !== null) connection.failed(code);
    return connection;
  }

  soon(due: Due): void {
    this.#poller.soon(due);
  }

  atTurnEnd(due: Due): void {
    this.#poller.atTurnEnd(due);
  }

  #address(to: ConnectAddress): SocketAddress | null {
    const known = this.#addresses.get(to);
    if (known !== undefined) return known;
    if (to.kind === 'tcp' && (!isIpLiteral(to.host) || to.host.includes('%'))) return null;
    const address = encodeAddress(to);
    if (address === null) return null;
    if (this.#addresses.size >= KEPT_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(to, address);
    return address;
  }
}
