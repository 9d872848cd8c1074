import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpBackend } from '../support/http-backend.ts';
import { get, raw, request, startGate, withBackend } from './support.ts';

const OFF = { 'http-auto-chunked': false };

test('without http-auto-chunked an answer of unknown length ends by close, and says so', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\n\r\none', 'two'), OFF);
  await using client = await it.gate.connect();
  const response = await client.request(get());
  assert.equal(response.framing, 'close');
  assert.equal(response.header('connection'), 'close');
  assert.equal(response.text(), 'onetwo');
});

test('what the app chunked stays chunked, what has a length or no body keeps the connection', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'), OFF);
  await using client = await it.gate.connect();
  const chunked = await client.request(get());
  assert.equal(chunked.framing, 'chunked');
  assert.equal(chunked.text(), 'abcde');
  for (const [script, method, body] of [
    [raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), 'GET', 'ok'],
    [raw('HTTP/1.1 204 No Content\r\n\r\n'), 'GET', ''],
    [raw('HTTP/1.1 304 Not Modified\r\n\r\n'), 'GET', ''],
    [raw('HTTP/1.1 200 OK\r\n\r\n'), 'HEAD', ''],
    [raw('HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'), 'GET', ''],
  ] as const) {
    it.backend.script = script;
    const response = await client.request(request(method, '/'));
    assert.equal(response.header('connection'), null);
    assert.equal(response.text(), body);
  }
  await using old = await it.gate.connect();
  it.backend.script = raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
  const plain = await old.request('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.equal(plain.framing, 'close');
  assert.equal(plain.text(), 'abc');
});

test('a request pipelined behind such an answer is not executed', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\n\r\none'), OFF);
  await using client = await it.gate.connect();
  client.write(get('/a') + get('/b'));
  assert.equal((await client.readResponse()).text(), 'one');
  assert.equal(it.backend.requests.length, 1);
});

test('HTTP nodes: chunks stay chunks, and an answer ended by close ends by close', async () => {
  await using backend = await HttpBackend.listen(async (received, to) => {
    if (received.target === '/chunked') return to.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
    await to.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok');
    to.end();
  });
  await using gate = await startGate({ 'http-to': backend.address, ...OFF });
  await using client = await gate.connect();
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get('/chunked'))).framing, 'chunked');
  const response = await client.request(get('/'));
  assert.equal(response.framing, 'close');
  assert.equal(response.text(), 'ok');
});
