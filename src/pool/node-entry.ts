import type { ConnectAddress } from '../net/address.ts';
import type { Backends } from './backends.ts';
import { Node, type NodeOptions, type NodeTarget } from './node.ts';

/** One entry of the config: a node, or as many of them as its host name has addresses. */
export interface NodeEntry extends NodeOptions {
  readonly kind: 'uwsgi' | 'http' | 'puwsgi' | 'worker';
  readonly address: ConnectAddress;
  /** The plain uwsgi address of a `puwsgi` node. */
  readonly plain?: ConnectAddress | null;
  readonly text: string;
}

/** The node of an entry that names no host to look up. */
export function makeNode(entry: NodeEntry, backends: Backends): Node {
  return nodeAt(targetOf(entry, entry.address, entry.plain ?? null), entry.text, entry, backends);
}

/** The node at one address of the entry's host name. A plain address at the same host moves there with it. */
export function makeResolvedNode(entry: NodeEntry, host: string, backends: Backends): Node {
  const { address } = entry;
  const plain = entry.plain ?? null;
  if (address.kind !== 'tcp') return makeNode(entry, backends);
  const isSameHost = plain?.kind === 'tcp' && plain.host === address.host;
  return nodeAt(targetOf(entry, { ...address, host }, isSameHost ? { ...plain, host } : plain), undefined, entry, backends);
}

function nodeAt(target: NodeTarget, name: string | undefined, options: NodeOptions, backends: Backends): Node {
  return new Node(target, name, options, backends.of(target));
}

function targetOf({ kind }: NodeEntry, address: ConnectAddress, plain: ConnectAddress | null): NodeTarget {
  return kind === 'puwsgi' ? { kind, address, plain } : { kind, address };
}
