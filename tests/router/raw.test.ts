/** What only begins like HTTP: `http-manage-source` and `http-raw-body`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawClient } from '../support/raw-client.ts';
import type { Script } from '../support/uwsgi-backend.ts';
import { isWithin, never, sleep, waitFor } from '../support/wait.ts';
import { get, request, startGate, withBackend } from './support.ts';

const AUDIO = Buffer.from(Array.from({ length: 48_000 }, (_, i) => (i * 7) & 0xff));

/** Takes a stream as Icecast does, until it ends. */
const icecast: Script = async (received, reply) => {
  await reply.write('HTTP/1.0 200 OK\r\n\r\n');
  await waitFor('the end of the stream', () => received.ended);
};

/** As libshout and ices write it. */
function source(version: string, ...fields: string[]): string {
  const lines = [
    'Authorization: Basic c291cmNlOmhhY2ttZQ==',
    'User-Agent: libshout/2.4.6',
    'Content-Type: audio/mpeg',
    'ice-name: A b',
    'ice-public: 0',
  ];
  return `SOURCE /live.mp3 ${version}\r\n${[...lines, ...fields].join('\r\n')}\r\n\r\n`;
}

async function stream(client: RawClient, head: string): Promise<void> {
  client.write(head);
  assert.equal((await client.readUntil('\r\n\r\n')).toString(), 'HTTP/1.0 200 OK\r\n\r\n');
  for (let i = 0; i < 5; i++) {
    client.write(AUDIO);
    await sleep(10);
  }
  client.end();
  assert.equal((await client.readToEnd()).length, 0);
}

for (const version of ['ICE/1.0', 'HTTP/1.0', 'HTTP/1.1'])
  test(`SOURCE ${version}: the stream goes through as it comes, and so does the answer`, async () => {
    await using it = await withBackend(icecast, { 'http-manage-source': 'true', 'http-timeout': '1' });
    await using client = await it.gate.connect();
    await stream(client, source(version, ...(version === 'HTTP/1.1' ? ['Host: radio'] : [])));
    const { vars, body } = await it.backend.request();
    assert.equal(vars.get('REQUEST_METHOD'), 'SOURCE');
    assert.equal(vars.get('SERVER_PROTOCOL'), version);
    assert.equal(vars.get('PATH_INFO'), '/live.mp3');
    assert.equal(vars.get('HTTP_ICE_NAME'), 'A b');
    assert.equal(vars.get('CONTENT_TYPE'), 'audio/mpeg');
    assert.ok(body.equals(Buffer.concat(Array(5).fill(AUDIO))));
    await waitFor('the connection to the node to be closed', () => it.backend.requests[0]?.closed);
    assert.equal(it.gate.logs.filter((line) => /warn|error/.test(line)).join(), '');
  });

test('a stream that comes with its head, and Expect, which is answered', async () => {
  await using it = await withBackend(icecast, { 'http-manage-source': 'true' });
  await using client = await it.gate.connect();
  client.write(`${source('HTTP/1.0')}at once`);
  await client.readUntil('HTTP/1.0 200 OK\r\n\r\n');
  client.end();
  await client.readToEnd();
  assert.equal((await it.backend.request()).body.toString(), 'at once');
  await using other = await it.gate.connect();
  other.write(source('HTTP/1.1', 'Host: a', 'Expect: 100-continue'));
  assert.equal((await other.readUntil('200 OK\r\n\r\n')).toString(), 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n');
});

test('a stream that nobody takes is told so, however much of it is on its way', async () => {
  const settings = { 'http-to': '127.0.0.1:1', 'http-manage-source': 'true' };
  await using gate = await startGate(settings);
  await using client = await gate.connect();
  client.write(source('ICE/1.0'));
  for (let i = 0; i < 20; i++) client.write(AUDIO);
  assert.match((await client.readToEnd()).toString(), /^HTTP\/1\.1 502 [\s\S]*upstream-unreachable/);
  assert.equal(client.error, null);

  await using it = await withBackend((_, reply) => reply.end(), settings);
  await using other = await it.gate.connect();
  assert.match((await other.request(source('HTTP/1.0'))).text(), /upstream-/);
});

test('without the options none of it is let in', async () => {
  await using it = await withBackend();
  for (const [head, status] of [
    [source('ICE/1.0'), 400],
    ['DESCRIBE rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n', 400],
    [source('HTTP/1.0'), 200],
  ] as const) {
    await using client = await it.gate.connect();
    assert.equal((await client.request(head)).status, status, head);
  }
  await using both = await withBackend(undefined, { 'http-manage-source': 'true', 'http-manage-rtsp': 'true' });
  for (const head of ['GET / ICE/1.0\r\n\r\n', 'SOURCE / ICE/1.1\r\n\r\n', 'SOURCE / ICY/1.0\r\n\r\n', 'PLAY rtsp://a/ RTSP/2.0\r\n\r\n']) {
    await using client = await both.gate.connect();
    client.write(head);
    assert.match((await client.readToEnd()).toString(), / 400 Bad Request/, head);
  }
});

test('a client that vanishes, and a node that does', async () => {
  await using it = await withBackend(icecast, { 'http-manage-source': 'true' });
  await using client = await it.gate.connect();
  client.write(source('HTTP/1.0'));
  await client.readUntil('\r\n\r\n');
  client.reset();
  await waitFor('the node to be told', () => it.backend.requests[0]?.closed);
  it.backend.script = async (_, reply) => {
    await reply.write('HTTP/1.0 200 OK\r\n\r\n');
    reply.reset();
  };
  await using other = await it.gate.connect();
  other.write(source('HTTP/1.0'));
  await other.readToEnd();
});

test('http-tunnel-timeout is the idle time of a stream once it was answered, http-timeout before', { timeout: 10_000 }, async () => {
  await using it = await withBackend(
    async (received, reply) => {
      if (received.vars.get('PATH_INFO') === '/never') return never();
      return icecast(received, reply);
    },
    { 'http-manage-source': 'true', 'http-timeout': '1', 'http-tunnel-timeout': '2500ms' },
  );
  await using late = await it.gate.connect();
  assert.match((await late.request(source('HTTP/1.0').replace('/live.mp3', '/never'))).text(), /upstream-timeout/);
  await using client = await it.gate.connect();
  const start = performance.now();
  client.write(source('HTTP/1.0'));
  assert.equal((await client.readUntil('\r\n\r\n')).toString(), 'HTTP/1.0 200 OK\r\n\r\n');
  await client.readToEnd();
  const lasted = performance.now() - start;
  assert.ok(lasted > 2300 && isWithin(4500, start), `${lasted} ms`);
});

test('http-raw-body: without a length bytes go both ways, and nothing is made of the answer', async () => {
  await using it = await withBackend(
    async (received, reply) => {
      await reply.write('no HTTP at all\n');
      await waitFor('a line', () => received.body.includes('\n'));
      await reply.write(`said ${received.body}`);
    },
    { 'http-raw-body': 'true' },
  );
  for (const chunked of [false, true]) {
    await using client = await it.gate.connect();
    client.write(request('POST', '/', ...(chunked ? ['Transfer-Encoding: chunked'] : [])));
    await client.readUntil('no HTTP at all\n');
    client.write('5\r\nhello\r\n');
    assert.equal((await client.readToEnd()).toString(), 'said 5\r\nhello\r\n');
  }
  const [, { vars }] = it.backend.requests;
  assert.equal(vars.get('HTTP_TRANSFER_ENCODING'), 'chunked');
});

test('http-raw-body: a request with a length keeps it, and the connection', async () => {
  await using it = await withBackend(undefined, { 'http-raw-body': 'true' });
  await using client = await it.gate.connect();
  for (const body of ['hello', '']) {
    const response = await client.request(request('POST', '/', `Content-Length: ${body.length}`) + body);
    assert.equal(response.text(), 'ok');
  }
  assert.deepEqual(
    it.backend.requests.map(({ body }) => body.toString()),
    ['hello', ''],
  );
  client.write(get());
  assert.match((await client.readToEnd()).toString(), /^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\nok$/);
});
