/** `http-response-buffer`. Unix sockets on both sides: their kernel buffers are small, and of one size everywhere. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Settings } from '../../src/options/read-config.ts';
import { temporaryFolder } from '../support/paths.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { type Gate, get, request, startGate } from './support.ts';

const KIB = 1024;
/** More than a unix socket holds with the default settings of Linux (net.core.wmem_default), which is 208 KiB. */
const KERNEL = 256 * KIB;
/** What is on its way beside the buffer: in two sockets, in one read of the router, and in one that a standing client has made. */
const UNDER_WAY = 4 * KERNEL + 128 * KIB;
const BLOCK = Uint8Array.from({ length: 16 * KIB }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

interface Shielded extends AsyncDisposable {
  readonly gate: Gate;
  readonly backend: UwsgiBackend;
  /** Bytes of bodies that were taken off the backends' hands. */
  readonly sent: number;
}

/** A backend that answers with as many bytes as the path says, at the speed at which they are taken. */
async function shielded(settings: Settings, readsBody = true): Promise<Shielded> {
  const folder = temporaryFolder();
  let sent = 0;
  const script: Script = async (received, reply) => {
    if (readsBody) await received.complete();
    const [, size = '0', kind = 'length'] = received.vars.get('PATH_INFO')!.split('/');
    const total = Number(size);
    await reply.write(`HTTP/1.1 200 OK\r\n${kind === 'length' ? `Content-Length: ${total}\r\n` : ''}\r\n`);
    for (let at = 0; at < total; at += BLOCK.length) {
      await reply.write(BLOCK.subarray(0, Math.min(BLOCK.length, total - at)));
      sent += BLOCK.length;
    }
  };
  const backend = await UwsgiBackend.listen(script, folder.file('app.sock'));
  const gate = await startGate({ http: folder.file('front.sock'), 'http-to': backend.address, ...settings });
  return {
    gate,
    backend,
    get sent() {
      return sent;
    },
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await backend.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Asks for `size` bytes and reads none of them. */
async function standStill(gate: Gate, size: number, ...fields: string[]): Promise<RawClient> {
  const client = await gate.connect();
  client.pause();
  client.write(get(`/${size}`, ...fields));
  return client;
}

function assertWhole(body: Buffer, size: number, what = ''): void {
  assert.equal(body.length, size, what);
  for (let at = 0; at < size; at += BLOCK.length) {
    const end = Math.min(at + BLOCK.length, size);
    assert.ok(body.subarray(at, end).equals(BLOCK.subarray(0, end - at)), `${what} at ${at}`);
  }
}

/** Reads at so many bytes a millisecond, to the end or to `size` bytes behind the head; ends its side once it is to. */
function readSlowly(gate: Gate, bytes: string, rate: number, size: number, end?: Promise<unknown>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', ...gate.targets[0]!, allowHalfOpen: true });
    let got = Buffer.alloc(0);
    const body = (): Buffer => got.subarray(got.indexOf('\r\n\r\n') + 4);
    const done = (): void => {
      socket.destroy();
      resolve(body());
    };
    socket.write(bytes);
    end?.then(() => socket.end(), reject);
    socket.on('data', (piece: Buffer) => {
      got = Buffer.concat([got, piece]);
      if (body().length >= size) return done();
      socket.pause();
      setTimeout(() => socket.resume(), piece.length / rate);
    });
    socket.on('end', done);
    socket.on('error', (error) => reject(new Error(`after ${got.length} bytes: ${error.message}`)));
  });
}

test('a slow reader lets the worker go, up to the buffer; beyond it the worker waits, and nothing is lost', async () => {
  for (const [settings, fits] of [
    [{}, 400 * KIB],
    [{ 'http-response-buffer': '1m' }, 1024 * KIB],
  ] as const) {
    await using it = await shielded(settings);
    await using client = await standStill(it.gate, fits);
    const received = await it.backend.request();
    await waitFor('the worker to be free', () => received.closed || received.ended);
    await using other = await standStill(it.gate, 4096 * KIB);
    const second = await it.backend.request(1);
    await sleep(300);
    assert.ok(!second.closed && !second.ended);
    assert.ok(it.sent - fits <= fits + UNDER_WAY, `${it.sent} bytes read ahead`);
    for (const [reader, size] of [
      [client, fits],
      [other, 4096 * KIB],
    ] as const) {
      reader.resume();
      assertWhole((await reader.readResponse()).body, size);
    }
  }
});

test('without a buffer the worker is read as fast as the client reads', async () => {
  await using it = await shielded({ 'http-response-buffer': 0 });
  await using client = await standStill(it.gate, 2048 * KIB);
  const received = await it.backend.request();
  await sleep(300);
  assert.ok(!received.closed && !received.ended);
  assert.ok(it.sent <= UNDER_WAY, `${it.sent} bytes read ahead`);
  client.resume();
  assertWhole((await client.readResponse()).body, 2048 * KIB);
  assertWhole((await client.request(get(`/${700 * KIB}/chunked`))).body, 700 * KIB);
});

test('many slow readers cost no more than their buffers', async () => {
  await using it = await shielded({ 'http-response-buffer': '64k' });
  const clients = await Promise.all(Array.from({ length: 40 }, () => standStill(it.gate, 8192 * KIB)));
  await waitFor('all requests at the backend', () => it.backend.requests.length === 40);
  await sleep(400);
  assert.ok(it.sent <= 40 * (64 * KIB + UNDER_WAY), `${it.sent} bytes read ahead`);
  for (const client of clients) client.destroy();
  await waitFor('the workers to be free', () => it.backend.requests.every(({ closed, ended }) => closed || ended));
});

test('requests of a client that does not read its answers wait, and are answered in order when it does', async () => {
  for (const batch of [60, 1]) {
    await using it = await shielded({});
    await using client = await it.gate.connect();
    client.pause();
    const size = 64 * KIB;
    for (let i = 0; i < 60; i += batch) {
      client.write(Array.from({ length: batch }, (_, k) => get(`/${size + i + k}`)).join(''));
      await sleep(8);
    }
    await waitFor('the first requests', () => it.backend.requests.length >= 4);
    await sleep(200);
    const asked = it.backend.requests.length;
    assert.ok(asked >= 4 && asked <= (2 * KERNEL + 256 * KIB) / size + 3, `${asked} requests executed`);
    client.resume();
    for (let i = 0; i < 60; i++) assertWhole((await client.readResponse()).body, size + i);
    assert.equal(it.backend.requests.length, 60);
  }
});

test('who reads slowly gets all of it: beyond http-timeout, beyond keep-alive, and behind the end of the connection', {
  timeout: 20_000,
}, async () => {
  // Longer than any of the times: 900 bytes a millisecond.
  const times = { 'http-timeout': 1, 'http-keepalive': 1 };
  const size = 2400 * KIB;
  await using ahead = await shielded({ ...times, 'http-response-buffer': '4m' });
  await using behind = await shielded({ ...times, 'http-response-buffer': '1m' });
  await using early = await shielded({ ...times, 'http-response-buffer': '4m' }, false);
  const upload = (length: number): string => request('POST', `/${length}`, 'Content-Length: 999999');
  const { requests } = early.backend;
  // Sooner the end of a client would be taken for one that leaves in the middle of its request.
  const answered = waitFor('the answers to be with ugate', () => requests.length === 2 && requests.every(({ closed, ended }) => closed || ended));
  const bodies = await Promise.all([
    readSlowly(ahead.gate, get(`/${size}`), 900, size),
    readSlowly(ahead.gate, get(`/${size}`, 'Connection: close'), 900, size),
    readSlowly(ahead.gate, get(`/${size}/close`).replace('1.1', '1.0'), 900, Number.POSITIVE_INFINITY),
    readSlowly(behind.gate, get(`/${size}`), 900, size),
    readSlowly(early.gate, upload(size), 900, Number.POSITIVE_INFINITY),
    readSlowly(early.gate, upload(size), 900, Number.POSITIVE_INFINITY, answered),
  ]);
  for (const [i, body] of bodies.entries()) assertWhole(body, size, `reader ${i}`);
  for (const { gate } of [ahead, behind, early]) assert.deepEqual(gate.logs, []);
});

test('who reads nothing is let go after http-timeout, whatever its answer has come to', { timeout: 20_000 }, async () => {
  const times = { 'http-timeout': 1, 'http-keepalive': 1, 'http-response-buffer': '4m' };
  await using it = await shielded(times);
  await using early = await shielded(times, false);
  await using patient = await shielded({ ...times, 'http-timeout': 60 }, false);
  const size = 1024 * KIB;
  await using pausing = await standStill(patient.gate, size, 'Content-Length: 99');
  const started = performance.now();
  const clients = await Promise.all([
    standStill(it.gate, size),
    standStill(it.gate, size, 'Connection: close'),
    standStill(it.gate, 8 * size),
    standStill(early.gate, size, 'Content-Length: 99'),
  ]);
  await it.gate.logged(/code=client-stalled/);
  assert.ok(performance.now() - started > 900);
  await sleep(2600);
  for (const client of clients) {
    client.resume();
    const { length } = await client.readToEnd(1000);
    assert.ok(length > 0 && length < size, `${length} bytes`);
    client.destroy();
  }
  // Longer than connections linger that nobody has to be waited for.
  pausing.resume();
  assertWhole((await pausing.readResponse()).body, size);
});
