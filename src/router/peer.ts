import type { PeerAddress } from '../net/address.ts';
import type { Connection } from '../runtime/seam/sockets.ts';

/** A socket, as far as it tells who is there. */
type Socket = Pick<Connection<unknown>, 'remote' | 'local' | 'tls'>;

/**
 * The other side of a client's connection: who the socket says it is, unless somebody who is believed has said more of the connection:
 * a proxy in front by its prelude, a web server by its packet. What single requests say of their clients is in `Client`.
 */
export class Peer {
  readonly #socket: Socket;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  #isSecure: boolean | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Who is there: the client, or the last proxy before us. */
  get remote(): PeerAddress {
    return this.#remote ?? this.#socket.remote;
  }

  /** The address it connected to. */
  get local(): PeerAddress {
    return this.#local ?? this.#socket.local;
  }

  /** It came over TLS. */
  get isSecure(): boolean {
    return this.#isSecure ?? this.#socket.tls !== null;
  }

  /** Null leaves what is known. */
  tell(remote: PeerAddress | null, local: PeerAddress | null, isSecure: boolean | null): void {
    if (remote !== null) this.#remote = remote;
    if (local !== null) this.#local = local;
    if (isSecure !== null) this.#isSecure = isSecure;
  }
}
