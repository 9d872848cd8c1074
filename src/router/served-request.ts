import type { RequestHead } from '../http1/request-head.ts';
import type { Deadline } from '../time/timer-wheel.ts';
import { type Admission, admission, isRaw } from './admission.ts';
import type { SessionOwner } from './client-session.ts';
import type { Downstream } from './downstream.ts';
import { Exchange } from './exchange.ts';
import type { ServedFront } from './front.ts';
import type { Peer } from './peer.ts';
import type { Service } from './service.ts';
import { Transaction } from './transaction.ts';
import { whoAsks } from './who-asks.ts';

/**
 * A request that is being served, whatever protocol it came by: the generation that serves it, what is recorded of it, and the exchange
 * that answers it. `begin`, `admit`, `start` and `end` come in this order, each at most once, and `end` always. Then it serves the next one:
 * an HTTP/1 connection has one of these for all its requests.
 */
export class ServedRequest {
  /** It began with this generation; between requests, the next one will as far as that is known. */
  service: Service;
  readonly transaction = new Transaction();
  /** Null before it starts, and when it was not admitted. */
  exchange: Exchange | null = null;
  readonly #served: ServedFront;
  readonly #owner: SessionOwner;
  readonly #peer: Peer;

  constructor(served: ServedFront, owner: SessionOwner, peer: Peer) {
    this.service = served.service;
    this.#served = served;
    this.#owner = owner;
    this.#peer = peer;
  }

  /** Its first bytes have come, or it is refused before that. May be told again. */
  begin(): void {
    if (!this.transaction.isOpen) this.transaction.begin(this.service, this.#peer);
  }

  /** Its head is whole: whose it is, whether HTTP goes on behind it, and whether it may go on. */
  admit(head: RequestHead): Admission {
    const { settings, trustedProxies } = this.service;
    const { front } = this.#served;
    this.#owner.requests++;
    this.transaction.headRead();
    this.transaction.client = whoAsks(head, this.#peer, trustedProxies);
    head.isRaw = isRaw(head, front, settings);
    return admission(head, settings, this.#owner.isPaused);
  }

  /** It was admitted: an exchange is opened for it, which the caller starts. @param deadline is the exchange's while that lasts */
  open(downstream: Downstream, deadline: Deadline): Exchange {
    this.exchange = new Exchange(this.service, downstream, this.transaction, deadline);
    return this.exchange;
  }

  /** As `ClientSession.renew`, of this one. */
  renew(before: ReadonlySet<Service>): number {
    if (this.exchange !== null) return before.has(this.service) ? 1 : 0;
    this.service = this.#served.service;
    return 0;
  }

  /** Nothing more comes of it. @param sent bytes of its answer on the wire @param sentBody those of its body without framing */
  end(sent: number, sentBody: number): void {
    this.transaction.end(sent, sentBody);
    this.exchange = null;
    const { service } = this;
    if (service === this.#served.service) return;
    this.service = this.#served.service;
    this.#owner.requestFinished(service);
  }
}
