/** Several router processes: what must be one, the health of nodes, is shared through the master. */

import assert from 'node:assert/strict';
import { HttpBackend } from '../support/http-backend.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
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
