import type { Node } from '../pool/node.ts';
import type { Pool } from '../pool/pool.ts';
import type { Client } from './client.ts';
import type { Service } from './service.ts';
import type { Transaction } from './transaction.ts';

/** One first try and three retries, as uWSGI; fallbacks come on top. */
const MAX_ATTEMPTS = 4;
const BUSY_RETRY_MS = 250;
const FIRST_BACKOFF_MS = 5;
/** The master's clock and ours do not start at the same moment. */
const HARAKIRI_MARGIN_MS = 100;

/** The nodes that one request is tried on, one after the other, until one takes it; and the one that has it. */
export class NodeSearch {
  /** Null when the key asked for has none: then only fallbacks are left. */
  pool: Pool | null = null;
  /** Tries so far that count: asking a busy node again does not. */
  attempts = 0;
  /** Asked now, or the last one that was; null before the first. */
  node: Node | null = null;
  readonly #service: Service;
  readonly #client: Client;
  readonly #transaction: Transaction;
  #tried: Node[] | null = null;
  #fallbacks = 0;
  #busySince = 0;
  /** The node has been told that it has this request. */
  #isCounted = false;
  /** When the node got the request, where that may be asked (`harakiri`). */
  #sentAt = 0;

  constructor(service: Service, client: Client, transaction: Transaction) {
    this.#service = service;
    this.#client = client;
    this.#transaction = transaction;
  }

  /** True once a node has refused the request. */
  get hasTried(): boolean {
    return this.#tried !== null;
  }

  /** True when every usable node has as many requests as it may have. */
  get isFull(): boolean {
    return this.#tried === null && this.pool !== null && this.pool.isFull(this.#service.wheel.now);
  }

  /** True once a node was busy. */
  get isWaiting(): boolean {
    return this.#busySince !== 0;
  }

  /** False when asking would find nobody: neither a node of the pool nor a fallback. */
  get canFind(): boolean {
    const { fallbacks, wheel } = this.#service;
    const { pool } = this;
    return (fallbacks !== null && fallbacks.nodes.length > 0) || (pool !== null && (pool.hasNode(wheel.now) || pool.isFull(wheel.now)));
  }

  /** The next node there is: a usable one of the pool, a fallback, a dead one that answers fast; else null. */
  next(): Node | null {
    const { fallbacks, wheel } = this.#service;
    const pool = this.attempts < MAX_ATTEMPTS ? this.pool : null;
    const node =
      pool?.pick(wheel.now, this.#client.remote, this.#tried) ??
      fallbacks?.nodes[this.#fallbacks++] ??
      pool?.pickLastResort(this.#tried ?? []) ??
      null;
    if (node !== null) this.attempts++;
    return node;
  }

  /** The node is asked, and counts the request until it is released. */
  take(node: Node): void {
    this.node = node;
    this.#isCounted = true;
    this.#transaction.tried(node);
    node.started();
  }

  /** The node has accepted. */
  connected(): void {
    const node = this.node!;
    this.#transaction.connected();
    node.backend.reached();
    if (node.harakiri > 0) this.#sentAt = this.#service.wheel.precise();
  }

  /** The node has had the request for as long as `harakiri` lets it. Nobody tells us why a worker is gone; this says enough. */
  get isOverdue(): boolean {
    const harakiri = this.node?.harakiri ?? 0;
    return harakiri !== 0 && this.#service.wheel.precise() - this.#sentAt >= harakiri - HARAKIRI_MARGIN_MS;
  }

  /** The node did not take the request, and whoever named it may want to look again. */
  nodeFailed(): void {
    this.pool?.nodeFailed(this.node!);
    this.#service.fallbacks?.nodeFailed(this.node!);
  }

  /** The node did not take the request. */
  refused(): void {
    this.release();
    this.#tried ??= [];
    this.#tried.push(this.node!);
  }

  /** The node has the request no more. */
  release(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.node!.finished();
  }

  /**
   * A full backlog empties in milliseconds: says in how many ms to ask again, a little later each time; null when that has gone on
   * for long enough.
   */
  backoff(): number | null {
    const { settings, wheel } = this.#service;
    if (this.#busySince === 0) this.#busySince = wheel.precise();
    const waited = wheel.precise() - this.#busySince;
    this.attempts--;
    return waited >= Math.min(BUSY_RETRY_MS, settings.connectTimeout) ? null : Math.max(FIRST_BACKOFF_MS, waited);
  }

  /** Behind a backoff: another node if there is one, else the busy one once more. */
  again(): Node {
    this.attempts++;
    return this.pool?.pick(this.#service.wheel.now, this.#client.remote, this.#tried) ?? this.node!;
  }
}
