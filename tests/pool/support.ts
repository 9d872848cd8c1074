import { Node, type NodeOptions } from '../../src/pool/node.ts';
import { Pool, type PoolOptions } from '../../src/pool/pool.ts';

export const GRACE = 30_000;

export const node = (name: string, options?: NodeOptions): Node => new Node({ kind: 'app' }, name, options);

/** Nodes called a, b, c … with these weights, and a pool of them. */
export function weighted(weights: readonly number[], options?: PoolOptions): { pool: Pool; nodes: Node[] } {
  const nodes = weights.map((weight, i) => node(nameOf(i), { weight }));
  return { pool: new Pool([{ nodes }], GRACE, options), nodes };
}

const nameOf = (i: number): string => String.fromCharCode(97 + i);

export const picks = (pool: Pool, count: number, now = 0): string => Array.from({ length: count }, () => pool.pick(now)?.name ?? '-').join('');

/** How often each node is taken, in their order. */
export function counts(pool: Pool, nodes: readonly Node[], count: number, now = 0): number[] {
  const taken = new Map<Node | null, number>();
  for (let i = 0; i < count; i++) {
    const one = pool.pick(now);
    taken.set(one, (taken.get(one) ?? 0) + 1);
  }
  return nodes.map((one) => taken.get(one) ?? 0);
}

export const die = (dead: Node, now = 0): void => void dead.failed('missing', now);

/** Dead, and back at once by a connection. */
export function comeBack(dead: Node, now = 0): void {
  die(dead, now);
  dead.backend.reached();
}
