import type { WorkerNode } from '../master/messages.ts';
import { Node } from '../pool/node.ts';
import type { NodeSource } from '../pool/node-source.ts';

/** The workers of the app, as the master tells of them. */
export class WorkerSource implements NodeSource {
  /** What they run: it decides what upstreams there must be before there is a node. */
  readonly kind: 'fetch' | 'wsgi';
  /** What a worker is given for a request (`harakiri`), in ms; 0 for no limit. It holds for nodes made from then on. */
  harakiri = 0;
  #nodes: readonly Node[] = [];
  #known = new Map<string, Node>();

  constructor(kind: 'fetch' | 'wsgi') {
    this.kind = kind;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** A worker that is still the same process keeps its node, and so the connections that are kept to it. */
  use(workers: readonly WorkerNode[]): void {
    const known = new Map<string, Node>();
    for (const { kind, path, spawn } of workers) {
      const key = `${kind} ${path} ${spawn}`;
      const address = { kind: 'unix', path, abstract: false } as const;
      known.set(key, this.#known.get(key) ?? new Node({ kind, address }, path, { harakiri: this.harakiri }));
    }
    this.#known = known;
    this.#nodes = [...known.values()];
  }
}
