import type { Failure } from '../failure/failures.ts';
import { FAILURES } from '../failure/failures.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { routingKey } from '../http1/routing-key.ts';
import { type Found, isRefusal, type Mapper } from '../pool/mapper.ts';
import type { Pool } from '../pool/pool.ts';
import type { Client } from './client.ts';
import { type HttpsRedirect, httpsRedirect } from './https-redirect.ts';
import type { OwnAnswer } from './own-answer.ts';
import type { Transaction } from './transaction.ts';
import type { Upstream, UpstreamExchange } from './upstream.ts';

/**
 * Who answers what comes through a listener. There is one for each listener of a generation, and it is asked once for each request. It sees
 * the whole head: host, path, method, fields. Where it must wait for somebody it gives a promise, which never rejects.
 */
export interface Route {
  find(request: RequestHead, client: Client): Handler | Promise<Handler>;
}

/** Somebody who answers requests. One object serves many at a time: what belongs to a request stands in its exchange. */
export interface Handler {
  /** For logs: `nodes`, `https`. */
  readonly name: string;
  /**
   * Takes the request, which is then its own: it calls one of the methods of `exchange`, now or later, or lets another handler have it.
   * What of the body comes before that is kept, and the client held back.
   */
  handle(exchange: HandledExchange): void;
}

/** A request as its handler has it: exactly one of these methods is called, once. Behind a wait `isDone` says whether anybody still wants it. */
export interface HandledExchange extends UpstreamExchange {
  readonly transaction: Transaction;
  /** One of these nodes shall have it. */
  search(nodes: Nodes): void;
  /** An upstream that was made for this exchange has it. */
  connect(upstream: Upstream): void;
  /** A whole answer. */
  own(answer: OwnAnswer): void;
  /** An error of ours, with its line in the log. */
  fail(failure: Failure): void;
  /** Runs what comes behind a timer or a promise: what it throws ends the exchange and not the process. Does nothing when that is done. */
  later(step: () => void): void;
}

/** The nodes of a pool, and where there are, those to fall back on. */
export class Nodes implements Handler, Route {
  readonly name = 'nodes';
  /** Null when none is known: only fallbacks are left. */
  readonly pool: Pool | null;
  /** Asked in order when the pool has no node left for a request (`http-fallback`). */
  readonly fallbacks: Pool | null;
  /** A mapper named them: where the socket is gone it may name others. */
  readonly isMapped: boolean;

  constructor(pool: Pool | null, fallbacks: Pool | null = null, isMapped = false) {
    this.pool = pool;
    this.fallbacks = fallbacks;
    this.isMapped = isMapped;
  }

  find(): Handler {
    return this;
  }

  handle(exchange: HandledExchange): void {
    exchange.search(this);
  }
}

/** Nodes by the host asked for (`http-use-cache` and its kin). */
export class MappedNodes implements Route {
  readonly #mapper: Mapper;
  readonly #defaultKey: string;
  readonly #fallbacks: Pool | null;

  /** @param defaultKey of a request that names no host: this machine's name, as in uWSGI */
  constructor(mapper: Mapper, defaultKey: string, fallbacks: Pool | null) {
    this.#mapper = mapper;
    this.#defaultKey = defaultKey;
    this.#fallbacks = fallbacks;
  }

  find(request: RequestHead): Handler | Promise<Handler> {
    const found = this.#mapper.find(routingKey(request, this.#defaultKey));
    return found instanceof Promise ? found.then((late) => this.#handlerOf(late)) : this.#handlerOf(found);
  }

  #handlerOf(found: Found): Handler {
    if (found !== null && isRefusal(found)) return new Refused(found);
    return new Nodes(found, this.#fallbacks, found !== null);
  }
}

/** Says no to all. */
export class Refused implements Handler, Route {
  readonly name = 'refused';
  readonly #failure: Failure;

  constructor(failure: Failure) {
    this.#failure = failure;
  }

  find(): Handler {
    return this;
  }

  handle(exchange: HandledExchange): void {
    exchange.fail(this.#failure);
  }
}

/** Sends all to https (`http-to-https`). */
export class ToHttps implements Handler, Route {
  readonly name = 'https';
  readonly #to: HttpsRedirect;

  constructor(to: HttpsRedirect) {
    this.#to = to;
  }

  find(): Handler {
    return this;
  }

  handle(exchange: HandledExchange): void {
    const answer = httpsRedirect(exchange.request, this.#to);
    if (answer === null) exchange.fail(FAILURES.badHost);
    else exchange.own(answer);
  }
}
