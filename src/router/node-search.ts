import { CONNECT_FAILURES, FAILURES, type Failure, isBrokenOff, isNodesFault } from '../failure/failures.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { isPassing, type NodeFailure } from '../pool/backend.ts';
import type { Node } from '../pool/node.ts';
import { wasKilled } from '../time/harakiri.ts';
import { heardFrom, neverHeardFrom, protocolOf } from './misunderstanding.ts';
import type { HandledExchange, Nodes } from './route.ts';
import type { Service, ServiceSettings } from './service.ts';

/** One first try and three retries, as uWSGI; fallbacks come on top. */
const MAX_ATTEMPTS = 4;
const BUSY_RETRY_MS = 250;
const FIRST_BACKOFF_MS = 5;

/** The request that a node is looked for. */
export interface SearchingExchange extends HandledExchange {
  /** Nothing is asked for a moment. */
  waits(): void;
  /** Asks the route once more. */
  findAgain(): void;
}

/** What a search needs of the generation that its request began with. */
export interface SearchParts extends Pick<Service, 'log' | 'wheel' | 'open'> {
  readonly settings: Pick<ServiceSettings, 'quiet' | 'connectTimeout'>;
}

/** The nodes that one request is tried on, one after the other, until one takes it; and the one that has it. */
export class NodeSearch {
  /** Where it looks. */
  nodes: Nodes;
  readonly #exchange: SearchingExchange;
  readonly #parts: SearchParts;
  /** Tries so far that count: asking a busy node again does not. */
  #attempts = 0;
  /** Asked now, or the last one that was; null before the first. */
  #node: Node | null = null;
  #tried: Node[] | null = null;
  #fallbacks = 0;
  #busySince = 0;
  #backoff: ReturnType<typeof setTimeout> | null = null;
  /** The node has been told that it has this request. */
  #isCounted = false;
  /** When the node got the request, where that may be asked (`harakiri`). */
  #sentAt = 0;

  constructor(exchange: SearchingExchange, parts: SearchParts, nodes: Nodes) {
    this.#exchange = exchange;
    this.#parts = parts;
    this.nodes = nodes;
  }

  /** False when asking would find nobody: neither a node of the pool nor a fallback. */
  get canFind(): boolean {
    const { pool, fallbacks } = this.nodes;
    const { now } = this.#parts.wheel;
    return (fallbacks !== null && fallbacks.nodes.length > 0) || (pool !== null && (pool.hasNode(now) || pool.isFull(now)));
  }

  // Looking

  /** Asks the next node there is. @param otherwise what becomes of the request when there is none */
  next(otherwise: Failure = FAILURES.noNode): void {
    const node = this.#pick();
    if (node !== null) this.#ask(node);
    else this.#exchange.fail(this.#isFull ? FAILURES.nodesFull : otherwise);
  }

  /** The node did not take the request: others are asked, or it is asked again, or all is in vain. */
  connectFailed(failure: NodeFailure, code: string): void {
    const { log, settings, wheel } = this.#parts;
    const node = this.#node!;
    this.release();
    this.#tried ??= [];
    this.#tried.push(node);
    const hasDied = node.failed(failure, wheel.now);
    // A full backlog is asked again and again: once is enough to know.
    if (!settings.quiet && !(isPassing(failure) && this.#busySince !== 0))
      log.event('warn', `connect-${failure}`, 'unable to connect to a node', {
        node: node.name,
        protocol: protocolOf(node),
        error: code,
        attempt: this.#attempts,
      });
    if (hasDied) this.#tellDead();
    if (isPassing(failure)) return this.#retryLater(failure);
    // Whoever named it may want to look again.
    this.nodes.pool?.nodeFailed(node);
    this.nodes.fallbacks?.nodeFailed(node);
    // The socket is gone: the key may have another by now, be it without its port, or of another mapper.
    if (failure === 'missing' && this.nodes.isMapped) this.#exchange.findAgain();
    else this.next(CONNECT_FAILURES[failure]);
  }

  /** The next node there is: a usable one of the pool, a fallback, a dead one that answers fast; else null. */
  #pick(): Node | null {
    const { fallbacks } = this.nodes;
    const { now } = this.#parts.wheel;
    const pool = this.#attempts < MAX_ATTEMPTS ? this.nodes.pool : null;
    const node =
      pool?.pick(now, this.#exchange.client.remote, this.#tried) ??
      fallbacks?.nodes[this.#fallbacks++] ??
      pool?.pickLastResort(this.#tried ?? []) ??
      null;
    if (node !== null) this.#attempts++;
    return node;
  }

  /** True when every usable node has as many requests as it may have. */
  get #isFull(): boolean {
    const { pool } = this.nodes;
    return this.#tried === null && pool !== null && pool.isFull(this.#parts.wheel.now);
  }

  /** It counts the request until it is released. */
  #ask(node: Node): void {
    this.#node = node;
    this.#isCounted = true;
    this.#exchange.transaction.tried(node);
    node.started();
    const upstream = this.#parts.open(node, this.#exchange);
    if ('status' in upstream) this.#exchange.fail(upstream);
    else this.#exchange.connect(upstream);
  }

  /** A full backlog empties in milliseconds: the node is asked again, a little later each time, until that has gone on for long enough. */
  #retryLater(failure: NodeFailure): void {
    const { settings, wheel } = this.#parts;
    if (this.#busySince === 0) this.#busySince = wheel.precise();
    const waited = wheel.precise() - this.#busySince;
    this.#attempts--;
    if (waited >= Math.min(BUSY_RETRY_MS, settings.connectTimeout)) return this.#exchange.fail(CONNECT_FAILURES[failure]);
    this.#exchange.waits();
    this.#backoff = setTimeout(() => this.#exchange.later(() => this.#again()), Math.max(FIRST_BACKOFF_MS, waited));
  }

  /** Behind a backoff: another node if there is one, else the busy one once more. */
  #again(): void {
    this.#attempts++;
    this.#ask(this.nodes.pool?.pick(this.#parts.wheel.now, this.#exchange.client.remote, this.#tried) ?? this.#node!);
  }

  // What becomes of the node that has the request

  /** It has accepted. */
  connected(): void {
    const node = this.#node!;
    node.backend.reached();
    if (node.harakiri > 0) this.#sentAt = this.#parts.wheel.precise();
  }

  /** The head of its answer has come. */
  answerBegun(head: ResponseHead): void {
    const node = this.#node!;
    if (!node.backend.isUnderstood) heardFrom(node, head, this.#parts.log);
    if (head.status === 101) node.backend.answered();
  }

  /** Its answer is whole. */
  answered(): void {
    this.#node!.backend.answered();
  }

  /** What a node that broke off before its answer had begun was about: its worker was killed, where it has had the request for so long. */
  reasonOf(cause: Failure): Failure {
    if (!isBrokenOff(cause) || this.#node === null) return cause;
    return wasKilled(this.#node.harakiri, this.#parts.wheel.precise() - this.#sentAt) ? FAILURES.harakiri : cause;
  }

  /** It had the request, and this came of it. */
  failed(failure: Failure): void {
    if (this.#node !== null && isNodesFault(failure) && this.#node.answerFailed(this.#parts.wheel.now)) this.#tellDead();
  }

  /** Behind `failed`, when the request has been told of. */
  doubt(failure: Failure): void {
    if (this.#node !== null && isNodesFault(failure) && !this.#node.backend.isUnderstood) neverHeardFrom(this.#node, this.#parts.log);
  }

  /** The node has the request no more, and none is asked. */
  release(): void {
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#node!.finished();
  }

  #tellDead(): void {
    this.#parts.log.event('warn', 'node-dead', 'a node is marked as failed', { node: this.#node!.name });
  }
}
