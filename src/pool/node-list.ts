import type { Node } from './node.ts';
import type { NodeSource } from './node-source.ts';

/** Nodes that stay the same. */
export class NodeList implements NodeSource {
  readonly nodes: readonly Node[];

  constructor(nodes: readonly Node[]) {
    this.nodes = nodes;
  }

  stop(): void {
    for (const node of this.nodes) node.release();
  }
}
