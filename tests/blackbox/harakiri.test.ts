/** A request of an app of ours that takes longer than `harakiri` allows: 504, and a worker that is stuck in it is killed. */

import assert from 'node:assert/strict';
import { RawClient } from '../support/raw-client.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { asking, FETCH_APP, get, isAlive, OTHER, Tree } from './embedded.ts';
import { blackbox, shared } from './front.ts';
import { Load } from './load.ts';

const tree = shared(async () => {
  const tree = await Tree.start(['--module', FETCH_APP, '--processes', '2', '--harakiri', '1']);
  return Object.assign(tree, { stop: () => tree[Symbol.asyncDispose]() });
});

blackbox('a request that waits too long: 504, told by its request line, and its worker goes on', OTHER, async () => {
  const one = await tree();
  const before = one.childrenOf();
  await using load = new Load(one.gate.target);
  const began = performance.now();
  await using client = await asking(one, '/slow?ms=20000&which=waits');
  const response = await client.readResponse();
  const took = performance.now() - began;
  assert.equal(response.status, 504);
  assert.ok(took > 900 && isWithin(2500, began), `after ${took} ms`);
  await one.log(/harakiri.*which=waits/);
  const { failures } = await load.stop();
  assert.deepEqual(failures, []);
  assert.deepEqual(one.childrenOf(), before, 'nobody was killed');
});

blackbox('a request that blocks its worker: it is killed and replaced, its client gets 504', OTHER, async () => {
  const one = await tree();
  const workers = [...(await one.roles())].filter(([role]) => role.startsWith('worker')).map(([, pid]) => pid);
  const began = performance.now();
  await using client = await asking(one, '/block?which=blocks');
  const response = await client.readResponse();
  const took = performance.now() - began;
  assert.equal(response.status, 504);
  assert.ok(took > 900 && isWithin(4000, began), `after ${took} ms`);
  await one.log(/harakiri.*which=blocks/);
  await waitFor('the stuck worker to be gone', () => workers.filter(isAlive).length < 2);
  await one.log(/worker-started/);
  assert.equal(workers.filter(isAlive).length, 1, 'the other worker lives');
  await using load = new Load(one.gate.target);
  await sleep(200);
  assert.deepEqual((await load.stop()).failures, []);
});

blackbox('an answer that has begun is cut short, not called complete', OTHER, async () => {
  await using client = await asking(await tree(), '/stream?n=50&ms=200');
  await client.readUntil('piece 1\n');
  const rest = await client.readToEnd(4000);
  assert.ok(!rest.toString().endsWith('0\r\n\r\n'), 'no end of the body');
});

blackbox('every worker blocked at once: all are replaced', OTHER, async () => {
  const one = await tree();
  const clients = await Promise.all([1, 2].map(() => RawClient.connect(one.gate.target)));
  const started = one.count(/worker-started/);
  for (const client of clients) client.write(get('/block'));
  for (const client of clients) assert.equal((await client.readResponse()).status, 504);
  await waitFor('both to be back', () => one.count(/worker-started/) >= started + 2, 8000);
  for (const client of clients) {
    assert.equal((await client.request(get())).status, 200);
    client.destroy();
  }
});
