/** Connections that the node closes just when they are used again: what is sent a second time, and what never is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, request, startGate } from '../router/support.ts';
import { type HttpScript, reply } from '../support/http-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { withHttpNode } from './support.ts';

type End = 'fin' | 'reset' | 'byte';

/** Answers the first request of each connection; at the second it ends the connection, as if it had been about to. */
function oncePerConnection(end: End): HttpScript {
  return async (received, to) => {
    if (received.turn === 0) return reply('ok')(received, to);
    if (end === 'byte') await to.write('H');
    if (end === 'reset') to.reset();
    else to.end();
  };
}

for (const end of ['fin', 'reset'] as const) {
  test(`a used connection that ends by ${end} before the answer: idempotent requests are sent once more, on a new one`, {
    timeout: 20_000,
  }, async () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
      await using rig = await withHttpNode(oncePerConnection(end));
      await using client = await rig.gate.connect();
      assert.equal((await client.request(get())).text(), 'ok');
      const response = await client.request(request(method, '/again'), { method });
      assert.equal(response.status, 200, method);
      assert.equal(rig.backend.connections, 2, method);
      assert.deepEqual(
        rig.backend.requests.map((each) => `${each.connection} ${each.method} ${each.target}`),
        ['0 GET /', `0 ${method} /again`, `1 ${method} /again`],
      );
      assert.deepEqual(rig.gate.logs, []);
    }
  });

  test(`a used connection that ends by ${end} before the answer: what is not idempotent, or has a body, is 502`, { timeout: 20_000 }, async () => {
    const requests = [
      request('POST', '/again'),
      request('PATCH', '/again'),
      request('get', '/again'),
      `${request('PUT', '/again', 'Content-Length: 3')}abc`,
      `${request('GET', '/again', 'Content-Length: 3')}abc`,
      `${request('DELETE', '/again', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
    ];
    for (const text of requests) {
      await using rig = await withHttpNode(oncePerConnection(end));
      await using client = await rig.gate.connect();
      assert.equal((await client.request(get())).text(), 'ok');
      assert.match((await client.request(text)).text(), /^502 .*: upstream-(empty|reset)\n$/, text);
      assert.equal(rig.backend.requests.length, 2, text);
      assert.equal(rig.backend.connections, 1, text);
    }
  });
}

test('once a byte of the answer has come, nothing is sent a second time', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(oncePerConnection('byte'));
  await using client = await rig.gate.connect();
  assert.equal((await client.request(get())).text(), 'ok');
  assert.match((await client.request(get())).text(), /: upstream-truncated-head\n$/);
  assert.equal(rig.backend.requests.length, 2);
});

test('a new connection that ends before the answer is no stale one', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode((_, to) => to.end());
  await using client = await rig.gate.connect();
  assert.match((await client.request(get())).text(), /: upstream-empty\n$/);
  assert.equal(rig.backend.requests.length, 1);
});

test('a repeated request that ends in the same way is 502, and not sent a third time', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(async (received, to) => {
    if (received.connection === 0 && received.turn === 0) return reply('ok')(received, to);
    to.end();
  });
  await using client = await rig.gate.connect();
  assert.equal((await client.request(get())).text(), 'ok');
  assert.match((await client.request(get())).text(), /: upstream-empty\n$/);
  assert.equal(rig.backend.requests.length, 3);
});

test('a node that is gone when the request is sent again: 502, or another node', { timeout: 20_000 }, async () => {
  await using other = await withHttpNode(reply('other'));
  for (const others of [[], [`${other.backend.address},backup=1`]]) {
    await using rig = await withHttpNode();
    await using gate = await startGate({ 'http-to': [rig.backend.address, ...others] });
    await using client = await gate.connect();
    assert.equal((await client.request(get())).text(), 'ok');
    rig.backend.script = (_, to) => {
      // Nobody listens any more when the connection ends.
      rig.backend.close();
      to.end();
    };
    const text = (await client.request(get())).text();
    if (others.length === 0) assert.match(text, /: upstream-unreachable\n$/);
    else assert.equal(text, 'other');
  }
});

test('a request that must not be sent twice trusts no connection that was idle for a second', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode();
  await using client = await rig.gate.connect();
  assert.equal((await client.request(get())).text(), 'ok');
  assert.equal((await client.request(request('POST', '/fresh'))).text(), 'ok');
  assert.equal(rig.backend.connections, 1);
  await sleep(1300);
  assert.equal((await client.request(request('POST', '/old'))).text(), 'ok');
  assert.equal(rig.backend.connections, 2);
  await sleep(1300);
  assert.equal((await client.request(get('/old'))).text(), 'ok');
  assert.equal(rig.backend.connections, 2);
});

test('bytes or FIN on an idle connection: it is thrown away, and nobody notices', { timeout: 20_000 }, async () => {
  for (const spoil of ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', '']) {
    await using rig = await withHttpNode();
    await using client = await rig.gate.connect();
    assert.equal((await client.request(get())).text(), 'ok');
    for (const socket of rig.backend.sockets) {
      if (spoil === '') socket.end();
      else socket.write(spoil);
    }
    await waitFor('the connection to be closed', () => rig.backend.closed === 1);
    assert.equal((await client.request(get())).text(), 'ok');
    assert.equal((await client.request(get())).text(), 'ok');
    assert.equal(rig.backend.connections, 2);
    assert.equal(rig.backend.requests.length, 3);
  }
});
