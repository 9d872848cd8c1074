/** `http-post-buffering`: no node is asked, nor connected to, before the body is whole. */

import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle, sleep, waitFor } from '../support/wait.ts';
import { request, startGate, withBackend } from './support.ts';

const SIZES = [2, 9_999, 10_000, 10_001, 700_000];

/** Answers with the length of the body it was told, and how much of it came. */
const measure: Script = async (received, to) => {
  await received.complete();
  const body = `${received.vars.get('CONTENT_LENGTH')} ${received.received} ${received.vars.get('HTTP_TRANSFER_ENCODING') ?? '-'}`;
  await to.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
};

const bodyOf = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, i) => (i * 31) & 0xff));
const withLength = (size: number): string => request('POST', '/', `Content-Length: ${size}`);
const CHUNKED = request('POST', '/', 'Transfer-Encoding: chunked');

test('bodies with a length and in chunks are read whole, in memory and in a file, before the node is connected to', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using it = await withBackend(measure, { 'http-post-buffering': '10000', 'http-post-buffering-dir': folder.path });
  await using client = await it.gate.connect();
  for (const size of SIZES) {
    for (const isChunked of [false, true]) {
      const body = bodyOf(size);
      const before = it.backend.connections;
      client.write(isChunked ? `${CHUNKED}${(size - 1).toString(16)}\r\n` : withLength(size));
      client.write(body.subarray(0, -1));
      await sleep(30);
      assert.equal(it.backend.connections, before);
      if (isChunked) client.write('\r\n1\r\n');
      client.write(body.subarray(-1));
      if (isChunked) client.write('\r\n0\r\n\r\n');
      assert.equal((await client.readResponse()).text(), `${size} ${size} -`);
      const received = await it.backend.request(before);
      assert.ok(received.body.equals(body));
      assert.equal(received.list.filter(([key]) => key === 'CONTENT_LENGTH').length, 1);
    }
    assert.deepEqual(readdirSync(folder.path), []);
  }
});

test('HTTP nodes get it with its length too', async () => {
  await using node = await HttpBackend.listen(reply('ok'));
  await using gate = await startGate({ 'http-to': node.address, 'http-post-buffering': '4' });
  await using client = await gate.connect();
  for (const sent of [`${withLength(10)}helloworld`, `${CHUNKED}5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n`])
    assert.equal((await client.request(sent)).text(), 'ok');
  for (const received of node.requests) {
    assert.equal(received.body.toString(), 'helloworld');
    assert.equal(received.field('content-length'), '10');
    assert.equal(received.field('transfer-encoding'), null);
  }
  assert.deepEqual(node.errors, []);
});

test('with http-chunked-input chunks are kept, and sent once all of them are here', async () => {
  await using it = await withBackend(
    async (received, to) => {
      await waitFor('the last chunk', () => received.body.includes('\r\n0\r\n\r\n'));
      await to.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    },
    { 'http-post-buffering': '4', 'http-chunked-input': 'true' },
  );
  await using client = await it.gate.connect();
  client.write(`${CHUNKED}5\r\nhello\r\n`);
  await sleep(50);
  assert.equal(it.backend.connections, 0);
  client.write('0\r\n\r\n');
  assert.equal((await client.readResponse()).status, 200);
  const { vars, body } = await it.backend.request();
  assert.equal(body.toString(), '5\r\nhello\r\n0\r\n\r\n');
  assert.equal(vars.get('HTTP_TRANSFER_ENCODING'), 'chunked');
  assert.equal(vars.get('CONTENT_LENGTH'), undefined);
});

test('Expect is answered before the body is read, not when a node has it', async () => {
  await using it = await withBackend(measure, { 'http-post-buffering': '4' });
  await using client = await it.gate.connect();
  for (const isChunked of [false, true]) {
    const before = it.backend.connections;
    client.write(request('POST', '/', isChunked ? 'Transfer-Encoding: chunked' : 'Content-Length: 5', 'Expect: 100-continue'));
    assert.equal((await client.readResponse({ interim: true })).status, 100);
    assert.equal(it.backend.connections, before);
    client.write(isChunked ? '5\r\nhello\r\n0\r\n\r\n' : 'hello');
    assert.equal((await client.readResponse({ interim: true })).text(), '5 5 -');
    assert.equal((await it.backend.request(before)).vars.get('HTTP_EXPECT'), undefined);
  }
});

test('Expect is answered where the node is found late, too', async () => {
  await using folder = temporaryFolder();
  await using it = await withBackend(measure);
  writeFileSync(folder.file('map.ts'), `export const find = () => ${JSON.stringify(it.backend.address)};\n`);
  await using gate = await startGate({ 'http-use-code-string': `0:${folder.file('map.ts')}:find`, 'http-post-buffering': '4' });
  await using client = await gate.connect();
  client.write(request('POST', '/', 'Content-Length: 5', 'Expect: 100-continue'));
  assert.equal((await client.readResponse({ interim: true, milliseconds: 3000 })).status, 100);
  client.write('hello');
  assert.equal((await client.readResponse()).text(), '5 5 -');
});

test('a node that refuses costs nothing: the body goes to the next', async () => {
  await using it = await withBackend(measure);
  await using gate = await startGate({ 'http-to': ['127.0.0.1:1', it.backend.address], 'http-post-buffering': '4' });
  await using client = await gate.connect();
  for (let i = 0; i < 3; i++) assert.equal((await client.request(`${withLength(10)}helloworld`)).text(), '10 10 -');
});

test('a client that leaves in the middle frees file and budget, and no node is asked', async () => {
  await using folder = temporaryFolder();
  const settings = { 'http-post-buffering': '1k', 'http-post-buffering-dir': folder.path, 'http-body-buffer-total': '100k' };
  await using it = await withBackend(measure, settings);
  for (let i = 0; i < 5; i++) {
    await using client = await it.gate.connect();
    client.write(withLength(90_000));
    client.write(bodyOf(89_999));
    await settle(3);
    client.reset();
    await settle(3);
  }
  await using first = await it.gate.connect();
  first.write(withLength(90_000));
  first.write(bodyOf(89_999));
  await settle();
  assert.equal(it.backend.connections, 0);
  // The rest is too little for a second one.
  await using second = await it.gate.connect();
  assert.match((await second.request(`${withLength(20_000)}${'x'.repeat(20_000)}`)).text(), /^503 .*body-buffer-full/);
  first.write('x');
  assert.equal((await first.readResponse()).text(), '90000 90000 -');
  assert.equal((await first.request(`${withLength(20_000)}${'x'.repeat(20_000)}`)).text(), '20000 20000 -');
});

test('limits: http-max-body and http-body-buffer-max, refused by the announced length before a byte is read', async () => {
  await using it = await withBackend(measure, { 'http-post-buffering': '1k', 'http-max-body': '60k', 'http-body-buffer-max': '32k' });
  for (const [sent, code] of [
    [withLength(70_000), 'body-too-large'],
    [withLength(40_000), 'body-buffer-max'],
    [`${CHUNKED}9000\r\n${'x'.repeat(0x9000)}\r\n`, 'body-buffer-max'],
  ] as const) {
    await using client = await it.gate.connect();
    const response = await client.request(sent);
    assert.equal(response.status, 413);
    assert.match(response.text(), new RegExp(code));
  }
  assert.equal(it.backend.connections, 0);
});

test('F26: a directory that went away is 503 for what does not fit into memory, and nothing else', async () => {
  const folder = temporaryFolder();
  await using it = await withBackend(measure, { 'http-post-buffering': '1k', 'http-post-buffering-dir': folder.path });
  rmSync(folder.path, { recursive: true });
  await using client = await it.gate.connect();
  assert.equal((await client.request(`${withLength(10)}helloworld`)).status, 200);
  assert.match((await client.request(`${withLength(2000)}${'x'.repeat(2000)}`)).text(), /^503 .*body-buffer-failed/);
  await it.gate.logged(/code=body-buffer-failed .*error="ENOENT/);
});

test('a body that stops is 408 by http-timeout, however slow it was before', { timeout: 10_000 }, async () => {
  await using it = await withBackend(measure, { 'http-post-buffering': '1k', 'http-timeout': '500ms' });
  await using client = await it.gate.connect();
  client.write(withLength(100));
  for (let i = 0; i < 4; i++) {
    await sleep(300);
    client.write('x');
  }
  assert.match((await client.readResponse()).text(), /^408 .*body-timeout/);
  assert.equal(it.backend.connections, 0);
});

test('nobody to serve it: refused before the body is read', async () => {
  const backend = await UwsgiBackend.listen(measure);
  await using gate = await startGate({ 'http-use-pattern': '/nonexistent/%s.sock', 'http-strict-mapping': 'true', 'http-post-buffering': '1k' });
  await using client = await gate.connect();
  const response = await client.request(withLength(1_000_000));
  assert.ok(response.status >= 502, String(response.status));
  await backend.stop();
});
