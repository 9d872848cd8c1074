/** Several router processes: what must be one, the health of nodes, is shared through the master. */

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { Tree } from './embedded.ts';
import { blackbox } from './front.ts';

const DIFFERS = { differs: 'it has no health checks, and each router process its own dead marks' };

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Each request is a connection of its own, so that all routers get some. */
async function statuses(tree: Tree, count: number): Promise<Set<number>> {
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) seen.add((await exchange(tree.gate.target, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).status);
  return seen;
}

blackbox('http-check: one router asks, and all obey', DIFFERS, async () => {
  let isWell = true;
  await using node = await HttpBackend.listen(async (request, to) => {
    const status = request.target === '/healthz' && !isWell ? '500 Not Well' : '200 OK';
    await to.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const check = 'path=/healthz,interval=1,fails=1,passes=1';
  await using tree = await Tree.start(['--http-processes', '3', '--http-to', node.address, '--http-check', check]);
  assert.deepEqual(await statuses(tree, 30), new Set([200]));
  const checks = (): number => node.requests.filter(({ target }) => target === '/healthz').length;
  const before = checks();
  const began = performance.now();
  await sleep(3_000);
  const seconds = (performance.now() - began) / 1000;
  assert.ok(checks() - before <= seconds + 1, `${checks() - before} checks in ${seconds} seconds`);
  // The one that asks says so at once, and the others hear of it through the master.
  const isEverywhere = async (status: number): Promise<boolean> => [...(await statuses(tree, 30))].join() === String(status);
  isWell = false;
  await tree.log(/code=node-down/);
  await waitFor('all to obey', () => isEverywhere(503));
  isWell = true;
  await tree.log(/code=node-up/);
  await waitFor('all to obey', () => isEverywhere(200));
});

blackbox('a node that dies for one router is dead for all', DIFFERS, async () => {
  await using spare = await HttpBackend.listen((_request, to) => to.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nspare'));
  const gone = await HttpBackend.listen(() => {});
  const { address } = gone;
  await gone[Symbol.asyncDispose]();
  await using tree = await Tree.start([
    ...['--http-processes', '3', '--http-gracetime', '60', '--http-to', `${address},fails=3`, '--http-fallback', spare.address],
  ]);
  const refused = (): number => tree.count(/code=connect-refused/);
  // All on one connection, so that one of them finds out.
  await using client = await RawClient.connect(tree.gate.target);
  for (let i = 0; i < 3; i++) assert.equal((await client.request(GET)).status, 200);
  await tree.log(/code=node-dead/);
  // Nothing shows when the others have been told.
  await sleep(500);
  assert.deepEqual(await statuses(tree, 40), new Set([200]));
  await sleep(100);
  assert.ok(refused() < 6, `none of them finds out by itself: ${refused()} failed connections`);
});

blackbox('B13, F11: a router that was told of a dead node asks it again as the one that saw the refusals', DIFFERS, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  const first = await HttpBackend.listen(reply('first'), path);
  await using tree = await Tree.start(['--http-processes', '2', '--http-gracetime', '60', '--http-to', first.address]);
  // Enough that each router has some of them.
  const clients = await Promise.all(Array.from({ length: 16 }, () => RawClient.connect(tree.gate.target)));
  for (const client of clients) assert.equal((await client.request(GET)).text(), 'first');
  await first[Symbol.asyncDispose]();
  // What a reload of the app leaves: a file that nobody listens on.
  await using again = await HttpBackend.listen(reply('again'), `${path}.new`);
  renameSync(`${path}.new`, `${path}.later`);
  for (let i = 0; i < 2; i++) assert.notEqual((await clients[0]!.request(GET)).status, 200);
  await tree.log(/code=node-dead/);
  // Nothing shows when the other has been told, and what it was told must not be over (the first question comes after a second).
  await sleep(300);
  renameSync(`${path}.later`, path);
  // All at once: the first to reach the node tells that it is alive.
  assert.deepEqual(new Set(await Promise.all(clients.map(async (client) => (await client.request(GET)).text()))), new Set(['again']));
  for (const client of clients) await client[Symbol.asyncDispose]();
  assert.ok(again.requests.length >= 16);
});

blackbox('N17: a dead node that is back serves within seconds, and no request pays for it', DIFFERS, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('one.sock');
  const gone = await HttpBackend.listen(reply('one'), path);
  await using other = await HttpBackend.listen(reply('two'));
  await using gate = await startUgate([
    ...['--http-to', gone.address, '--http-to', other.address, '--http-gracetime', '3600', '--http-slow-start', '0'],
  ]);
  await using client = await RawClient.connect(gate.target);
  await gone[Symbol.asyncDispose]();
  for (let i = 0; i < 6; i++) assert.equal((await client.request(GET)).text(), 'two');
  await gate.process.said(/code=node-dead/);
  await using back = await HttpBackend.listen(reply('one'), path);
  await gate.process.said(/code=node-alive/, 20_000);
  const texts = new Set<string>();
  for (let i = 0; i < 4; i++) texts.add((await client.request(GET)).text());
  assert.deepEqual(texts, new Set(['one', 'two']));
  assert.ok(back.requests.length >= 1);
  assert.equal((await gate.stop()).code, 0);
});
