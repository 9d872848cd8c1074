import type { Node, NodeObserver } from '../node.ts';
import type { NodeSource } from '../node-source.ts';
import type { Pool } from '../pool.ts';
import { BoundedCache } from './bounded-cache.ts';

/** More different addresses than these are not remembered at a time: what is known of their health is lost. */
const MAX_POOLS = 10_000;

/** Makes nodes and pools as the configuration wants them. */
export interface NodeMaker {
  /** A node written as in `http-to`, options and all. @throws {Error} whose message says what is wrong with the text */
  parse(text: string): NodeSource;
  /** @throws {Error} when `parse` would. Makes nothing and looks nothing up */
  check(text: string): void;
  /** The node at the path of a unix socket. A client chose a part of the path: nothing in it has a meaning. */
  atPath(path: string): NodeSource;
  pool(sources: readonly NodeSource[]): Pool;
}

/** The pools behind the addresses that mappers find: one for each address, so that health outlives a request. */
export class MappedPools {
  readonly #maker: NodeMaker;
  readonly #byText: BoundedCache<Pool>;
  readonly #byPath: BoundedCache<Pool>;
  #observer: NodeObserver | null = null;
  #isStopped = false;
  #seen: readonly (readonly Node[])[] = [];
  #nodes: readonly Node[] = [];

  constructor(maker: NodeMaker, limit = MAX_POOLS) {
    this.#maker = maker;
    const drop = (pool: Pool): void => pool.stop();
    this.#byText = new BoundedCache(limit, drop);
    this.#byPath = new BoundedCache(limit, drop);
  }

  /** The nodes of all pools that are remembered. The array is replaced, never changed. Costs a look at each pool: for who asks now and then. */
  get nodes(): readonly Node[] {
    const lists = Array.from(this.#pools(), ({ nodes }) => nodes);
    if (lists.length !== this.#seen.length || lists.some((list, i) => list !== this.#seen[i])) {
      this.#seen = lists;
      this.#nodes = lists.flat();
    }
    return this.#nodes;
  }

  /** Lets `observer` hear of the marks of these nodes, now and later. */
  observe(observer: NodeObserver): void {
    this.#observer = observer;
    for (const pool of this.#pools()) pool.observe(observer);
  }

  /** The pool of `address` or `address|address…`. @throws {Error} when one of them cannot be read */
  of(text: string): Pool {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const pool = this.#pool(this.#parse(text));
    this.#byText.set(text, pool);
    return pool;
  }

  /** @throws {Error} when `of` would */
  check(text: string): void {
    for (const one of text.split('|')) this.#maker.check(one);
  }

  /** The pool at a unix socket's path, when `atPath` has made it. */
  knownAtPath(path: string): Pool | undefined {
    return this.#byPath.get(path);
  }

  atPath(path: string): Pool {
    const pool = this.#pool([this.#maker.atPath(path)]);
    this.#byPath.set(path, pool);
    return pool;
  }

  /** There is another server when a file comes back: what was known of the last one's health says nothing about it. */
  forgetPath(path: string): void {
    const pool = this.#byPath.get(path);
    if (pool === undefined) return;
    this.#byPath.delete(path);
    for (const { backend } of pool.nodes) backend.forget();
    pool.stop();
  }

  /** Nobody hears of the marks any more. */
  unobserve(): void {
    this.#observer = null;
    for (const pool of this.#pools()) pool.unobserve();
  }

  /** May be called again. */
  stop(): void {
    if (!this.#isStopped) for (const pool of this.#pools()) pool.stop();
    this.#isStopped = true;
  }

  #pool(sources: readonly NodeSource[]): Pool {
    const pool = this.#maker.pool(sources);
    if (this.#observer !== null) pool.observe(this.#observer);
    return pool;
  }

  *#pools(): Generator<Pool> {
    yield* this.#byText.values();
    yield* this.#byPath.values();
  }

  #parse(text: string): NodeSource[] {
    const sources: NodeSource[] = [];
    try {
      for (const one of text.split('|')) sources.push(this.#maker.parse(one));
      return sources;
    } catch (error) {
      for (const source of sources) source.stop?.();
      throw error;
    }
  }
}
