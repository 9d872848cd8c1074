import { type ConnectAddress, formatAddress } from '../net/address.ts';
import { Backend } from './backend.ts';
import type { NodeTarget } from './node.ts';

/**
 * What is known of nodes beyond one generation of config: a backend for each kind and address. A reload that keeps a node keeps what is
 * known of it, and two generations that overlap count its requests together. A backend is gone with the last node that is for it.
 */
export class Backends {
  readonly #byKey = new Map<string, Backend>();

  get size(): number {
    return this.#byKey.size;
  }

  /** The backend that a node with this target is for. The node holds it. */
  of(target: NodeTarget): Backend {
    const key = keyOf(target);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const backend = new Backend(() => this.#byKey.delete(key));
    this.#byKey.set(key, backend);
    return backend;
  }
}

function keyOf(target: NodeTarget): string {
  if (target.kind === 'app') return target.kind;
  const plain: ConnectAddress | null = target.kind === 'puwsgi' ? target.plain : null;
  return `${target.kind} ${formatAddress(target.address)}${plain === null ? '' : ` ${formatAddress(plain)}`}`;
}
