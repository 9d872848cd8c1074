/** Single ways through the tables of slots and reloads that the random ones find late. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldMarks, MarkStore } from '../../src/master/mark-store.ts';
import type { NodeMark } from '../../src/master/messages.ts';
import { FakeTree } from './fake-tree.ts';

const SIZES = { routers: 2, workers: 1 };

test('B23: a router that never gets ready at the start: the start fails, and says so', async () => {
  using tree = new FakeTree(SIZES);
  const problem = tree.started.then(
    () => null,
    (error: Error) => error.message,
  );
  await tree.settle();
  for (const worker of tree.of('worker')) worker.boot();
  await tree.settle();
  const [first, second] = tree.of('router');
  first!.boot();
  await tree.pass(61_000);
  assert.match((await problem) ?? '', /router 2: it was not ready after 60 s/);
  assert.equal(tree.count(/router-slow/), 1);
  assert.equal(second!.lives, false);
  assert.equal(tree.children.filter(({ lives }) => lives).length, 0);
});

test('a router that hangs while it starts again is given up, and another one comes', async () => {
  using tree = new FakeTree(SIZES);
  await tree.rest();
  tree.of('router')[0]!.die('SIGKILL');
  await tree.settle();
  const hanging = tree.of('router').find(({ state }) => state === 'boots')!;
  await tree.pass(61_000);
  assert.equal(hanging.lives, false);
  await tree.rest();
  assert.equal(tree.of('router').filter(({ state }) => state === 'ready').length, 2);
});

test('F5: a replacement that never gets ready is given up after five minutes, by itself', async () => {
  using tree = new FakeTree(SIZES);
  await tree.rest();
  let isOver = false;
  void tree.master.reload('chain').then(() => {
    isOver = true;
  });
  await tree.pass(290_000, 5_000);
  assert.equal(isOver, false);
  await tree.pass(20_000);
  assert.equal(isOver, true);
  assert.equal(tree.count(/reload-failed/), 1);
});

test('a worker that died in a reload serves what waits in its queue before it leaves; a stop waits for no app', async () => {
  using tree = new FakeTree(SIZES);
  await tree.rest();
  const [old] = tree.of('worker');
  void tree.master.reload('workers');
  await tree.settle();
  const fresh = tree.of('worker').at(-1)!;
  old!.die('SIGKILL');
  await tree.settle();
  const again = tree.of('worker').at(-1)!;
  assert.notEqual(again, fresh);
  fresh.boot();
  await tree.pass(5_000);
  assert.deepEqual([fresh.state, again.state], ['ready', 'boots'], 'the next generation serves, and the one before still loads');
  again.boot();
  await tree.pass(2_000);
  assert.equal(again.state, 'leaving');
  again.finish();
  fresh.die('SIGKILL');
  await tree.settle();
  const loading = tree.of('worker').at(-1)!;
  void tree.master.stop({ isReplaced: false });
  await tree.settle();
  for (const router of tree.of('router')) router.finish();
  await tree.pass(1_000);
  assert.equal(loading.lives, false);
});

test('an app that takes its time gets ready, however often somebody wishes for a reload', async () => {
  using tree = new FakeTree(SIZES);
  await tree.rest();
  const loaded = (): number => tree.of('worker').filter(({ state }) => state === 'ready').length;
  const first = tree.of('worker')[0]!;
  // Ready 12 s after its start; a wish every 5 s.
  const since = new Map<object, number>([[first, -1]]);
  let seconds = 0;
  for (; seconds < 120 && first.state === 'ready'; seconds++) {
    if (seconds % 5 === 0) void tree.master.reload('workers');
    await tree.pass(1_000);
    for (const worker of tree.of('worker')) {
      if (!since.has(worker)) since.set(worker, seconds);
      if (worker.state === 'boots' && seconds - since.get(worker)! >= 12) worker.boot();
    }
    await tree.settle();
  }
  assert.notEqual(first.state, 'ready', `no reload was done within ${seconds} s`);
  assert.equal(loaded(), 1);
});

const down: NodeMark = { node: 'a', cause: 'checks', mark: 'down', failsFast: false, isOfAnswers: false };

test('F4: marks of other settings are no marks', () => {
  const marked = foldMarks({ plan: 1, marks: [] }, { plan: 1, mark: down });
  assert.deepEqual(marked, { plan: 1, marks: [down] });
  assert.deepEqual(foldMarks(marked, { plan: 2, mark: null }), { plan: 2, marks: [] });
  assert.equal(foldMarks(marked, { plan: 2, mark: { ...down, node: 'b' } }), marked);
  assert.deepEqual(foldMarks(marked, { plan: 1, mark: { ...down, mark: 'up' } }), { plan: 1, marks: [] });
});

test('F4: a child passes on what holds of its own plan, and takes back what does not', () => {
  const learned: string[] = [];
  const store = new MarkStore(1, ({ node, mark }) => learned.push(`${node} ${mark}`));
  store.state({ plan: 1, marks: [down, { ...down, node: 'b', cause: 'requests', mark: 'dead' }] });
  store.state({ plan: 2, marks: [{ ...down, node: 'c' }] });
  store.state({ plan: 1, marks: [down] });
  assert.deepEqual(learned, ['a down', 'b dead', 'b alive', 'a down']);
  store.begin(2);
  store.state({ plan: 2, marks: [] });
  assert.equal(learned.length, 4, 'nodes of new settings have no marks to take back');
});
