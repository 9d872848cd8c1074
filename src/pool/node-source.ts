import type { Node } from './node.ts';

/** Where a pool's nodes come from: a list in the config, a host name, later subscriptions. */
export interface NodeSource {
  /** The nodes of this moment. The array is replaced, never changed. */
  readonly nodes: readonly Node[];
  /** Its first look, while that lasts: until then it has no nodes. */
  readonly pending?: Promise<void> | null;
  /** A connection to one of its nodes failed: a good moment to look again. */
  nodeFailed?(): void;
  /** Looks no more, and releases its nodes. Requests that they have go on, and so does `nodes`. Once. */
  stop?(): void;
}
