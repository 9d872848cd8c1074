import { type ConnectAddress, formatAddress } from '../net/address.ts';
import { Backend, type BackendObserver, type NodeFailure } from './backend.ts';
import { hashText } from './hash.ts';

/** What a node runs: a server somewhere and what it speaks, or an app inside this process. */
export type NodeTarget =
  | { readonly kind: 'uwsgi'; readonly address: ConnectAddress }
  | { readonly kind: 'http'; readonly address: ConnectAddress }
  /** Persistent uwsgi; `plain` takes the requests that have a body, and is null when there is no such address. */
  | { readonly kind: 'puwsgi'; readonly address: ConnectAddress; readonly plain: ConnectAddress | null }
  /** A JS worker of ours on its private socket. */
  | { readonly kind: 'worker'; readonly address: ConnectAddress }
  | { readonly kind: 'app' };

/** What the config says of one node besides its address. */
export interface NodeOptions {
  /** Its share among the others, 1–1000; 1 by default. */
  readonly weight?: number;
  /** Asked only when no other node can take a request; false by default. */
  readonly isBackup?: boolean;
  /** The modifiers of its uwsgi packets; null, the default, for those of the router. */
  readonly modifier1?: number | null;
  readonly modifier2?: number | null;
  /** Requests it may have at a time; 0, the default, for no limit. */
  readonly maxConnections?: number;
  /** Failures in a row that make it dead; null, the default, for two refusals or one of anything else, and no count of broken answers. */
  readonly fails?: number | null;
  /** After so many ms its worker is killed over a request (`harakiri`); 0, the default, for never. */
  readonly harakiri?: number;
}

/** Hears when a node dies of its requests, once more while it stays so, and when it is alive again. */
export interface NodeObserver {
  /** It is among those that are observed, from now on. May be told again. */
  joined?(node: Node): void;
  nodeMarked(node: Node, mark: 'dead' | 'alive'): void;
}

/**
 * One entry of a configuration: a place requests can go to, and its share of them. What is known of the server there is its backend's,
 * which nodes of other generations may be for as well.
 */
export class Node {
  readonly target: NodeTarget;
  readonly backend: Backend;
  /** As the user wrote it, for logs. */
  readonly name: string;
  readonly weight: number;
  readonly isBackup: boolean;
  readonly modifier1: number | null;
  readonly modifier2: number | null;
  /** ms; 0 for none. */
  readonly harakiri: number;
  /** What `iphash` knows it by: its address alone, so that a new weight moves as few clients as it can. */
  readonly hash: number;
  /** The balancer's own: how much it is owed. */
  credit = 0;
  readonly #limit: number;
  readonly #fails: number | null;
  #observer: BackendObserver | null = null;

  /** @param backend what is known of the server; it is held until `release` */
  constructor(target: NodeTarget, name?: string, options: NodeOptions = {}, backend = new Backend()) {
    const address = target.kind === 'app' ? 'app' : formatAddress(target.address);
    this.target = target;
    this.backend = backend.hold();
    this.name = name ?? address;
    this.weight = options.weight ?? 1;
    this.isBackup = options.isBackup ?? false;
    this.modifier1 = options.modifier1 ?? null;
    this.modifier2 = options.modifier2 ?? null;
    this.harakiri = options.harakiri ?? 0;
    this.hash = hashText(target.kind === 'app' ? this.name : address);
    this.#limit = options.maxConnections || Number.POSITIVE_INFINITY;
    this.#fails = options.fails ?? null;
  }

  /** It is in no pool any more. Requests that it has go on; once. */
  release(): void {
    this.unobserve();
    this.backend.release();
  }

  /** Lets `observer` hear of its marks, in place of whoever heard of the backend's so far. */
  observe(observer: NodeObserver): void {
    this.#observer = (mark) => observer.nodeMarked(this, mark);
    this.backend.observer = this.#observer;
    observer.joined?.(this);
  }

  /** Whoever observes the same backend through another node goes on. */
  unobserve(): void {
    if (this.#observer !== null && this.backend.observer === this.#observer) this.backend.observer = null;
    this.#observer = null;
  }

  // What the exchange says

  /** A request goes to it; `finished` must follow, once. */
  started(): void {
    this.backend.started();
  }

  finished(): void {
    this.backend.finished();
  }

  /** As `Backend.failed`, by this node's `fails`. */
  failed(failure: NodeFailure, now: number): boolean {
    return this.backend.failed(failure, this.#fails, now);
  }

  /** As `Backend.answerFailed`, by this node's `fails`. */
  answerFailed(now: number): boolean {
    return this.backend.answerFailed(this.#fails, now);
  }

  // What the pool asks

  get running(): number {
    return this.backend.running;
  }

  /** It has as many requests as `maxConnections` allows, those of other generations included. */
  get isFull(): boolean {
    return this.backend.running >= this.#limit;
  }

  isUsable(now: number, graceTime: number): boolean {
    return this.backend.isUsable(now, graceTime);
  }

  /** Usable, and not full. */
  canTake(now: number, graceTime: number): boolean {
    const { backend } = this;
    return backend.running < this.#limit && backend.isUsable(now, graceTime);
  }

  tenths(now: number, slowStart: number): number {
    return this.backend.tenths(now, slowStart);
  }
}
