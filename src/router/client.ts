import type { PeerAddress } from '../net/address.ts';
import type { Peer } from './peer.ts';
import type { Front } from './service.ts';

/** Who asks, and through which listener. Of one request, and never another while that lasts. */
export interface Client {
  /** Who asks, as far as proxies in front are believed. */
  readonly remote: PeerAddress;
  /** Who is on the other side of the connection: the client, or the last proxy before us. */
  readonly peer: PeerAddress;
  /** The address it connected to. */
  readonly local: PeerAddress;
  /** It came over TLS. */
  readonly isSecure: boolean;
  readonly front: Front;
}

/** Who asks where only the connection tells: the same for all its requests. */
export class ConnectedClient implements Client {
  readonly front: Front;
  readonly #peer: Peer;

  constructor(front: Front, peer: Peer) {
    this.front = front;
    this.#peer = peer;
  }

  get remote(): PeerAddress {
    return this.#peer.remote;
  }

  get peer(): PeerAddress {
    return this.#peer.remote;
  }

  get local(): PeerAddress {
    return this.#peer.local;
  }

  get isSecure(): boolean {
    return this.#peer.isSecure;
  }
}

/** Who asks as the request itself tells, in the words of somebody who is believed. */
export class ToldClient implements Client {
  readonly front: Front;
  readonly remote: PeerAddress;
  readonly peer: PeerAddress;
  readonly isSecure: boolean;
  readonly #local: PeerAddress | null;
  readonly #connection: Peer;

  /** @param local null: as the connection has it */
  constructor(front: Front, connection: Peer, remote: PeerAddress, peer: PeerAddress, local: PeerAddress | null, isSecure: boolean) {
    this.front = front;
    this.remote = remote;
    this.peer = peer;
    this.isSecure = isSecure;
    this.#local = local;
    this.#connection = connection;
  }

  get local(): PeerAddress {
    return this.#local ?? this.#connection.local;
  }
}
