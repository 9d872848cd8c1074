/** What one client does, or a node does to one client, and the next one on the same connection to the node must not feel. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, request } from '../router/support.ts';
import { type HttpScript, reply } from '../support/http-backend.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { withHttpNode } from './support.ts';

/** Answers with its target, so that an answer is seen to belong to its request. */
const echo: HttpScript = (received, to) => reply(received.target)(received, to);

/** What a fresh client gets. */
async function ask(rig: Awaited<ReturnType<typeof withHttpNode>>, path: string): Promise<string> {
  await using client = await rig.gate.connect();
  client.write(get(path));
  return (await client.readResponse()).text();
}

for (const framing of ['Content-Length: 40', 'Transfer-Encoding: chunked'])
  for (const leave of ['end', 'reset'] as const)
    test(`an upload that breaks off by ${leave} (${framing}) swallows no other request`, { timeout: 20_000 }, async () => {
      await using rig = await withHttpNode(echo);
      assert.equal(await ask(rig, '/before'), '/before');
      for (let i = 0; i < 5; i++) {
        await using client = await rig.gate.connect();
        client.write(`${request('POST', '/upload', framing)}20\r\n`);
        await rig.backend.request(2 * i + 1);
        client[leave]();
        assert.equal(await ask(rig, `/${i}`), `/${i}`);
      }
      await waitFor('five connections to be closed', () => rig.backend.closed === 5);
      rig.backend.errors.length = 0;
    });

test('a 204 that announces a body is the last on its connection', { timeout: 20_000 }, async () => {
  for (const field of ['Transfer-Encoding: chunked', 'Content-Length: 4']) {
    await using rig = await withHttpNode(async (received, to) => {
      if (received.target !== '/empty') return echo(received, to);
      await to.write(`HTTP/1.1 204 No Content\r\n${field}\r\n\r\n`);
      // The body comes when somebody else's request is there.
      await sleep(30);
      await to.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil').catch(() => {});
    });
    await using client = await rig.gate.connect();
    client.write(get('/empty'));
    assert.equal((await client.readResponse()).status, 204);
    assert.equal(await ask(rig, '/other'), '/other');
    assert.equal(rig.backend.connections, 2, field);
  }
});

test('Expect left to the node: an answer in place of 100 ends the connection, for the body may be unread', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(
    async (received, to) => {
      if (received.target === '/eager') await to.write('HTTP/1.1 100 Continue\r\n\r\n');
      await echo(received, to);
    },
    { 'http-manage-expect': false },
  );
  const upload = async (path: string): Promise<void> => {
    await using client = await rig.gate.connect();
    client.write(`${request('POST', path, 'Expect: 100-continue', 'Content-Length: 5')}hello`);
    assert.equal((await client.readResponse()).text(), path);
  };
  await upload('/eager');
  await upload('/eager');
  assert.equal(rig.backend.connections, 1, 'a node that asks for the body reads it');
  await upload('/final');
  assert.equal(await ask(rig, '/other'), '/other');
  assert.equal(rig.backend.connections, 2);
});

test('a 101 nobody asked for: what follows it reaches nobody, and puts no deadline off', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(
    (received, to) =>
      received.target === '/x'
        ? to.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n')
        : echo(received, to),
    { 'http-keepalive': 2 },
  );
  await using client = await rig.gate.connect();
  client.write(get('/x'));
  assert.match((await client.readResponse()).text(), /upstream-unexpected-101/);
  const start = performance.now();
  assert.equal((await client.readToEnd()).toString(), '');
  assert.ok(isWithin(4000, start), 'the idle connection is closed when http-keepalive says so');
});
