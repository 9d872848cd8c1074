/** HTTP nodes that misbehave, and clients that are slow or leave: each gets an answer or is cut off, and no connection is used again that should not be. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, request } from '../router/support.ts';
import { type HttpScript, reply } from '../support/http-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { withHttpNode } from './support.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('answers that end early, flood, or break the protocol are 502 with a code', { timeout: 60_000 }, async () => {
  const cases: readonly (readonly [code: string, script: HttpScript])[] = [
    ['upstream-empty', (_, to) => to.end()],
    ['upstream-reset', (_, to) => to.reset()],
    ['upstream-truncated-head', (_, to) => to.write('HTTP/1.1 200 OK\r\nA: b').then(() => to.end())],
    ['upstream-bad-status-line', (_, to) => to.write('SSH-2.0-OpenSSH\r\n')],
    ['upstream-length-and-encoding', (_, to) => to.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok')],
    ['upstream-interim-flood', (_, to) => to.write('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'.repeat(1000))],
    ['upstream-unexpected-101', (_, to) => to.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')],
    [
      'upstream-head-too-large',
      async (_, to) => {
        await to.write('HTTP/1.1 200 OK\r\n');
        while (!to.socket.destroyed) await to.write(`X-${'a'.repeat(5000)}: b\r\n`).catch(() => {});
      },
    ],
  ];
  for (const [code, script] of cases) {
    await using rig = await withHttpNode(script);
    await using client = await rig.gate.connect();
    assert.match((await client.request(get())).text(), new RegExp(`^502 .*: ${code}\\n$`), code);
    await rig.gate.logged(new RegExp(`code=${code} status=502`));
    // Nothing of it is left for the next request.
    rig.backend.script = reply('ok');
    assert.equal((await client.request(get())).text(), 'ok', code);
    assert.equal(rig.backend.connections, 2, code);
  }
});

test('an answer that is cut off cuts the client off, and its connection is not used again', { timeout: 20_000 }, async () => {
  for (const answer of [
    'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbegin',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\nx',
  ]) {
    await using rig = await withHttpNode(async (_, to) => {
      await to.write(answer);
      to.end();
    });
    await using client = await rig.gate.connect();
    client.write(get());
    await client.readUntil('begin');
    await client.readToEnd();
    rig.backend.script = reply('ok');
    await using next = await rig.gate.connect();
    assert.equal((await next.request(get())).text(), 'ok');
    assert.equal(rig.backend.connections, 2);
  }
});

test('an answer that trickles byte by byte arrives, and its connection is used again', { timeout: 30_000 }, async () => {
  const text = 'HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n';
  await using rig = await withHttpNode(async (_, to) => {
    for (const byte of text) {
      await to.write(byte);
      await sleep(1);
    }
  });
  await using client = await rig.gate.connect();
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get())).text(), 'abc');
  assert.equal(rig.backend.connections, 1);
});

test('what the node writes reaches the client at once', { timeout: 20_000 }, async () => {
  let go: (() => void) | null = null;
  await using rig = await withHttpNode(async (_, to) => {
    await to.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 3; i++) {
      await to.write(`9\r\ndata: ${i}\n\n\r\n`);
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    }
    await to.write('0\r\n\r\n');
  });
  await using client = await rig.gate.connect();
  client.write(get());
  for (let i = 0; i < 3; i++) {
    await client.readUntil(`data: ${i}\n\n`, 1000);
    go!();
  }
  await client.readUntil('0\r\n\r\n');
});

test('an answer in the middle of the upload: the client gets it, and the connection is not used again', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode((_, to) => to.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n'));
  for (const field of ['Content-Length: 10000000', 'Transfer-Encoding: chunked']) {
    await using client = await rig.gate.connect();
    client.write(`${request('POST', '/', field)}ffff\r\n`);
    const response = await client.readResponse();
    assert.equal(response.status, 413);
    assert.equal(response.header('connection'), 'close');
  }
  await waitFor('both to be closed', () => rig.backend.closed === 2);
  assert.equal(rig.backend.connections, 2);
  rig.backend.errors.length = 0;
});

test('an answer that begins during the upload, and ends behind it, leaves a connection that can be used again', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(async (received, to) => {
    await to.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok');
    await received.complete();
    await to.write('ok');
  });
  for (let i = 0; i < 2; i++) {
    await using client = await rig.gate.connect();
    client.write(`${request('POST', '/', 'Content-Length: 6')}abc`);
    await client.readUntil('\r\n\r\nok');
    client.write('def');
    assert.equal((await client.readBytes(2)).toString(), 'ok');
  }
  assert.equal(rig.backend.connections, 1);
});

test('a client that leaves takes its connection to the node with it', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(async () => {});
  await using client = await rig.gate.connect();
  client.write(get());
  await rig.backend.request(0);
  client.reset();
  await waitFor('the connection to be closed', () => rig.backend.closed === 1);
});

test('backpressure: a slow client holds the node back, a slow node the client', { timeout: 60_000 }, async () => {
  const SIZE = 64 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  await using rig = await withHttpNode(async (received, to) => {
    if (received.method === 'POST') {
      to.socket.pause();
      await sleep(500);
      to.socket.resume();
      await received.complete();
      return to.write(OK);
    }
    await to.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
    for (sent = 0; sent < SIZE; sent += piece.length) await to.write(piece);
  });
  await using client = await rig.gate.connect();
  client.pause();
  client.write(get());
  await sleep(500);
  assert.ok(sent < SIZE / 2, `${sent} bytes went out to nobody`);
  client.resume();
  await client.readUntil('\r\n\r\n');
  for (let at = 0; at < SIZE; at += piece.length) await client.readBytes(piece.length);

  await using uploader = await rig.gate.connect();
  let taken = 0;
  uploader.write(request('POST', '/', `Content-Length: ${SIZE / 4}`));
  const upload = async (): Promise<void> => {
    for (; taken < SIZE / 4; taken += piece.length) await uploader.flush(piece);
  };
  const done = upload();
  await sleep(300);
  assert.ok(taken < SIZE / 4, 'the client was not held back');
  await done;
  assert.equal((await uploader.readResponse({ milliseconds: 20_000 })).text(), 'ok');
  assert.equal(rig.backend.connections, 1);
});
