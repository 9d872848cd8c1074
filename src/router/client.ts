import type { PeerAddress } from '../net/peer.ts';
import type { Front } from './front.ts';
import type { Peer } from './peer.ts';

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

/** Who asks as the request itself tells, in the words of somebody who is believed. What it does not tell the connection does. */
export class ToldClient implements Client {
  readonly front: Front;
  readonly remote: PeerAddress;
  readonly peer: PeerAddress;
  readonly isSecure: boolean;
  readonly #local: PeerAddress | null;
  readonly #connection: Peer;

  constructor(connection: Peer, remote: PeerAddress, peer: PeerAddress, local: PeerAddress | null, isSecure: boolean | null) {
    this.front = connection.front;
    this.remote = remote;
    this.peer = peer;
    this.isSecure = isSecure ?? connection.isSecure;
    this.#local = local;
    this.#connection = connection;
  }

  get local(): PeerAddress {
    return this.#local ?? this.#connection.local;
  }
}
