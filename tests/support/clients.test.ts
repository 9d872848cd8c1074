/** The tools that other tests trust: strict where they should be, and they work on every runtime. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { parseResponse } from './http-message.ts';
import { findTool, temporaryFolder } from './paths.ts';
import { run, startProcess } from './process.ts';
import { exchange, RawClient } from './raw-client.ts';
import { answer, drip, readPacket, UwsgiBackend } from './uwsgi-backend.ts';
import { sleep, waitFor, within } from './wait.ts';

/** A packet made by the book, for the backend to read. */
function packet(vars: readonly (readonly [string, string])[], modifier1 = 0, modifier2 = 0): Buffer {
  const parts: Buffer[] = [];
  for (const text of vars.flat()) {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    parts.push(length, Buffer.from(text, 'latin1'));
  }
  const block = Buffer.concat(parts);
  const header = Buffer.from([modifier1, block.length & 255, block.length >> 8, modifier2]);
  return Buffer.concat([header, block]);
}

function target(backend: UwsgiBackend): { port: number } {
  return { port: Number(backend.address.split(':')[1]) };
}

test('a response is read strictly', () => {
  const read = (text: string, method = 'GET', closed = true) => parseResponse(Buffer.from(text, 'latin1'), method, closed);
  assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')?.response.text(), 'ok');
  assert.equal(read('HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX: 1\r\n\r\nNEXT')?.length, 67);
  assert.equal(read('HTTP/1.1 200 OK\r\n\r\nto the end')?.response.framing, 'close');
  assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'HEAD')?.response.framing, 'none');
  assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal', 'GET', false), null);
  for (const bad of [
    'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nBad Name: 1\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nName : 1\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: 1\r\n B: 2\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal',
    'HTTP/1.1 200 OK\r\nContent-Le',
  ]) {
    assert.throws(() => read(bad), Error, bad);
  }
});

test('a packet is read strictly', () => {
  const good = packet([
    ['REQUEST_METHOD', 'GET'],
    ['EMPTY', ''],
  ]);
  const request = readPacket(Buffer.concat([good, Buffer.from('body')]));
  assert.deepEqual(request?.list, [
    ['REQUEST_METHOD', 'GET'],
    ['EMPTY', ''],
  ]);
  assert.equal(request?.body.toString(), 'body');
  assert.equal(readPacket(good.subarray(0, good.length - 1)), null);
  assert.throws(() => readPacket(packet([['', 'x']])), /empty key/);
  const overlong = packet([['A', 'bc']]);
  overlong[7] = 200;
  assert.throws(() => readPacket(overlong), /run over/);
  assert.throws(() => readPacket(Buffer.from([0, 1, 0, 0, 65])), /cut off/);
});

test('the backend records packets and bodies and answers by script', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('hello'), folder.file('uwsgi.sock'));
  await using client = await RawClient.connect({ path: backend.address });
  const head = packet([['CONTENT_LENGTH', '8']], 5, 6);
  await client.flush(head.subarray(0, 3));
  await sleep(10);
  await client.flush(head.subarray(3));
  const request = await backend.request();
  await client.flush('half');
  await waitFor('half of the body', () => request.received === 4);
  await client.flush('half');
  const response = await client.readResponse();
  assert.equal(response.text(), 'hello');
  assert.equal(request.body.toString(), 'halfhalf');
  assert.deepEqual([request.modifier1, request.modifier2], [5, 6]);
  client.end();
  await waitFor('the end', () => request.ended && request.closed);
  assert.deepEqual(backend.errors, []);
});

test('the backend tells a broken packet, and what became of the connection', { timeout: 20_000 }, async () => {
  await using backend = await UwsgiBackend.listen(answer('x'));
  await using broken = await RawClient.connect(target(backend));
  broken.write(Buffer.from([0, 1, 0, 0, 65]));
  await broken.readToEnd();
  assert.equal(backend.errors.length, 1);
  const leaving = await RawClient.connect(target(backend));
  leaving.write(packet([['CONTENT_LENGTH', '9']]));
  const request = await backend.request();
  leaving.reset();
  await waitFor('the reset to be seen', () => request.closed && request.reset);
});

test('the backend drips, breaks off and resets', { timeout: 20_000 }, async () => {
  await using backend = await UwsgiBackend.listen((_, reply) => drip(reply, 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow', 3));
  await using slow = await RawClient.connect(target(backend));
  slow.write(packet([['A', 'b']]));
  assert.equal((await slow.readResponse()).text(), 'slow');
  backend.script = (_, reply) => reply.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl');
  await using short = await RawClient.connect(target(backend));
  short.write(packet([['A', 'b']]));
  await assert.rejects(short.readResponse(), /closed after 2 of 4/);
  backend.script = (_, reply) => reply.reset();
  await using cut = await RawClient.connect(target(backend));
  cut.write(packet([['A', 'b']]));
  await cut.readToEnd();
  await waitFor('the reset', () => cut.error === 'ECONNRESET');
});

test('a client waits no longer than it says', { timeout: 20_000 }, async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  assert.ok(address !== null && typeof address === 'object');
  await using client = await RawClient.connect({ port: address.port });
  await assert.rejects(client.readResponse({ milliseconds: 100 }), /waited 100 ms for a response/);
  await assert.rejects(client.readUntil('x', 50), /waited 50 ms/);
  await assert.rejects(within(50, 'nothing', new Promise(() => {})), /waited \d+ ms for nothing/);
  client.destroy();
  silent.close();
  await assert.rejects(exchange({ path: '/nowhere/missing.sock' }, 'GET'), /ENOENT/);
});

test('processes are run to their end, told from crashes, and stopped by pid', { timeout: 20_000 }, async () => {
  const shell = findTool('sh') ?? '/bin/sh';
  const result = await run([shell, '-c', 'cat; echo "$ONE$GONE" >&2; exit 3'], { input: 'in', env: { ONE: '1', GONE: undefined } });
  assert.deepEqual(result, { code: 3, signal: null, stdout: 'in', stderr: '1\n' });
  assert.equal((await run(['/nowhere/program'])).code, 127);
  const stubborn = startProcess([shell, '-c', 'trap "" TERM; echo ready >&2; while :; do sleep 0.1; done']);
  await stubborn.said(/ready/);
  assert.deepEqual(await stubborn.stop('SIGTERM', 200), { code: null, signal: 'SIGKILL' });
  assert.equal(stubborn.running, false);
  const brief = startProcess([shell, '-c', 'sleep 30'], { lifetime: 100 });
  assert.equal((await within(3000, 'its end', brief.exited)).signal, 'SIGKILL');
  const early = startProcess([shell, '-c', 'echo other >&2']);
  await assert.rejects(early.said(/never/), /ended before it said.*\n?.*other/);
});

test('a temporary folder goes away at the end of its block', { timeout: 20_000 }, async () => {
  let path = '';
  {
    await using folder = temporaryFolder();
    path = folder.path;
    assert.ok(existsSync(path));
  }
  assert.ok(!existsSync(path));
});
