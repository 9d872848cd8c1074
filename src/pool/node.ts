import { type ConnectAddress, formatAddress } from '../net/address.ts';

/** What a node runs: a uwsgi server somewhere, or an app inside this process. */
export type NodeTarget = { readonly kind: 'uwsgi'; readonly address: ConnectAddress } | { readonly kind: 'app' };

/** Why a node did not take a request; only some of it is the node's fault. */
export type NodeFailure = 'refused' | 'missing' | 'busy' | 'unreachable' | 'timeout' | 'dns' | 'local';

/** A refusal may be the short gap of a restart; the second in a row is not. */
const REFUSALS_TO_DIE = 2;

/** One place requests can go to, and what is known of its health. Its states: alive, dead (since, until its grace is over). */
export class Node {
  readonly target: NodeTarget;
  /** As the user wrote it, for logs. */
  readonly name: string;
  /** Connections made to it. */
  hits = 0;
  #deadSince: number | null = null;
  #lastFailure: NodeFailure | null = null;
  #refusals = 0;

  constructor(target: NodeTarget, name?: string) {
    this.target = target;
    this.name = name ?? (target.kind === 'app' ? 'app' : formatAddress(target.address));
  }

  get isDead(): boolean {
    return this.#deadSince !== null;
  }

  /** True when asking it again costs nothing but a refusal: a probe of last resort may. */
  get failsFast(): boolean {
    return this.#lastFailure === 'refused' || this.#lastFailure === 'missing';
  }

  connected(): void {
    this.hits++;
    this.#deadSince = null;
    this.#lastFailure = null;
    this.#refusals = 0;
  }

  /**
   * Takes note of a failed connection; returns true when this one made the node dead. A full backlog (`busy`) and our own want
   * of descriptors or ports (`local`) say nothing about the node.
   */
  failed(failure: NodeFailure, now: number): boolean {
    if (failure === 'busy' || failure === 'local') return false;
    this.#lastFailure = failure;
    if (failure === 'refused' && ++this.#refusals < REFUSALS_TO_DIE) return false;
    const wasAlive = this.#deadSince === null;
    this.#deadSince = now;
    return wasAlive;
  }

  /** Dead nodes get another chance `graceTime` ms after their last failure (`http-gracetime`). */
  isUsable(now: number, graceTime: number): boolean {
    return this.#deadSince === null || now - this.#deadSince >= graceTime;
  }
}
