import { type HopPeer, readClientField } from '../http1/client-field.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { type PeerAddress, UNIX_PEER } from '../net/address.ts';
import type { CidrSet } from '../net/cidr.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
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

/** The client as a session has it: it may be another with each request. */
export interface SessionClient extends Client {
  /** Nobody has said yet whose the next request is. */
  forget(): void;
  /** A request has come: takes in what it says of its client, and drops what may not be said. */
  read(head: RequestHead, trusted: CidrSet | null): void;
}

/** The client of a connection: who the socket says it is, unless a PROXY header or a trusted proxy says more. */
export class ConnectionClient implements SessionClient {
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

  forget(): void {
    this.#forwarded = null;
  }

  /** Believes what trusted proxies wrote, and drops what others did (`http-trusted-proxies`). */
  read(head: RequestHead, trusted: CidrSet | null): void {
    if (trusted !== null) this.#forwarded = forwardedClient(head, this.peer, trusted);
  }
}

/** The client of a request that somebody else has taken in: who it is was told with the request. */
export class ToldClient implements SessionClient {
  readonly front: Front;
  remote: PeerAddress;
  local: PeerAddress;
  isSecure = false;
  readonly #connection: Connection<unknown>;

  constructor(front: Front, connection: Connection<unknown>) {
    this.front = front;
    this.remote = connection.remote;
    this.local = connection.local;
    this.#connection = connection;
  }

  get peer(): PeerAddress {
    return this.remote;
  }

  forget(): void {
    this.remote = this.#connection.remote;
    this.local = this.#connection.local;
    this.isSecure = false;
  }

  tell(remote: PeerAddress | null, local: PeerAddress | null, isSecure: boolean): void {
    if (remote !== null) this.remote = remote;
    if (local !== null) this.local = local;
    this.isSecure = isSecure;
  }

  /** On a worker's private socket, the router's own field (`client-field.ts`). Without it, as a probe asks, the router itself is the client. */
  read({ bytes, fields, clientField }: RequestHead): void {
    if (clientField === -1 || !this.front.isPrivate) return;
    const told = readClientField(bytes, fields.valueStart(clientField), fields.valueEnd(clientField));
    if (told !== null) this.tell(peerOf(told.remote), peerOf(told.local), told.isSecure);
  }
}

function peerOf({ address, port }: HopPeer): PeerAddress {
  return address === '' ? UNIX_PEER : { family: address.includes(':') ? 'ipv6' : 'ipv4', address, port };
}
