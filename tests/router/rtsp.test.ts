/** RTSP/1.0 through the router (`http-manage-rtsp`). */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { temporaryFolder } from '../support/paths.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { startGate, withBackend } from './support.ts';

const RTSP: readonly (readonly [request: string, answer: string])[] = [
  [
    'OPTIONS rtsp://cam.example:554/live/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: LibVLC/3.0\r\n\r\n',
    'RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n',
  ],
  [
    'DESCRIBE rtsp://cam.example:554/live/ RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n',
    'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n',
  ],
  [
    'SETUP rtsp://cam.example:554/live/track1 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n',
    'RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n',
  ],
  [
    'PLAY rtsp://cam.example:554/live/ RTSP/1.0\r\nCSeq: 4\r\nSession: 7\r\n\r\n',
    'RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 7\r\n\r\n$\0\0\x05hello$\x01\0\x02ok',
  ],
  ['$\x01\0\x04rtcpTEARDOWN rtsp://cam.example:554/live/ RTSP/1.0\r\nCSeq: 5\r\nSession: 7\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n'],
];

/** Answers each request of the conversation once it has come whole. */
const camera: Script = async (received, reply) => {
  let expected = '';
  for (const [index, [asked, answered]] of RTSP.entries()) {
    // The head of the first one came as vars.
    if (index > 0) expected += asked;
    await waitFor(`request ${index}`, () => received.received === expected.length);
    assert.equal(received.body.toString('latin1'), expected);
    await reply.write(answered);
  }
};

test('RTSP: a conversation with interleaved frames, to the node of its host', async () => {
  const other = await UwsgiBackend.listen(() => {});
  await using it = await withBackend(camera);
  await using folder = temporaryFolder();
  writeFileSync(folder.file('map'), `cam.example:554 ${it.backend.address}\n`);
  await using gate = await startGate({ 'http-to': other.address, 'http-use-cache': folder.file('map'), 'http-manage-rtsp': 'true' });
  await using client = await gate.connect();
  for (const [asked, answered] of RTSP) {
    client.write(asked);
    assert.equal((await client.readBytes(answered.length)).toString('latin1'), answered);
  }
  assert.equal((await client.readToEnd()).length, 0);
  const { vars } = await it.backend.request();
  assert.equal(vars.get('SERVER_PROTOCOL'), 'RTSP/1.0');
  assert.equal(vars.get('PATH_INFO'), '/live/');
  assert.equal(vars.get('REQUEST_URI'), 'rtsp://cam.example:554/live/');
  assert.equal(vars.get('HTTP_HOST'), 'cam.example:554');
  assert.equal(vars.get('HTTP_CSEQ'), '1');
  assert.deepEqual([it.backend.errors, other.connections], [[], 0]);
  await other.stop();
});

test('RTSP: what cannot be served is answered in RTSP, with the number of the request where that is known', async () => {
  const describe = 'DESCRIBE rtsp://a/b RTSP/1.0\r\ncseq:  41\r\n';
  await using dead = await startGate({ 'http-to': '127.0.0.1:1', 'http-manage-rtsp': 'true', 'http-max-body': '10' });
  for (const [asked, expected] of [
    [`${describe}\r\n`, /^RTSP\/1\.0 502 Bad Gateway\r\nCSeq: 41\r\n[\s\S]*Connection: close\r\n[\s\S]*upstream-unreachable\n$/],
    [`${describe}Content-Length: 11\r\n\r\n`, /^RTSP\/1\.0 413 Content Too Large\r\nCSeq: 41\r\n/],
    [`${describe}Bad Field: 1\r\n\r\n`, /^RTSP\/1\.0 400 Bad Request\r\nContent-Type/],
    ['DESCRIBE rtsp://a/b RTSP/1.0\r\nCSeq: 1\x80\r\n\r\n', /^RTSP\/1\.0 502 Bad Gateway\r\nContent-Type/],
    ['DESCRIBE http://a/b RTSP/1.0\r\n\r\n', /^RTSP\/1\.0 400 Bad Request\r\n[\s\S]*bad-target-form/],
    ['GET / HTTP/1.1\r\nHost: a\r\nBad Field: 1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ] as const) {
    await using client = await dead.connect();
    client.write(asked);
    assert.match((await client.readToEnd()).toString(), expected);
  }
  await using it = await withBackend((_, reply) => reply.end(), { 'http-manage-rtsp': 'true' });
  await using client = await it.gate.connect();
  client.write(`${describe}\r\n`);
  assert.match((await client.readToEnd()).toString(), /^RTSP\/1\.0 502 Bad Gateway\r\nCSeq: 41\r\n[\s\S]*upstream-empty/);
});

test('RTSP to an HTTP node goes as it came', async () => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await using gate = await startGate({ 'http-to': `http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'http-manage-rtsp': 'true' });
  await using client = await gate.connect();
  client.write('DESCRIBE rtsp://a/b?c RTSP/1.0\r\nCSeq: 1\r\n\r\nbehind');
  const [socket] = (await once(server, 'connection')) as [Socket];
  let got = '';
  socket.on('data', (bytes) => {
    got += bytes;
  });
  await waitFor('all of it', () => got.endsWith('behind'));
  assert.equal(
    got,
    'DESCRIBE rtsp://a/b?c RTSP/1.0\r\nCSeq: 1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\nbehind',
  );
  socket.end('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
  assert.equal((await client.readToEnd()).toString(), 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
  server.close();
});
