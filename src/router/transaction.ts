import { FAILURES, type Failure, isNodesFault } from '../failure/failures.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Details } from '../log/log.ts';
import { formatPeer } from '../net/peer.ts';
import type { Node } from '../pool/node.ts';
import type { Client } from './client.ts';
import { protocolOf } from './misunderstanding.ts';
import { requestDetails } from './request-details.ts';
import type { Handler } from './route.ts';
import type { Service } from './service.ts';

/** The status of a request whose client did not wait for an answer: none was sent, and nginx's logs say it so. */
export const CLIENT_LEFT = 499;

/** Whoever wants to know of every request: a log, metrics. Several become one that hands on. */
export interface TransactionSink {
  /** It reads times: the clock is asked once or twice for a request. Otherwise they are as coarse as the wheel, and cost nothing. */
  readonly isTimed: boolean;
  /** A request is over. The record and all it leads to are lent for the call. Must not throw. */
  ended(transaction: Transaction): void;
}

/** Nobody wants to know. */
export const NO_SINK: TransactionSink = /* @__PURE__ */ Object.freeze({ isTimed: false, ended: () => {} });

/** What a record needs of the generation that its request began with. */
export type RecordParts = Pick<Service, 'transactions' | 'clock' | 'wheel' | 'log'>;

/**
 * What happened to one request, from its first byte to its end, whatever that is: `begin` and `end` come once each for every
 * request that was answered, refused, turned away, cut off or left by its client. One record serves all requests of a session, one
 * after the other, so that nothing is allocated for it.
 *
 * Times are milliseconds of the runtime's clock, the same for all that is handled in one turn of the event loop, and NaN for a phase that
 * was not reached; of several tries they are the last one's.
 */
export class Transaction {
  /** It has begun and not ended. */
  isOpen = false;
  /** Who asks, and through which listener; null before the first request. */
  client: Client | null = null;
  /** As much of its head as has been read; null when that is nothing. */
  request: RequestHead | null = null;
  /** Who was to answer it; null when it did not come so far. Another one may have answered in its place. */
  handler: Handler | null = null;
  /** The node that has it, or the last one asked; null when none was. */
  node: Node | null = null;
  /** How often a node was asked, the busy ones each time again. */
  tries = 0;
  /** What the client was told; `CLIENT_LEFT` when it left before, 0 when the connection closed without an answer for another reason. */
  status = 0;
  /** The stable code of what went wrong (docs/errors.md), be it behind the head of the answer; null when nothing did. */
  code: string | null = null;
  /** Bytes of its head, with what stood before it. */
  receivedHead = 0;
  /** Bytes of its body or tunnel, without framing. */
  receivedBody = 0;
  /** Bytes of the answer as they were put on the wire, interim answers and framing included. */
  sent = 0;
  /** Bytes of the answer's body or tunnel, without framing, as compressed as they were sent. */
  sentBody = 0;
  begunAt = Number.NaN;
  /** Its head was whole. */
  headAt = Number.NaN;
  /** It was known who answers. */
  routedAt = Number.NaN;
  /** A node took it. */
  connectedAt = Number.NaN;
  /** It was passed on whole. */
  passedOnAt = Number.NaN;
  /** The answer began: its head came, or the first byte of what has none. */
  answeredAt = Number.NaN;
  endedAt = Number.NaN;
  #parts: RecordParts | null = null;

  /** The first byte of a request has come, or it is turned away before that. */
  begin(parts: RecordParts, client: Client): void {
    this.#parts = parts;
    this.isOpen = true;
    this.client = client;
    this.request = null;
    this.handler = null;
    this.node = null;
    this.tries = 0;
    this.status = 0;
    this.code = null;
    this.receivedHead = 0;
    this.receivedBody = 0;
    this.begunAt = this.#now();
    this.headAt = Number.NaN;
    this.routedAt = Number.NaN;
    this.connectedAt = Number.NaN;
    this.passedOnAt = Number.NaN;
    this.answeredAt = Number.NaN;
  }

  headRead(): void {
    this.headAt = this.#now();
  }

  routed(handler: Handler): void {
    this.handler = handler;
    this.routedAt = this.#now();
  }

  /** @param node is asked next */
  tried(node: Node): void {
    this.node = node;
    this.tries++;
  }

  connected(): void {
    this.connectedAt = this.#now();
  }

  /** Of a tunnel the client's end comes here as well, which is not meant. */
  passedOn(): void {
    if (Number.isNaN(this.passedOnAt)) this.passedOnAt = this.#now();
  }

  /** The answer begins. @param status 0 when it has no head that tells, as what is raw */
  answered(status: number): void {
    const { transactions, clock, wheel } = this.#parts!;
    // An app in this process may have worked in between.
    this.answeredAt = transactions.isTimed ? clock.precise() : wheel.now;
    this.status = status;
  }

  /**
   * It ends with an answer of ours, breaks off in its own, or ends without one: one line in the log, unless it `isSilent`.
   * @param problem what lies behind it, where the failure does not say
   * @param rule what was broken, where that is more than the failure knows
   */
  failed(failure: Failure, problem?: string, rule = failure.rule, isSilent = false): void {
    this.note(failure);
    const { status, code, level } = failure;
    const { log } = this.#parts!;
    if (isSilent || !log.writes(level)) return;
    const protocol = isNodesFault(failure) ? protocolOf(this.node) : undefined;
    log.event(level, code, rule, { status: status === 0 ? undefined : status, ...this.details(), protocol, error: problem });
  }

  /** As `failed`, where the log has been told already. */
  note(failure: Failure): void {
    this.code = failure.code;
    if (Number.isNaN(this.answeredAt)) this.status = failure === FAILURES.clientLeft ? CLIENT_LEFT : failure.status;
  }

  /** The client is gone, and nobody waits for an answer. A router of ours that breaks off has told of it itself. */
  clientLeft(rule = FAILURES.clientLeft.rule): void {
    this.failed(FAILURES.clientLeft, undefined, rule, this.client!.front.isPrivate);
  }

  /** What came was no request after all. */
  drop(): void {
    this.isOpen = false;
  }

  /** Nothing more comes of it. @param sent bytes of its answer on the wire @param sentBody those of its body without framing */
  end(sent: number, sentBody: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.sent = sent;
    this.sentBody = sentBody;
    this.endedAt = this.#now();
    this.#parts!.transactions.ended(this);
    this.request = null;
    this.handler = null;
    this.node = null;
  }

  /** What the lines of the log tell of it. */
  details(): Details {
    return {
      client: this.client === null ? undefined : formatPeer(this.client.remote),
      ...(this.request !== null && requestDetails(this.request)),
      node: this.node?.name,
    };
  }

  #now(): number {
    const { transactions, clock, wheel } = this.#parts!;
    return transactions.isTimed ? clock.now() : wheel.now;
  }
}
