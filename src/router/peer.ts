import type { PeerAddress } from '../net/peer.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import type { Client } from './client.ts';
import type { Front } from './front.ts';

/** A socket, as far as it tells who is there. */
type Socket = Pick<Connection<unknown>, 'remote' | 'local' | 'tls'>;

/**
 * The other side of a client's connection: who the socket says it is, unless somebody who is believed has said more of the connection:
 * a proxy in front by its prelude, a web server by its packet. It is the `Client` of all requests that say nothing of theirs.
 */
export class Peer implements Client {
  readonly front: Front;
  readonly #socket: Socket;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  #isSecure: boolean | null = null;

  constructor(front: Front, socket: Socket) {
    this.front = front;
    this.#socket = socket;
  }

  get remote(): PeerAddress {
    return this.#remote ?? this.#socket.remote;
  }

  get peer(): PeerAddress {
    return this.remote;
  }

  get local(): PeerAddress {
    return this.#local ?? this.#socket.local;
  }

  get isSecure(): boolean {
    return this.#isSecure ?? this.#socket.tls !== null;
  }

  /** Before a request that it holds for. Null leaves what is known. */
  tell(remote: PeerAddress | null, local: PeerAddress | null, isSecure: boolean | null): void {
    if (remote !== null) this.#remote = remote;
    if (local !== null) this.#local = local;
    if (isSecure !== null) this.#isSecure = isSecure;
  }
}
