import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeFailure } from '../../src/pool/backend.ts';
import { Node } from '../../src/pool/node.ts';
import { Pool } from '../../src/pool/pool.ts';

const GRACE = 30_000;

const node = (name: string): Node => new Node({ kind: 'app' }, name);
const make = (...names: string[]): { pool: Pool; nodes: Node[] } => {
  const nodes = names.map(node);
  return { pool: new Pool([{ nodes }], GRACE), nodes };
};
const picks = (pool: Pool, count: number, now = 0): string => Array.from({ length: count }, () => pool.pick(now)?.name ?? '-').join('');
const die = (dead: Node, now = 0): void => void dead.failed('missing', now);

test('nodes are taken round robin', () => {
  assert.equal(picks(make('a', 'b', 'c').pool, 7), 'abcabca');
  assert.equal(picks(make('a').pool, 3), 'aaa');
  assert.equal(picks(make().pool, 2), '--');
});

test('several sources are one round', () => {
  const pool = new Pool([{ nodes: [node('a'), node('b')] }, { nodes: [] }, { nodes: [node('c')] }], GRACE);
  assert.equal(picks(pool, 6), 'abcabc');
});

test('a dead node is left out, and its neighbour gets no double share', () => {
  const { pool, nodes } = make('a', 'b', 'c', 'd');
  die(nodes[1]);
  assert.equal(picks(pool, 9), 'acdacdacd');
  for (const one of nodes) die(one);
  assert.equal(picks(pool, 2), '--');
});

test('a dead node comes back when its grace is over, wherever the cursor stands', () => {
  const { pool, nodes } = make('a', 'b', 'c');
  die(nodes[2], 1000);
  assert.equal(picks(pool, 4, 1000 + GRACE - 1), 'abab');
  assert.equal(picks(pool, 4, 1000 + GRACE), 'cabc');
});

test('a node that fails again behind its grace is dead again at once, from then on', () => {
  const { pool, nodes } = make('a');
  nodes[0].failed('refused', 0);
  nodes[0].failed('refused', 0);
  assert.equal(picks(pool, 1, GRACE), 'a');
  assert.equal(nodes[0].failed('refused', GRACE), false);
  assert.equal(picks(pool, 1, GRACE), '-');
  assert.equal(picks(pool, 1, 2 * GRACE - 1), '-');
  assert.equal(picks(pool, 1, 2 * GRACE), 'a');
});

test('one refusal is not death, two in a row are', () => {
  const one = node('a');
  assert.equal(one.failed('refused', 0), false);
  assert.equal(one.backend.isDead, false);
  one.backend.reached();
  assert.equal(one.failed('refused', 0), false);
  assert.equal(one.backend.isDead, false);
  assert.equal(one.failed('refused', 0), true);
  assert.equal(one.backend.isDead, true);
  assert.equal(one.failed('refused', 0), false, 'it can die only once');
});

test('each failure has its own weight', () => {
  const weights: Readonly<Record<NodeFailure, boolean>> = {
    refused: false,
    missing: true,
    busy: false,
    unreachable: true,
    timeout: true,
    dns: true,
    local: false,
  };
  for (const [failure, kills] of Object.entries(weights) as [NodeFailure, boolean][]) {
    const one = node('a');
    assert.equal(one.failed(failure, 0), kills, failure);
    assert.equal(one.backend.isDead, kills, failure);
  }
});

test('a full backlog and our own faults never kill, however often', () => {
  const one = node('a');
  one.failed('refused', 0);
  for (let i = 0; i < 100; i++) for (const failure of ['busy', 'local'] as const) assert.equal(one.failed(failure, i), false);
  assert.equal(one.backend.isDead, false);
});

test('a connection makes a node alive', () => {
  const one = node('a');
  die(one);
  one.backend.reached();
  assert.deepEqual([one.backend.isDead, one.backend.failsFast], [false, false]);
  assert.equal(one.isUsable(0, GRACE), true);
});

test('the last resort is a node that answers at once and was not tried yet', () => {
  const { pool, nodes } = make('a', 'b', 'c', 'd');
  assert.equal(pool.pickLastResort([]), null);
  nodes[0].failed('timeout', 0);
  nodes[1].failed('unreachable', 0);
  assert.equal(pool.pickLastResort([]), null);
  nodes[2].failed('refused', 0);
  nodes[2].failed('refused', 0);
  die(nodes[3]);
  assert.equal(pool.pickLastResort([])?.name, 'c');
  assert.equal(pool.pickLastResort([nodes[2]])?.name, 'd');
  assert.equal(pool.pickLastResort([nodes[2], nodes[3]]), null);
});

test('the source of a failed node hears of it, and no other', () => {
  const heard: string[] = [];
  const [a, b] = [node('a'), node('b')];
  const source = (name: string, nodes: Node[]) => ({ nodes, nodeFailed: () => heard.push(name), stop: () => heard.push(`stop ${name}`) });
  const pool = new Pool([source('one', [a]), source('two', [b]), { nodes: [] }], GRACE);
  pool.nodeFailed(b);
  pool.nodeFailed(node('c'));
  assert.deepEqual(heard, ['two']);
  pool.stop();
  assert.deepEqual(heard, ['two', 'stop one', 'stop two']);
});

test('a cursor behind the end of a list that became shorter is no trap', () => {
  const source = { nodes: ['a', 'b', 'c', 'd'].map(node) };
  const pool = new Pool([source], GRACE);
  assert.equal(picks(pool, 3), 'abc');
  source.nodes = source.nodes.slice(0, 2);
  assert.equal(picks(pool, 3).length, 3);
  assert.ok(!picks(pool, 4).includes('-'));
});

test('nodes are named as users write them', () => {
  assert.equal(new Node({ kind: 'uwsgi', address: { kind: 'tcp', host: '::1', port: 5 } }).name, '[::1]:5');
  assert.equal(new Node({ kind: 'uwsgi', address: { kind: 'unix', path: 'a', abstract: true } }).name, '@a');
  assert.equal(new Node({ kind: 'app' }).name, 'app');
});
