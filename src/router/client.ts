import type { RequestHead } from '../http1/request-head.ts';
import type { PeerAddress } from '../net/address.ts';
import type { CidrSet } from '../net/cidr.ts';
import type { Connection } from '../runtime/seam.ts';
import { type ForwardedClient, forwardedClient } from './forwarded-client.ts';
import type { Prelude } from './prelude.ts';
import type { Front } from './service.ts';

/** Who asks, and through which listener. */
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

/** The client of a connection: who the socket says it is, unless a PROXY header or a trusted proxy says more. */
export class ConnectionClient implements Client {
  readonly front: Front;
  readonly #connection: Connection<unknown>;
  readonly #prelude: Prelude | null;
  /** Of the current request, as trusted proxies tell it; null when none does. */
  #forwarded: ForwardedClient | null = null;

  constructor(front: Front, connection: Connection<unknown>, prelude: Prelude | null) {
    this.front = front;
    this.#connection = connection;
    this.#prelude = prelude;
  }

  get remote(): PeerAddress {
    return this.#forwarded === null ? this.peer : this.#forwarded.remote;
  }

  get peer(): PeerAddress {
    return this.#prelude?.source ?? this.#connection.remote;
  }

  get local(): PeerAddress {
    return this.#prelude?.destination ?? this.#connection.local;
  }

  get isSecure(): boolean {
    return this.#forwarded?.isSecure ?? (this.#connection.tls !== null || (this.#prelude?.isSecure ?? false));
  }

  /** Nobody has said yet whose the next request is. */
  forget(): void {
    this.#forwarded = null;
  }

  /** A request has come: believes what trusted proxies wrote into it, and drops what others did (`http-trusted-proxies`). */
  believe(head: RequestHead, trusted: CidrSet): void {
    this.#forwarded = forwardedClient(head, this.peer, trusted);
  }
}
