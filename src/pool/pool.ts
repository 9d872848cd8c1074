import type { Node } from './node.ts';
import type { NodeSource } from './node-source.ts';

/**
 * Nodes that serve the same, taken round robin. Dead ones are left out until their grace is over, wherever the cursor stands.
 */
export class Pool {
  readonly #sources: readonly NodeSource[];
  readonly #graceTime: number;
  #cursor = 0;
  #seen: readonly (readonly Node[])[] = [];
  #nodes: readonly Node[] = [];

  /** @param graceTime ms a dead node is left alone (`http-gracetime`) */
  constructor(sources: readonly NodeSource[], graceTime: number) {
    this.#sources = sources;
    this.#graceTime = graceTime;
  }

  get nodes(): readonly Node[] {
    // Sources replace their arrays: as long as they are the same ones, so is their sum. A plain loop: every request comes by.
    for (let i = 0; i < this.#sources.length; i++) if (this.#sources[i].nodes !== this.#seen[i]) return this.#collect();
    return this.#nodes;
  }

  #collect(): readonly Node[] {
    this.#seen = this.#sources.map((source) => source.nodes);
    this.#nodes = this.#seen.flat();
    return this.#nodes;
  }

  /** The next usable node, or null. */
  pick(now: number): Node | null {
    const { nodes } = this;
    const count = nodes.length;
    for (let i = 0; i < count; i++) {
      const node = nodes[(this.#cursor + i) % count];
      if (!node.isUsable(now, this.#graceTime)) continue;
      this.#cursor = (this.#cursor + i + 1) % count;
      return node;
    }
    return null;
  }

  /** True when `pick` or `pickLastResort` would find one. */
  hasNode(now: number): boolean {
    return this.nodes.some((node) => node.failsFast || node.isUsable(now, this.#graceTime));
  }

  /** A dead node worth one quick question when there is nothing better, among those not tried yet; or null. */
  pickLastResort(tried: readonly Node[]): Node | null {
    return this.nodes.find((node) => node.failsFast && !tried.includes(node)) ?? null;
  }

  /** Lets the sources know that a connection to one of their nodes failed. */
  nodeFailed(node: Node): void {
    for (const source of this.#sources) if (source.nodes.includes(node)) source.nodeFailed?.();
  }

  stop(): void {
    for (const source of this.#sources) source.stop?.();
  }
}
