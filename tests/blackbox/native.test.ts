/** `http-socket-engine=native`: the runtime's own server in front of an app, in ugate's tree. */

import assert from 'node:assert/strict';
import { freePort } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { FETCH_APP, get, hand, OTHER, post, Tree } from './embedded.ts';
import { blackbox } from './front.ts';

const NATIVE = ['--http-socket-engine', 'native', '--module', FETCH_APP];

blackbox('native, one process: requests, bodies, keep-alive, and an end that finishes what is in flight', OTHER, async () => {
  await using tree = await Tree.start(['--http-socket', '127.0.0.1:0', ...NATIVE]);
  await using client = await RawClient.connect(tree.gate.target);
  assert.equal((await client.request(get('/pid'))).text(), String(tree.gate.pid));
  assert.equal((await client.request(post('/count', 'hello'))).text(), '5');
  await hand(tree, client, '/slow?ms=600');
  const ended = tree.gate.stop('SIGTERM');
  assert.equal((await client.readResponse()).status, 200);
  assert.equal((await ended).code, 0);
});

blackbox('native, several processes on one address', OTHER, async () => {
  // They share it by reusePort, so that it must be a port that all of them know.
  const port = await freePort();
  await using tree = await Tree.start(['--http-socket', `127.0.0.1:${port}`, '--master', '--processes', '2', ...NATIVE]);
  const seen = new Set<string>();
  const ask = async (): Promise<boolean> => {
    await using client = await RawClient.connect({ port });
    seen.add((await client.request(get('/pid', 'Connection: close\r\n'))).text());
    return seen.size === 2;
  };
  await waitFor('both to answer', ask, 15_000);
  assert.deepEqual([...seen].map(Number).toSorted(), tree.childrenOf().toSorted());
});
