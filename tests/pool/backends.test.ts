import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backends } from '../../src/pool/backends.ts';
import { MappedPools } from '../../src/pool/mappers/mapped-pools.ts';
import type { NameSource } from '../../src/pool/name-source.ts';
import { makeNode, type NodeEntry } from '../../src/pool/node-entry.ts';
import { NodeList } from '../../src/pool/node-list.ts';
import { Pool } from '../../src/pool/pool.ts';
import { PoolMaker, type PoolSettings } from '../../src/pool/pool-maker.ts';

const GRACE = 15_000;
const entry = (host: string, more: Partial<NodeEntry> = {}): NodeEntry => ({
  kind: 'http',
  address: { kind: 'tcp', host, port: 80 },
  text: `http://${host}`,
  ...more,
});
const pool = (backends: Backends, ...entries: NodeEntry[]): Pool => new Pool([new NodeList(entries.map((one) => makeNode(one, backends)))], GRACE);

test('B6: the next generation knows of a node what the one before knew, and nothing is left when the last is gone', () => {
  const backends = new Backends();
  const before = pool(backends, entry('10.0.0.1'), entry('10.0.0.2'));
  before.nodes[0].failed('timeout', 0);
  before.nodes[1].backend.checkFailed(1);
  const after = pool(backends, entry('10.0.0.1', { weight: 2 }), entry('10.0.0.3'));
  before.stop();
  assert.equal(backends.size, 2);
  assert.deepEqual([after.nodes[0].backend.isDead, after.nodes[0].isUsable(1, GRACE)], [true, false]);
  assert.equal(after.nodes[1].isUsable(1, GRACE), true);
  after.stop();
  assert.equal(backends.size, 0);
  assert.equal(pool(backends, entry('10.0.0.2')).nodes[0].backend.isDown, false, 'one that was gone starts anew');
});

test('B6: two generations count their requests against one limit', () => {
  const backends = new Backends();
  const before = pool(backends, entry('10.0.0.1', { maxConnections: 2 }));
  before.nodes[0].started();
  before.nodes[0].started();
  const after = pool(backends, entry('10.0.0.1', { maxConnections: 2 }));
  before.stop();
  assert.equal(after.pick(0), null);
  assert.equal(after.isFull(0), true);
  before.nodes[0].finished();
  assert.equal(after.pick(0), after.nodes[0]);
});

test('who speaks another protocol, or elsewhere, is another backend', () => {
  const backends = new Backends();
  const plain = { kind: 'tcp', host: '10.0.0.1', port: 81 } as const;
  const nodes = [
    entry('10.0.0.1'),
    entry('10.0.0.1', { kind: 'uwsgi' }),
    entry('10.0.0.1', { kind: 'puwsgi', plain: null }),
    entry('10.0.0.1', { kind: 'puwsgi', plain }),
    entry('10.0.0.1', { address: { kind: 'tcp', host: '10.0.0.1', port: 81 } }),
  ].map((one) => makeNode(one, backends));
  assert.equal(new Set(nodes.map(({ backend }) => backend)).size, nodes.length);
});

test('who watches through a node that goes does not end what another hears', () => {
  const backends = new Backends();
  const told: string[] = [];
  const before = pool(backends, entry('10.0.0.1'));
  const after = pool(backends, entry('10.0.0.1'));
  before.observe({ nodeMarked: (_node, mark) => told.push(`before ${mark}`) });
  after.observe({ nodeMarked: (_node, mark) => told.push(`after ${mark}`) });
  before.stop();
  // A request of the generation before still finds out.
  before.nodes[0].failed('timeout', 0);
  assert.deepEqual(told, ['after dead']);
});

test('checks: what they said ends with them, and the first one by other settings decides alone', () => {
  const [node] = pool(new Backends(), entry('10.0.0.1')).nodes;
  const { backend } = node;
  backend.checkBy('first');
  for (let i = 0; i < 3; i++) backend.checkFailed(3);
  assert.equal(backend.isDown, true);
  backend.checkBy('first');
  assert.equal(backend.checkPassed(2), false, 'the same settings: two in a row are asked for');
  backend.checkBy('second');
  assert.equal(backend.isDown, true, 'until they are asked');
  assert.equal(backend.checkPassed(2), true);
  backend.checkFailed(1);
  backend.checkBy(null);
  assert.equal(backend.isDown, false);
});

/** A maker of pools whose names have one address each, which can change. */
function maker(backends: Backends, addresses: Record<string, string>, lookups: string[] = []): PoolMaker {
  const settings: PoolSettings = { graceTime: GRACE, kind: 'http', parse: (text) => entry(text) };
  const resolve = (name: string): Promise<string[]> => {
    lookups.push(name);
    return Promise.resolve([addresses[name]!]);
  };
  return new PoolMaker(settings, { resolve, warn: () => {}, now: () => performance.now() }, backends);
}

test('B9: names of fallbacks are looked up again, all names at the same time, and nothing goes on when they are stopped', async () => {
  const backends = new Backends();
  const addresses: Record<string, string> = { 'a.example': '10.0.0.1', 'b.example': '10.0.0.2' };
  const lookups: string[] = [];
  const waiting = maker(backends, addresses, lookups).sources([entry('a.example'), entry('b.example'), entry('10.0.0.9')]);
  assert.deepEqual(lookups, ['a.example', 'b.example']);
  const fallbacks = new Pool(await waiting, GRACE);
  const names = (): string => fallbacks.nodes.map(({ name }) => name).join(' ');
  assert.equal(names(), 'http://10.0.0.9 10.0.0.1:80 10.0.0.2:80');
  addresses['a.example'] = '10.0.0.7';
  const source = (await maker(backends, addresses).sources([entry('a.example')]))[0] as NameSource;
  await source.refresh();
  assert.equal(source.nodes[0].name, '10.0.0.7:80');
  source.stop();
  fallbacks.stop();
  await source.refresh();
  assert.equal(backends.size, 0, 'a look-up that comes late makes no node');
});

test('N17: the nodes that mappers have found can be looked after', () => {
  const backends = new Backends();
  const pools = new MappedPools(maker(backends, {}), 4);
  const told: string[] = [];
  const first = pools.of('10.0.0.1');
  assert.equal(pools.nodes, pools.nodes, 'the same array while nothing changes');
  assert.deepEqual(pools.nodes, first.nodes);
  pools.observe({ nodeMarked: ({ name }, mark) => told.push(`${name} ${mark}`) });
  const path = pools.atPath('/run/a.sock');
  assert.deepEqual(pools.nodes, [...first.nodes, ...path.nodes]);
  first.nodes[0].failed('timeout', 0);
  path.nodes[0].failed('timeout', 0);
  assert.deepEqual(told, ['http://10.0.0.1 dead', '/run/a.sock dead']);
  pools.forgetPath('/run/a.sock');
  assert.equal(pools.atPath('/run/a.sock').nodes[0].backend.isDead, false, 'another server is there');
  pools.stop();
  assert.equal(backends.size, 0);
});
