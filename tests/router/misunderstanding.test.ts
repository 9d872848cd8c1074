/** Nodes that are spoken to in the wrong protocol. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { test } from 'node:test';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle } from '../support/wait.ts';
import { request, startGate } from './support.ts';

const GET = request('GET', '/');

async function listening(server: Server): Promise<{ address: string } & AsyncDisposable> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

test('N1: an HTTP server as a uwsgi node: its 400 is passed on, and the log says once what it means', { timeout: 20_000 }, async () => {
  await using node = await listening(createServer((_, reply) => reply.end('ok')) as unknown as Server);
  await using gate = await startGate({ 'http-to': node.address });
  for (let i = 0; i < 3; i++) {
    await using client = await gate.connect();
    assert.equal((await client.request(GET)).status, 400);
  }
  const line = await gate.logged(/code=node-protocol/);
  assert.match(line, new RegExp(`node=${node.address} protocol=uwsgi hint="if it speaks http write http://${node.address}"$`));
  await settle();
  assert.equal(gate.logs.filter((text) => /node-protocol/.test(text)).length, 1);
});

test('N1: a node that waits for more: the line of the timeout has the protocol, and the hint follows', { timeout: 20_000 }, async () => {
  await using node = await listening(createTcpServer((socket) => socket.on('error', () => {}).resume()));
  await using gate = await startGate({ 'http-to': node.address, 'http-timeout': '1' });
  await using client = await gate.connect();
  assert.equal((await client.request(GET)).status, 504);
  await gate.logged(/code=upstream-timeout .* protocol=uwsgi$/);
  await gate.logged(/code=node-protocol/);
});

test('N1: a uwsgi node behind http:// closes without a word', { timeout: 20_000 }, async () => {
  await using node = await listening(createTcpServer((socket) => socket.on('error', () => {}).once('data', () => socket.end())));
  await using gate = await startGate({ 'http-to': `http://${node.address}` });
  await using client = await gate.connect();
  assert.equal((await client.request(GET)).status, 502);
  await gate.logged(/code=upstream-empty .* protocol=http$/);
  const line = await gate.logged(/code=node-protocol/);
  assert.match(line, new RegExp(`protocol=http hint="if it speaks uwsgi write uwsgi://${node.address}"$`));
});

test('N1: lines of connecting have the protocol', async () => {
  await using gate = await startGate({ 'http-to': '127.0.0.1:1' });
  await using client = await gate.connect();
  assert.equal((await client.request(GET)).status, 502);
  await gate.logged(/code=connect-refused node=127\.0\.0\.1:1 protocol=uwsgi error=ECONNREFUSED/);
});

test('N1: nothing of it is said of an app that answers 400, nor of one that fails after it has answered', async () => {
  let isBad = true;
  await using node = await UwsgiBackend.listen((received, reply) => {
    if (received.vars.get('PATH_INFO') === '/gone') return;
    return answer('no', `HTTP/1.1 ${isBad ? '400 Bad Request' : '200 OK'}\r\n`)(received, reply);
  });
  await using gate = await startGate({ 'http-to': node.address });
  await using client = await gate.connect();
  assert.equal((await client.request(GET)).status, 400);
  isBad = false;
  assert.equal((await client.request(GET)).status, 200);
  assert.equal((await client.request(request('POST', '/gone', 'Content-Length: 0'))).status, 502);
  await gate.logged(/code=upstream-empty/);
  await settle();
  assert.ok(!gate.logs.some((text) => /node-protocol/.test(text)));
});
