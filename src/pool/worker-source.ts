import { Node, type NodeTarget } from './node.ts';
import type { NodeSource } from './node-source.ts';

/** A place where workers of an app take requests. */
export interface WorkerAddress {
  /** `worker`: one of ours, that speaks HTTP. `uwsgi`: the shared socket of WSGI workers. */
  readonly kind: 'worker' | 'uwsgi';
  /** Of its unix socket. */
  readonly path: string;
  /** Another number for another process behind the same path. */
  readonly spawn: number;
}

/** The workers of the app, as the master tells of them. They outlive a generation of config by themselves. */
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
  use(workers: readonly WorkerAddress[]): void {
    const before = this.#known;
    const known = new Map<string, Node>();
    for (const { kind, path, spawn } of workers) {
      const key = `${kind} ${path} ${spawn}`;
      const address = { kind: 'unix', path, abstract: false } as const;
      known.set(key, before.get(key) ?? this.#make({ kind, address }, path));
    }
    this.#known = known;
    this.#nodes = [...known.values()];
    for (const [key, node] of before) if (!known.has(key)) node.release();
  }

  #make(target: NodeTarget, path: string): Node {
    const node = new Node(target, path, { harakiri: this.harakiri });
    // One that fails before it has answered once speaks no other protocol: we have started it.
    node.backend.isUnderstood = true;
    return node;
  }
}
