/** `Router.pause`: 503 at once, with a word about when to come back, and no connection lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { get, request } from './support.ts';
import { nodeAt, Wired } from './wired.ts';

test('new requests are turned away at once, what is in flight finishes, and connections stay', async () => {
  let go = (): void => {};
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  await using backend = await UwsgiBackend.listen(async (received, to) => {
    if (received.vars.get('PATH_INFO') === '/slow') await told;
    await answer('ok')(received, to);
  });
  await using wired = await Wired.start([nodeAt('uwsgi', backend.address)]);
  const target = await wired.listen();
  await using slow = await RawClient.connect(target);
  await using client = await RawClient.connect(target);
  slow.write(get('/slow'));
  await backend.request(0);
  wired.router.pause();
  for (const text of [get(), `${request('POST', '/', 'Content-Length: 0')}`, request('HEAD', '/')]) {
    const response = await client.request(text, { method: text.startsWith('HEAD') ? 'HEAD' : 'GET' });
    assert.equal(response.status, 503);
    assert.equal(response.header('retry-after'), '5');
    assert.equal(response.header('connection'), null);
    if (!text.startsWith('HEAD')) assert.equal(response.text(), '503 Service Unavailable: paused\n');
  }
  assert.equal(wired.router.connections, 2);
  go();
  assert.equal((await slow.readResponse()).text(), 'ok');
  assert.equal((await slow.request(get())).status, 503);
  // A body that nobody reads ends the connection, behind the answer.
  await using upload = await RawClient.connect(target);
  upload.write(`${request('POST', '/', 'Content-Length: 100000')}${'x'.repeat(50_000)}`);
  assert.equal((await upload.readResponse()).status, 503);
  wired.router.unpause();
  for (const each of [client, slow]) assert.equal((await each.request(get())).text(), 'ok');
  await wired.logged(/paused/);
});

test('a node that is full, or none at all, is told as ever', async () => {
  await using wired = await Wired.start([]);
  await using client = await wired.connect();
  const response = await client.request(get());
  assert.equal(response.text(), '503 Service Unavailable: no-node\n');
  assert.equal(response.header('retry-after'), null);
});
