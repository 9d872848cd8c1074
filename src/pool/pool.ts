import type { PeerAddress } from '../net/peer.ts';
import type { Algorithm, Balancer } from './balancer.ts';
import { makeBalancer } from './make-balancer.ts';
import type { Node, NodeObserver } from './node.ts';
import type { NodeSource } from './node-source.ts';

export interface PoolOptions {
  /** `http-algo`; `wrr` by default. */
  readonly algorithm?: Algorithm;
  /** ms in which a node that was dead comes to its whole weight (`http-slow-start`); 0, the default, for at once. */
  readonly slowStart?: number;
}

/**
 * Nodes that serve the same, chosen by one algorithm. Dead ones are left out until their grace is over, wherever the turn stands;
 * backup nodes are in turn only when no other can take a request.
 */
export class Pool {
  readonly #sources: readonly NodeSource[];
  readonly #graceTime: number;
  readonly #first: Balancer;
  readonly #backup: Balancer;
  #hasBackups = false;
  #observer: NodeObserver | null = null;
  #seen: readonly (readonly Node[])[] = [];
  #nodes: readonly Node[] = [];

  /** @param graceTime ms a dead node is left alone (`http-gracetime`) */
  constructor(sources: readonly NodeSource[], graceTime: number, { algorithm = 'wrr', slowStart = 0 }: PoolOptions = {}) {
    this.#sources = sources;
    this.#graceTime = graceTime;
    this.#first = makeBalancer(algorithm, graceTime, slowStart);
    this.#backup = makeBalancer(algorithm, graceTime, slowStart);
  }

  /** Lets `observer` hear of the marks of its nodes, now and later. */
  observe(observer: NodeObserver): void {
    this.#observer = observer;
    for (const node of this.nodes) node.observe(observer);
  }

  unobserve(): void {
    this.#observer = null;
    for (const node of this.nodes) node.unobserve();
  }

  /** All of them, backup nodes too. The array is replaced, never changed. */
  get nodes(): readonly Node[] {
    // Sources replace their arrays: as long as they are the same ones, so is their sum. A plain loop: every request comes by.
    for (let i = 0; i < this.#sources.length; i++) if (this.#sources[i].nodes !== this.#seen[i]) return this.#collect();
    return this.#nodes;
  }

  /** Resolves when it may have nodes; null when nothing is to be waited for. */
  get pending(): Promise<unknown> | null {
    if (this.nodes.length > 0) return null;
    const pending = this.#sources.map((source) => source.pending).filter((promise) => promise != null);
    return pending.length === 0 ? null : Promise.race(pending);
  }

  #collect(): readonly Node[] {
    this.#seen = this.#sources.map((source) => source.nodes);
    this.#nodes = this.#seen.flat();
    if (this.#observer !== null) for (const node of this.#nodes) node.observe(this.#observer);
    const backups = this.#nodes.filter(({ isBackup }) => isBackup);
    this.#hasBackups = backups.length > 0;
    this.#first.use(this.#hasBackups ? this.#nodes.filter(({ isBackup }) => !isBackup) : this.#nodes);
    this.#backup.use(backups);
    return this.#nodes;
  }

  /**
   * The next node that can take a request, or null.
   * @param client who asks; only `iphash` wants to know
   * @param tried nodes that this request has been to; they are asked again only when there is no other
   */
  pick(now: number, client: PeerAddress | null = null, tried: readonly Node[] | null = null): Node | null {
    if (this.nodes.length === 0) return null;
    const node = this.#first.pick(now, client, tried) ?? (this.#hasBackups ? this.#backup.pick(now, client, tried) : null);
    return node !== null || tried === null || tried.length === 0 ? node : this.pick(now, client);
  }

  /** True when `pick` or `pickLastResort` would find one. */
  hasNode(now: number): boolean {
    return this.nodes.some((node) => isLastResort(node) || node.canTake(now, this.#graceTime));
  }

  /** True when `pick` finds none only because every usable node has as many requests as it may have (`max-conns`). */
  isFull(now: number): boolean {
    const usable = this.nodes.filter((node) => node.isUsable(now, this.#graceTime));
    return usable.length > 0 && usable.every((node) => node.isFull);
  }

  /** A dead node worth one quick question when there is nothing better, among those not tried yet; or null. */
  pickLastResort(tried: readonly Node[]): Node | null {
    return this.nodes.find((node) => isLastResort(node) && !tried.includes(node)) ?? null;
  }

  /** Lets the sources know that a connection to one of their nodes failed. */
  nodeFailed(node: Node): void {
    for (const source of this.#sources) if (source.nodes.includes(node)) source.nodeFailed?.();
  }

  /** Watches no more, and ends its sources. */
  stop(): void {
    this.unobserve();
    for (const source of this.#sources) source.stop?.();
  }
}

/** Neither a limit nor a check may be overruled because nothing else is left. */
function isLastResort(node: Node): boolean {
  return node.backend.failsFast && !node.backend.isDown && !node.isFull;
}
