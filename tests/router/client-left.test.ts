/** Clients that leave while their request is being answered, and those that only end their half. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientSession } from '../../src/router/client-session.ts';
import { makeFront } from '../../src/router/front.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { idleConnection } from '../support/idle-connection.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { UwsgiBackend } from '../support/uwsgi-backend.ts';
import { isWithin, never, sleep, waitFor } from '../support/wait.ts';
import { get, request, startGate, withBackend } from './support.ts';
import { nodeAt, Wired } from './wired.ts';

/** Longer than what `http-half-close = auto` takes for one breath. */
const LATER_MS = 120;
/** More than a unix socket holds, less than that and a TCP connection. */
const HELD_BYTES = 500_000;

test('B10/W3: the FIN of a client that has waited ends its request: the node is told, its place is free, no mark is left', async () => {
  await using backend = await UwsgiBackend.listen(never);
  await using gate = await startGate({ 'http-to': `${backend.address},max-conns=1`, 'http-max-connections': 2 });
  for (const [round, fields] of [[], ['Connection: close'], []].entries()) {
    const client = await gate.connect();
    client.write(get(`/${round}`, ...fields));
    const received = await backend.request(round);
    await sleep(LATER_MS);
    const began = performance.now();
    client.end();
    await waitFor('the node to be told', () => received.ended || received.closed, 10_000);
    assert.ok(isWithin(2000, began));
    await client.readToEnd();
    await gate.logged(new RegExp(`info .*code=client-left .*target=/${round}`));
  }
  assert.deepEqual(
    gate.logs.filter((line) => /node-dead|too-many|nodes-full/.test(line)),
    [],
  );
});

test('B10/W3: in the middle of an answer too, and draining does not wait for the client', async () => {
  await using it = await withBackend(async (_, reply) => {
    await reply.write('HTTP/1.1 200 OK\r\n\r\npart');
    await never();
  });
  await using client = await it.gate.connect();
  client.write(get());
  await client.readUntil('part');
  await sleep(LATER_MS);
  client.end();
  const began = performance.now();
  await it.gate.stop();
  assert.ok(isWithin(2000, began));
  await it.gate.logged(/code=client-left/);
});

test('B10/W3: a FIN that comes with the request is half-close, and without output it ends after http-half-close-timeout', async () => {
  await using it = await withBackend(
    async (received, reply) => {
      if (received.vars.get('PATH_INFO') === '/slow')
        // Longer than the limit in all, and each pause so much shorter that a crowded machine cannot stretch it to that.
        for (let i = 0; i < 4; i++) await sleep(1_000).then(() => reply.write(i === 0 ? 'HTTP/1.1 200 OK\r\n\r\n0' : String(i)));
      else await never();
    },
    { 'http-half-close-timeout': 3 },
  );
  await using slow = await it.gate.connect();
  slow.write(get('/slow', 'Connection: close'));
  slow.end();
  await using silent = await it.gate.connect();
  silent.write(get('/silent'));
  silent.end();
  const received = await it.backend.request(1);
  assert.equal((await silent.readToEnd(10_000)).length, 0);
  await it.gate.logged(/code=client-left .*target=\/silent/);
  await waitFor('the node to be told', () => received.ended || received.closed);
  assert.equal((await slow.readResponse({ milliseconds: 10_000 })).text(), '0123');
});

test('B10/W3: http-half-close = on waits with every such client, off with none', async () => {
  const script = async (_: unknown, reply: { write(data: string): Promise<void> }): Promise<void> => {
    await sleep(3 * LATER_MS);
    await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  };
  await using on = await withBackend(script, { 'http-half-close': 'on' });
  await using late = await on.gate.connect();
  late.write(get());
  await sleep(LATER_MS);
  late.end();
  assert.equal((await late.readResponse()).text(), 'ok');

  await using off = await withBackend(never, { 'http-half-close': 'off' });
  await using early = await off.gate.connect();
  early.write(get());
  early.end();
  assert.equal((await early.readToEnd()).length, 0);
  await off.gate.logged(/code=client-left/);
});

test('B10/W3: pipelined requests in front of a FIN are all answered, and end when the client leaves later', async () => {
  await using it = await withBackend(async (received, reply) => {
    if (received.vars.get('PATH_INFO') === '/never') await never();
    await sleep(2 * LATER_MS);
    await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await using half = await it.gate.connect();
  half.write(get('/a') + get('/b') + get('/c'));
  half.end();
  for (let i = 0; i < 3; i++) assert.equal((await half.readResponse()).text(), 'ok');
  assert.equal((await half.readToEnd()).length, 0);

  await using gone = await it.gate.connect();
  gone.write(get('/never') + get('/behind'));
  const received = await it.backend.request(3);
  await sleep(LATER_MS);
  gone.end();
  await waitFor('the node to be told', () => received.ended || received.closed, 10_000);
});

const { capabilities } = await selectRuntime();

const gap = !capabilities.endInPause && 'endInPause is not among its capabilities';
peerTest('B10/W3: a client that is held back is noticed as well', { needs: [], skip: gap }, async () => {
  await using folder = temporaryFolder();
  // Holds little: soon the client is held back, with bytes of it unread.
  await using backend = await UwsgiBackend.listen((_, reply) => {
    reply.pause();
    return never();
  }, folder.file('node.sock'));
  await using gate = await startGate({ 'http-to': backend.address });
  await using client = await gate.connect();
  client.write(request('POST', '/', 'Content-Length: 50000000'));
  await backend.request();
  for (let sent = 0; sent < HELD_BYTES; sent += 50_000) await client.flush('x'.repeat(50_000));
  await sleep(LATER_MS);
  client.end();
  await gate.logged(/code=client-left .*method=POST/);
  assert.equal((await client.readToEnd()).length, 0);
});

const UPLOAD = request('POST', '/', 'Content-Length: 100');
const CHUNKS = request('POST', '/', 'Transfer-Encoding: chunked');

for (const [name, sent, silence, unread, isGiven, front] of [
  ['a body that cannot be whole any more', `${UPLOAD}${'x'.repeat(50)}`, 0, 49, true, {}],
  ['a body that can still be whole', `${UPLOAD}${'x'.repeat(50)}`, 1000, 50, false, {}],
  ['chunks without an end', `${CHUNKS}5\r\nhello\r\n`, 0, 0, true, {}],
  ['chunks whose end may be there', `${CHUNKS}5\r\nhello\r\n`, 1000, 5, false, {}],
  ['requests behind it, with FIN', get('/a') + get('/b'), 0, 100, false, {}],
  ['requests behind it, and FIN later', get('/a') + get('/b'), 1000, 100, true, {}],
  ['a router of ours', `${UPLOAD}${'x'.repeat(50)}`, 0, 50, true, { isPrivate: true }],
] as const) {
  test(`B10/W3: FIN while the client is held back: ${name}`, async () => {
    let aborted = 0;
    const upstream = { isConnected: true, send: () => false, body: () => false, end() {}, abort: () => aborted++, pause() {}, resume() {} };
    await using wired = await Wired.start([nodeAt('worker', '127.0.0.1:1')], { open: () => upstream });
    const handlers = wired.router.handlers(makeFront(0, front));
    const connection = idleConnection<ClientSession>(undefined as never, { silence });
    handlers.open(connection);
    handlers.data(connection, new TextEncoder().encode(sent));
    assert.equal(aborted, 0);
    handlers.hangup!(connection, unread);
    assert.equal(aborted, isGiven ? 1 : 0);
    handlers.close(connection, null);
    assert.equal(aborted, 1);
  });
}
