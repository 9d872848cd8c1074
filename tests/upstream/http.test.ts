/** HTTP nodes: what goes over the wire, and which connection it goes on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, request, startGate } from '../router/support.ts';
import { HttpBackend, type HttpScript, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { withHttpNode } from './support.ts';

const raw =
  (...pieces: string[]): HttpScript =>
  async (_, to) => {
    for (const piece of pieces) await to.write(piece);
  };

test('a request and its answer, and the next ones on the same connection, whoever asks', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(reply('ok'));
  const { gate, backend } = rig;
  for (let i = 0; i < 3; i++) {
    await using client = await gate.connect();
    assert.equal((await client.request(get('/a?b', 'Cookie: c=d'))).text(), 'ok');
    assert.equal((await client.request(get('/c'))).text(), 'ok');
    assert.equal((await client.request('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n')).header('content-length'), '2');
  }
  assert.equal(backend.connections, 1);
  assert.equal(backend.requests.length, 9);
  const [first] = backend.requests;
  assert.equal(first?.target, '/a?b');
  assert.deepEqual(first?.fields, [
    ['Host', 'test'],
    ['Cookie', 'c=d'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', 'test'],
  ]);
});

test('http-backend-http and unix sockets', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using backend = await HttpBackend.listen(reply('ok'), folder.file('a.sock'));
  for (const settings of [{ 'http-to': `http:${folder.file('a.sock')}` }, { 'http-to': folder.file('a.sock'), 'http-backend-http': true }]) {
    await using gate = await startGate(settings);
    await using client = await gate.connect();
    assert.equal((await client.request(get())).text(), 'ok');
    assert.equal((await client.request('GET / HTTP/1.0\r\n\r\n')).text(), 'ok');
  }
  assert.equal(backend.requests[1]?.field('host'), 'localhost');
  assert.deepEqual(backend.errors, []);
});

test('bodies: a length stays a length, chunks stay chunks, in any pieces', { timeout: 20_000 }, async () => {
  const echo: HttpScript = async (received, to) => {
    await received.complete();
    await to.write(`HTTP/1.1 200 OK\r\nContent-Length: ${received.body.length}\r\n\r\n`);
    await to.write(received.body);
  };
  await using rig = await withHttpNode(echo);
  const { gate, backend } = rig;
  await using client = await gate.connect();
  for (const size of [1, 1000, 70_000, 1_000_000]) {
    const body = 'x'.repeat(size);
    client.write(`${request('POST', '/', `Content-Length: ${size}`)}${body}`);
    assert.equal((await client.readResponse()).body.length, size);
    client.write(request('PUT', '/', 'Transfer-Encoding: chunked'));
    await sleep(20);
    for (let at = 0; at < size; at += 33_333) {
      const piece = body.slice(at, at + 33_333);
      client.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    client.write('0\r\n\r\n');
    assert.equal((await client.readResponse()).body.length, size);
  }
  assert.equal(backend.connections, 1);
  assert.equal(backend.requests[0]?.field('content-length'), '1');
  assert.equal(backend.requests[1]?.field('transfer-encoding'), 'chunked');
});

test('Expect: 100-continue is answered here; left to the node, its 100 comes through', { timeout: 20_000 }, async () => {
  const script: HttpScript = async (received, to) => {
    if (received.field('expect') !== null) await to.write('HTTP/1.1 100 Continue\r\n\r\n');
    await received.complete();
    await to.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${received.body.toString()}`);
  };
  for (const manage of [true, false]) {
    await using rig = await withHttpNode(script, { 'http-manage-expect': manage });
    await using client = await rig.gate.connect();
    for (let i = 0; i < 2; i++) {
      client.write(request('POST', '/', 'Content-Length: 5', 'Expect: 100-continue'));
      assert.equal((await client.readResponse({ interim: true })).status, 100);
      client.write('hello');
      assert.equal((await client.readResponse()).text(), 'hello');
    }
    assert.equal(rig.backend.requests[0]?.field('expect'), manage ? null : '100-continue');
  }
});

test('interim answers, chunks and trailers of the answer, on a connection that is used again', { timeout: 20_000 }, async () => {
  const answer =
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n';
  await using rig = await withHttpNode(raw(answer));
  await using client = await rig.gate.connect();
  for (let i = 0; i < 2; i++) {
    client.write(get('/', 'Connection: TE', 'TE: trailers'));
    assert.equal((await client.readResponse({ interim: true })).status, 103);
    const response = await client.readResponse();
    assert.equal(response.text(), 'abcde');
    assert.deepEqual(response.trailers, [['X-T', '1']]);
  }
  assert.equal(rig.backend.connections, 1);
  assert.equal(rig.backend.requests[0]?.field('te'), 'trailers');
});

test('which answers end their connection', { timeout: 60_000 }, async () => {
  const ok = 'Content-Length: 2\r\n\r\nok';
  const cases: readonly (readonly [answer: string, connections: number])[] = [
    [`HTTP/1.1 200 OK\r\n${ok}`, 1],
    [`HTTP/1.1 200 OK\r\nConnection: close\r\n${ok}`, 2],
    [`HTTP/1.0 200 OK\r\n${ok}`, 2],
    [`HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${ok}`, 1],
    [`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\n${ok}`, 2],
    [`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\n${ok}`, 1],
    [`HTTP/1.1 200 OK\r\n${ok}x`, 2],
    [`HTTP/1.1 200 OK\r\n${ok}HTTP/1.1 200 OK\r\n${ok}`, 2],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 1],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\r\n', 2],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 2],
    ['HTTP/1.1 204 No Content\r\n\r\n', 1],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n', 1],
  ];
  for (const [answer, connections] of cases) {
    await using rig = await withHttpNode(raw(answer));
    for (let i = 0; i < 2; i++) {
      await using client = await rig.gate.connect();
      const response = await client.request(get());
      assert.equal(response.text(), response.status === 200 ? 'ok' : '', answer);
    }
    assert.equal(rig.backend.connections, connections, answer);
  }
});

test('a body that ends with its connection', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(async (_, to) => {
    await to.write('HTTP/1.1 200 OK\r\n\r\nuntil');
    await sleep(20);
    await to.write(' close');
    to.end();
  });
  await using client = await rig.gate.connect();
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get())).text(), 'until close');
  assert.equal(rig.backend.connections, 2);
});

test('limits: how many connections are kept, for how long, and none at all', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(
    async (received, to) => {
      await rig.backend.request(4);
      await reply('ok')(received, to);
    },
    { 'http-upstream-connections': 2, 'http-upstream-idle': 3 },
  );
  const all = Array.from({ length: 5 }, async () => {
    await using client = await rig.gate.connect();
    assert.equal((await client.request(get())).text(), 'ok');
  });
  await Promise.all(all);
  assert.equal(rig.backend.connections, 5);
  await waitFor('three to be closed', () => rig.backend.closed === 3);
  await sleep(500);
  assert.equal(rig.backend.closed, 3);
  await waitFor('the others to be closed', () => rig.backend.closed === 5);

  for (const settings of [{ 'http-upstream-connections': 0 }, { 'http-upstream-idle': 0 }]) {
    await using closing = await withHttpNode(async (received, to) => {
      await reply('ok', 'Connection: close')(received, to);
      to.end();
    }, settings);
    await using client = await closing.gate.connect();
    for (let i = 0; i < 2; i++) assert.equal((await client.request(get())).text(), 'ok');
    assert.equal(closing.backend.connections, 2);
    assert.equal(closing.backend.requests[0]?.field('connection'), 'close');
  }
});

test('idle connections are closed when the server stops', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode();
  await using client = await rig.gate.connect();
  assert.equal((await client.request(get())).text(), 'ok');
  client.destroy();
  await rig.gate.stop();
  await waitFor('the node to see the end', () => rig.backend.closed === 1);
});

test('Keep-Alive: timeout=N of the node is kept, less a second', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(reply('ok', 'Keep-Alive: timeout=4'), { 'http-upstream-idle': 60 });
  await using client = await rig.gate.connect();
  const began = performance.now();
  assert.equal((await client.request(get())).text(), 'ok');
  await sleep(1500);
  assert.equal(rig.backend.closed, 0);
  await waitFor('the connection to be closed', () => rig.backend.closed === 1);
  assert.ok(performance.now() - began < 3950, 'before the node closes it');
});

test('PROXY protocol towards the node: each request on a connection of its own that begins with who asks', { timeout: 20_000 }, async () => {
  for (const version of ['v1', 'v2']) {
    const begun: Buffer[] = [];
    await using backend = await HttpBackend.listen(reply('ok'));
    backend.accepted = (socket) => {
      socket.removeAllListeners('data');
      socket.once('data', (bytes: Buffer) => {
        begun.push(bytes);
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    };
    await using gate = await startGate({ 'http-to': backend.address, 'http-backend-proxy-protocol': version });
    await using client = await gate.connect();
    for (let i = 0; i < 2; i++) assert.equal((await client.request(get())).text(), 'ok');
    assert.equal(begun.length, 2);
    const text = begun[1]?.toString('latin1') ?? '';
    if (version === 'v1') assert.equal(text.split('GET')[0], `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.localPort} ${gate.port}\r\n`);
    else assert.ok(text.startsWith('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01'));
    assert.match(text, /GET \/ HTTP\/1\.1\r\n.*\r\nConnection: close\r\n/s);
  }
});

test('chunked towards uwsgi and HTTP nodes in one pool: http-chunked-input passes the chunks to both', { timeout: 20_000 }, async () => {
  await using backend = await HttpBackend.listen(reply('ok'));
  await using gate = await startGate({ 'http-to': [backend.address, '127.0.0.1:9,backup=1'], 'http-chunked-input': true });
  await using client = await gate.connect();
  for (let i = 0; i < 2; i++) {
    client.write(`${request('POST', '/', 'Transfer-Encoding: chunked')}3\r\nabc\r\n`);
    await sleep(20);
    client.write('4;x=y\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n');
    assert.equal((await client.readResponse()).text(), 'ok');
    assert.equal(backend.requests[i]?.body.toString(), 'abcdefg');
    assert.deepEqual(backend.requests[i]?.trailers, [['X-T', '1']]);
  }
  assert.deepEqual(backend.errors, []);
});

test('trailers of the request go on behind its chunks, whether they come early or late', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode();
  await using client = await rig.gate.connect();
  for (let i = 0; i < 3; i++) {
    client.write(request('POST', '/', 'Transfer-Encoding: chunked', 'Trailer: X-T'));
    if (i > 0) await sleep(30);
    client.write('3\r\nabc\r\n0\r\nX-T: 1\r\nx_u: 2\r\n\r\n');
    assert.equal((await client.readResponse()).text(), 'ok');
    assert.deepEqual(rig.backend.requests[i]?.trailers, [
      ['X-T', '1'],
      ['x_u', '2'],
    ]);
  }
  assert.equal(rig.backend.connections, 1);
});

test('http-raw-body: bytes go both ways as they come, on a connection of its own', { timeout: 20_000 }, async () => {
  await using backend = await HttpBackend.listen(async (received, to) => {
    await received.complete();
    await to.write(`HTTP/1.1 200 OK\r\n\r\n${received.body}`);
    to.end();
  });
  await using gate = await startGate({ 'http-to': backend.address, 'http-raw-body': true });
  for (let i = 0; i < 2; i++) {
    await using client = await gate.connect();
    client.write(`${request('POST', '/', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`);
    assert.equal((await client.readToEnd()).toString().split('\r\n\r\n')[1], 'abc');
  }
  assert.equal(backend.connections, 2);
  assert.equal(backend.requests[0]?.field('connection'), 'close');
  assert.deepEqual(backend.errors, []);
});
