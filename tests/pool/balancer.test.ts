import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PeerAddress, UNIX_PEER } from '../../src/net/peer.ts';
import { ALGORITHMS } from '../../src/pool/balancer.ts';
import { Node } from '../../src/pool/node.ts';
import { Pool } from '../../src/pool/pool.ts';
import { check, fc } from '../support/fast-check.ts';
import { comeBack, counts, die, GRACE, node, picks, weighted } from './support.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const client = (i: number): PeerAddress => ({ family: 'ipv4', address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 1 });
const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });

// wrr

test('wrr mixes by weight', () => {
  assert.equal(picks(weighted([2, 1]).pool, 6), 'abaaba');
  assert.equal(picks(weighted([1, 3]).pool, 8), 'babbbabb'.slice(0, 8));
  assert.equal(picks(weighted([5, 1, 1]).pool, 7), 'aabacaa');
  assert.equal(picks(weighted([3, 3, 3]).pool, 6), 'abcabc');
});

test('wrr: a round gives every node exactly its weight, and no node gets ahead by more than one', () => {
  check(
    fc.property(weights, (all) => {
      const { pool, nodes } = weighted(all);
      const total = sum(all);
      const taken = new Map(nodes.map((one) => [one, 0]));
      for (let i = 1; i <= 2 * total; i++) {
        const one = pool.pick(0)!;
        taken.set(one, taken.get(one)! + 1);
        for (const each of nodes) {
          const due = (i * each.weight) / total;
          assert.ok(taken.get(each)! < due + 1, `${all}: ${each.name} has ${taken.get(each)} of ${i}`);
          assert.ok(taken.get(each)! > due - nodes.length / 2 - 1, `${all}: ${each.name} waits with ${taken.get(each)} of ${i}`);
        }
        if (i % total === 0)
          assert.deepEqual(
            [...taken.values()],
            all.map((weight) => (weight * i) / total),
          );
      }
    }),
  );
});

test('wrr: the share of dead nodes goes to the others by weight', () => {
  check(
    fc.property(weights, fc.nat(), (all, which) => {
      const { pool, nodes } = weighted(all);
      const dead = which % all.length;
      die(nodes[dead]);
      const rest = all.map((weight, i) => (i === dead ? 0 : weight));
      assert.deepEqual(counts(pool, nodes, sum(rest)), rest);
    }),
  );
});

test('wrr: whatever dies and comes back, nobody starves', () => {
  check(
    fc.property(weights, fc.array(fc.nat({ max: 20 }), { maxLength: 60 }), (all, events) => {
      const { pool, nodes } = weighted([...all, 1]);
      for (const event of events) {
        const one = nodes[event % nodes.length];
        if (event % 3 !== 0) pool.pick(0);
        else if (one.backend.isDead) one.backend.reached();
        else die(one);
      }
      for (const one of nodes) one.backend.reached();
      const taken = counts(pool, nodes, 4 * sum([...all, 1]));
      for (const [i, count] of taken.entries()) assert.ok(count >= 1, `${nodes[i].name} of ${all},1 after ${events}: ${taken}`);
    }),
  );
});

// lrc, wlrc

test('lrc takes the node with the fewest running requests', () => {
  const { pool, nodes } = weighted([1, 1, 1], { algorithm: 'lrc' });
  for (const [i, running] of [3, 1, 2].entries()) nodes[i].backend.running = running;
  assert.equal(pool.pick(0), nodes[1]);
  die(nodes[1]);
  assert.equal(pool.pick(0), nodes[2]);
});

test('lrc takes turns where nothing runs, whatever the weights', () => {
  assert.equal(picks(weighted([1, 1, 1], { algorithm: 'lrc' }).pool, 6), 'abcabc');
  assert.equal(picks(weighted([9, 1], { algorithm: 'lrc' }).pool, 4), 'abab');
});

test('lrc keeps the numbers of running requests level', () => {
  const { pool, nodes } = weighted([1, 1, 1, 1], { algorithm: 'lrc' });
  for (let i = 0; i < 4002; i++) {
    pool.pick(0)!.started();
    if (i % 7 === 0) nodes[i % 3].finished();
    if (nodes[i % 3].running < 0) nodes[i % 3].backend.running = 0;
  }
  const running = nodes.map((one) => one.running);
  assert.ok(Math.max(...running) - Math.min(...running) <= 1, String(running));
});

test('wlrc fills by weight', () => {
  check(
    fc.property(weights, (all) => {
      const { pool, nodes } = weighted(all, { algorithm: 'wlrc' });
      for (let i = 0; i < 3 * sum(all); i++) pool.pick(0)!.started();
      assert.deepEqual(
        nodes.map((one) => one.running),
        all.map((weight) => 3 * weight),
      );
    }),
  );
});

test('wlrc heeds weights where nothing runs', () => {
  const { pool, nodes } = weighted([3, 1], { algorithm: 'wlrc' });
  assert.deepEqual(counts(pool, nodes, 8), [6, 2]);
});

// iphash

const servers = (list: readonly (readonly [host: number, weight: number])[]): Node[] =>
  list.map(
    ([host, weight]) =>
      new Node({ kind: 'uwsgi', address: { kind: 'tcp', host: `192.0.2.${host}`, port: 3031 } }, `n${host},weight=${weight}`, { weight }),
  );
const hashed = (nodes: readonly Node[], slowStart = 0): Pool => new Pool([{ nodes }], GRACE, { algorithm: 'iphash', slowStart });
const spread = (pool: Pool, count: number, now = 0): Node[] => Array.from({ length: count }, (_, i) => pool.pick(now, client(i))!);

test('iphash: a client keeps its node, and clients spread by weight', () => {
  const nodes = servers([
    [1, 1],
    [2, 2],
    [3, 1],
  ]);
  const pool = hashed(nodes);
  const first = spread(pool, 4000);
  assert.deepEqual(spread(pool, 4000), first);
  const shares = nodes.map((one) => first.filter((taken) => taken === one).length / 4000);
  for (const [i, share] of [0.25, 0.5, 0.25].entries()) assert.ok(Math.abs(shares[i] - share) < 0.03, String(shares));
});

test('iphash: the port of the client and the order of the nodes play no part', () => {
  const nodes = servers([
    [1, 1],
    [2, 3],
    [3, 1],
  ]);
  const [pool, other] = [hashed(nodes), hashed([...nodes].reverse())];
  for (let i = 0; i < 200; i++) assert.equal(pool.pick(0, { ...client(i), port: 9 }), other.pick(0, client(i)));
});

test('iphash: a node that goes moves only its own clients, and they come back with it', () => {
  check(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 2, maxLength: 6 }), fc.nat(), (hosts, which) => {
      const nodes = servers(hosts.map((host) => [host, 1 + (host % 4)]));
      const pool = hashed(nodes);
      const before = spread(pool, 100);
      const dead = nodes[which % nodes.length];
      die(dead);
      for (const [i, now] of spread(pool, 100).entries()) {
        if (before[i] === dead) assert.notEqual(now, dead);
        else assert.equal(now, before[i]);
      }
      dead.backend.reached();
      assert.deepEqual(spread(pool, 100), before);
    }),
    100,
  );
});

test('iphash: the clients of a lost node spread over all others', () => {
  const nodes = servers([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  const pool = hashed(nodes);
  const before = spread(pool, 2000);
  die(nodes[0]);
  const heirs = spread(pool, 2000).filter((_, i) => before[i] === nodes[0]);
  for (const heir of nodes.slice(1)) assert.ok(heirs.filter((one) => one === heir).length > heirs.length / 5);
});

test('iphash: a new weight moves clients only to or from that node', () => {
  const before = spread(
    hashed(
      servers([
        [1, 1],
        [2, 1],
        [3, 1],
      ]),
    ),
    500,
  );
  const after = spread(
    hashed(
      servers([
        [1, 1],
        [2, 5],
        [3, 1],
      ]),
    ),
    500,
  );
  let moved = 0;
  for (let i = 0; i < 500; i++) {
    if (before[i].hash === after[i].hash) continue;
    moved++;
    assert.match(after[i].name, /^n2,/);
  }
  assert.ok(moved > 100);
});

test('iphash: a node that is there twice has twice the share', () => {
  const nodes = servers([
    [1, 1],
    [1, 1],
    [2, 1],
  ]);
  const taken = spread(hashed(nodes), 3000);
  for (const one of nodes) assert.ok(Math.abs(taken.filter((each) => each === one).length - 1000) < 120);
});

test('iphash: clients without an address take turns', () => {
  const nodes = servers([
    [1, 1],
    [2, 1],
  ]);
  const pool = hashed(nodes);
  assert.deepEqual(
    [0, 1, 2].map(() => pool.pick(0, UNIX_PEER)),
    [nodes[0], nodes[1], nodes[0]],
  );
  assert.deepEqual(
    [0, 1].map(() => pool.pick(0)),
    [nodes[1], nodes[0]],
  );
});

// All of them

for (const algorithm of ALGORITHMS) {
  const ask = (pool: Pool, now = 0, tried: Node[] | null = null): string | undefined => pool.pick(now, client(7), tried)?.name;

  test(`${algorithm}: no nodes, no node`, () => {
    assert.equal(new Pool([], GRACE, { algorithm }).pick(0, client(1)), null);
    assert.equal(new Pool([{ nodes: [] }], GRACE, { algorithm }).pick(0, client(1)), null);
  });

  test(`${algorithm}: backup nodes only when no other can take a request`, () => {
    const nodes = [node('b', { isBackup: true }), node('a'), node('full', { maxConnections: 1 })];
    const pool = new Pool([{ nodes }], GRACE, { algorithm });
    for (let i = 0; i < 20; i++) assert.notEqual(ask(pool), 'b');
    die(nodes[1]);
    assert.equal(ask(pool), 'full');
    nodes[2].started();
    assert.equal(ask(pool), 'b');
    assert.equal(pool.isFull(0), false);
    nodes[2].finished();
    assert.equal(ask(pool), 'full');
    die(nodes[2]);
    die(nodes[0]);
    assert.equal(ask(pool), undefined);
    assert.equal(pool.isFull(0), false, 'dead is not full');
  });

  test(`${algorithm}: a full node is passed over until a request of it ends`, () => {
    const nodes = [node('a', { maxConnections: 2 }), node('b', { maxConnections: 1 })];
    const pool = new Pool([{ nodes }], GRACE, { algorithm });
    for (let i = 0; i < 3; i++) pool.pick(0, client(i))!.started();
    assert.deepEqual(
      nodes.map((one) => one.running),
      [2, 1],
    );
    assert.deepEqual([ask(pool), pool.isFull(0), pool.hasNode(0)], [undefined, true, false]);
    nodes[1].finished();
    assert.deepEqual([ask(pool), pool.isFull(0), pool.hasNode(0)], ['b', false, true]);
  });

  test(`${algorithm}: what was tried comes last, behind backup nodes`, () => {
    const nodes = [node('a'), node('b'), node('c', { isBackup: true })];
    const pool = new Pool([{ nodes }], GRACE, { algorithm });
    const tried: Node[] = [];
    const order = Array.from({ length: 3 }, () => {
      tried.push(pool.pick(0, client(3), tried)!);
      return tried.at(-1)!.name;
    });
    assert.deepEqual([...order.slice(0, 2).sort(), order[2]], ['a', 'b', 'c']);
    assert.match(ask(pool, 0, tried)!, /[ab]/, 'with all tried it begins anew');
  });

  test(`${algorithm}: a full node is no last resort either`, () => {
    const one = node('a', { maxConnections: 1 });
    const pool = new Pool([{ nodes: [one] }], GRACE, { algorithm });
    die(one);
    assert.equal(pool.pickLastResort([]), one);
    one.started();
    assert.deepEqual([pool.pickLastResort([]), pool.hasNode(0)], [null, false]);
  });

  test(`${algorithm}: a node whose checks failed gets nothing, not even as the last resort`, () => {
    const { pool, nodes } = weighted([1, 1], { algorithm });
    nodes[0].backend.checkFailed(1);
    for (let i = 0; i < 5; i++) assert.equal(ask(pool, 10 * GRACE), 'b');
    nodes[0].failed('refused', 0);
    die(nodes[1]);
    assert.equal(ask(pool), undefined);
    assert.equal(pool.pickLastResort([])?.name, 'b');
    assert.equal(pool.pickLastResort([nodes[1]]), null);
  });
}

// Slow start

const SLOW = 10_000;

test('slow start: a node that came back has from a tenth to all of its share', () => {
  const { pool, nodes } = weighted([1, 1], { slowStart: SLOW });
  comeBack(nodes[1]);
  assert.deepEqual(counts(pool, nodes, 110), [100, 10]);
  assert.deepEqual(counts(pool, nodes, 30, 0.45 * SLOW), [20, 10]);
  assert.deepEqual(counts(pool, nodes, 190, SLOW - 1), [100, 90]);
  assert.equal(picks(pool, 4, SLOW), picks(pool, 4, SLOW), 'turns again');
  assert.deepEqual(counts(pool, nodes, 100, SLOW), [50, 50]);
});

test('slow start: by weight too', () => {
  const { pool, nodes } = weighted([1, 3], { slowStart: SLOW });
  comeBack(nodes[1]);
  assert.deepEqual(counts(pool, nodes, 130), [100, 30]);
  assert.deepEqual(counts(pool, nodes, 400, 2 * SLOW), [100, 300]);
});

test('slow start: not for new nodes, not when it is off, not between nodes that all came back', () => {
  assert.equal(picks(weighted([1, 1], { slowStart: SLOW }).pool, 4), 'abab');
  const off = weighted([1, 1]);
  comeBack(off.nodes[1]);
  assert.equal(picks(off.pool, 4), 'abab');
  const all = weighted([1, 1, 1], { slowStart: SLOW });
  all.nodes.forEach((one) => void comeBack(one));
  assert.equal(picks(all.pool, 6), 'abcabc');
});

test('slow start: begins anew for a node that died on the way', () => {
  const { pool, nodes } = weighted([1, 1], { slowStart: SLOW });
  comeBack(nodes[1]);
  picks(pool, 2);
  comeBack(nodes[1], SLOW / 2);
  assert.deepEqual(counts(pool, nodes, 110, SLOW / 2), [100, 10]);
});

test('slow start: after checks that failed', () => {
  const { pool, nodes } = weighted([1, 1], { slowStart: SLOW });
  nodes[1].backend.checkFailed(1);
  nodes[1].backend.checkPassed(1);
  assert.deepEqual(counts(pool, nodes, 110), [100, 10]);
});

test('slow start: lrc does not pour everything into a node that is back with nothing to do', () => {
  const { pool, nodes } = weighted([1, 1], { algorithm: 'lrc', slowStart: SLOW });
  nodes[0].backend.running = 15;
  comeBack(nodes[1]);
  for (let i = 0; i < 10; i++) pool.pick(0)!.started();
  assert.ok(nodes[1].running <= 3 && nodes[1].running > 0, String(nodes[1].running));
  for (let i = 0; i < 25; i++) pool.pick(SLOW)!.started();
  assert.deepEqual(
    nodes.map((one) => one.running),
    [25, 25],
  );
});

test('slow start: iphash brings the clients home little by little, and none to anybody else', () => {
  const nodes = servers([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  const pool = hashed(nodes, SLOW);
  const home = spread(pool, 600);
  comeBack(nodes[0]);
  let last = -1;
  for (const now of [0, SLOW / 2, SLOW]) {
    const taken = spread(pool, 600, now);
    for (const [i, one] of taken.entries()) if (home[i] !== nodes[0]) assert.equal(one, home[i]);
    const back = taken.filter((one) => one === nodes[0]).length;
    assert.ok(back > last);
    last = back;
  }
  assert.deepEqual(spread(pool, 600, SLOW), home);
});
