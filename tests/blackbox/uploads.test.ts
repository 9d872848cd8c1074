/** Bodies that go up: long ones, chunked ones, expected ones, and those that are too long. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { requestsClient } from '../peers/uwsgi.ts';
import { curl } from '../support/curl.ts';
import { listenServer } from '../support/listen-server.ts';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { FETCH_APP, OTHER } from './embedded.ts';
import { blackbox, frontOf } from './front.ts';

const flask = frontOf('flask');
const django = frontOf('django');
const MEGABYTE = 1_000_000;

interface Uploaded {
  status: number;
  same: boolean;
  answer: { name: string; size: number; fields: Record<string, string> };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const [app, front] of [
  ['flask', flask],
  ['django', django],
] as const) {
  blackbox(`${app}: 20 MB as a form by curl`, { needs: ['uwsgi', app, 'curl'] }, async () => {
    await using folder = temporaryFolder();
    const data = randomBytes(20 * MEGABYTE);
    writeFileSync(folder.file('random.bin'), data);
    const { url } = await front.gate();
    const { status, body } = await curl(['-F', `file=@${folder.file('random.bin')}`, '-F', 'note=from curl', `${url}/upload`]);
    assert.equal(status, 200);
    const uploaded = JSON.parse(body) as { size: number; sha256: string; fields: unknown };
    assert.equal(uploaded.size, data.length);
    assert.equal(uploaded.sha256, sha256(data));
    assert.deepEqual(uploaded.fields, { note: 'from curl' });
  });

  blackbox(`${app}: 20 MB as a form by Python requests`, { needs: ['uwsgi', app, 'requests'] }, async () => {
    const { url } = await front.gate();
    const { status, same, answer: told } = await requestsClient<Uploaded>('upload', url, String(20 * MEGABYTE));
    assert.equal(status, 200);
    assert.ok(same, 'the digests are the same');
    assert.deepEqual(told.fields, { note: 'from requests' });
  });
}

blackbox('chunked by curl: the application gets the body', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
  const { url } = await flask.gate();
  const data = randomBytes(300_000);
  const { status, body } = await curl(['-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '-T', '-', '-X', 'POST', `${url}/digest`], {
    input: data,
  });
  assert.equal(status, 200);
  const told = JSON.parse(body) as { size: number; sha256: string };
  assert.equal(told.size, data.length);
  assert.equal(told.sha256, sha256(data));
});

blackbox('chunked by Python requests: the application gets the body', { needs: ['uwsgi', 'flask', 'requests'] }, async () => {
  const { url } = await flask.gate();
  const { status, same } = await requestsClient<Uploaded>('chunked', url, '60');
  assert.equal(status, 200);
  assert.ok(same, 'the digests are the same');
});

blackbox('chunked: the application is told the length', { needs: ['uwsgi', 'flask', 'curl'], differs: 'it hands the chunks over' }, async () => {
  const { url } = await flask.gate();
  const { body } = await curl(['-H', 'Transfer-Encoding: chunked', '-d', 'twelve bytes', `${url}/digest`]);
  assert.equal((JSON.parse(body) as { length: string }).length, '12');
});

blackbox('--http-chunked-input hands the chunks over', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
  const { address } = await flask.app();
  await using gate = await startUgate(['--http-to', address, '--http-chunked-input']);
  const { status, body } = await curl(['-H', 'Transfer-Encoding: chunked', '-d', 'twelve bytes', `${gate.url}/digest`]);
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), { size: 12, sha256: sha256(Buffer.from('twelve bytes')), length: null });
});

blackbox('chunked in tiny pieces, with extensions and a trailer', { needs: ['uwsgi', 'flask'], differs: 'it does not read chunks' }, async () => {
  const gate = await flask.gate();
  await using client = await RawClient.connect(gate.target);
  const bytes =
    'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: 1\r\n\r\n';
  for (const byte of bytes) await client.flush(byte);
  const response = await client.readResponse();
  assert.equal(response.status, 200);
  assert.equal(response.text(), 'hello world');
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
});

blackbox('Expect: 100-continue by curl', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
  const { url } = await flask.gate();
  const started = performance.now();
  const result = await curl(['-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '10', '-d', 'waited for it', `${url}/echo`]);
  assert.equal(result.status, 200);
  assert.equal(result.body, 'waited for it');
  assert.match(result.stderr, /< HTTP\/1\.1 100/);
  assert.ok(performance.now() - started < 9000, 'curl did not wait for its own timeout');
});

blackbox(
  'Expect: 100-continue is answered once, before the body',
  { differs: 'it keeps the flag for later requests of the connection' },
  async () => {
    await using backend = await UwsgiBackend.listen(answer('ok'));
    await using gate = await startUgate(['--http-to', backend.address]);
    await using client = await RawClient.connect(gate.target);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    const interim = await client.readResponse({ interim: true });
    assert.equal(interim.status, 100);
    client.write('body');
    const response = await client.readResponse({ interim: true });
    assert.equal(response.status, 200);
    const next = await client.request('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnext', { interim: true });
    assert.equal(next.status, 200, 'no 100 for a request that did not ask');
    assert.equal(backend.requests[0]?.body.toString(), 'body');
    assert.equal(backend.requests[1]?.body.toString(), 'next');
  },
);

blackbox('a body streams to the application while it arrives', {}, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst');
  const request = await backend.request();
  await waitFor('the first part at the backend', () => request.body.toString() === 'first');
  client.write('again');
  assert.equal((await client.readResponse()).status, 200);
  assert.equal(request.body.toString(), 'firstagain');
});

blackbox('B4: 65,536 chunks of one byte come whole to a uwsgi node and an app, and as few chunks to an HTTP node', OTHER, async () => {
  const pieces = 65_536;
  const digest = sha256(Buffer.alloc(pieces, 'x'));
  const text = `POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(pieces)}0\r\n\r\n`;
  await using uwsgi = await UwsgiBackend.listen(answer('ok'));
  // What stands on the wire: the backends of the tests take the framing off.
  let wire = '';
  const sockets: Socket[] = [];
  const node = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      wire += bytes.toString('latin1');
      if (wire.endsWith('\r\n0\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const port = await listenServer(node);
  try {
    for (const args of [
      ['--http-to', uwsgi.address],
      ['--http-to', `http://127.0.0.1:${port}`],
      ['--module', FETCH_APP],
    ]) {
      await using gate = await startUgate(args, { rights: 'all' });
      await using client = await RawClient.connect(gate.target);
      const response = await client.request(text);
      assert.equal(response.status, 200, args.join(' '));
      if (args[0] === '--module') assert.equal(sha256(response.body), digest);
    }
    assert.equal(sha256((await uwsgi.request()).body), digest);
    const chunks = wire.slice(wire.indexOf('\r\n\r\n') + 4).split('\r\n');
    const sizes = chunks.filter((_, i) => i % 2 === 0).map((size) => Number.parseInt(size, 16));
    assert.equal(
      sizes.reduce((sum, size) => sum + (size || 0), 0),
      pieces,
    );
    assert.ok(sizes.length < pieces / 16, `${sizes.length} chunks`);
  } finally {
    for (const socket of sockets) socket.destroy();
    node.close();
  }
});

blackbox('10 MB against --http-max-body 1m: curl gets its 413', { needs: ['curl'], differs: 'it has no limit' }, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address, '--http-max-body', '1m']);
  await using folder = temporaryFolder();
  writeFileSync(folder.file('big.bin'), Buffer.alloc(10 * MEGABYTE));
  for (const extra of [[], ['-H', 'Expect:'], ['-H', 'Transfer-Encoding: chunked']]) {
    const result = await curl([...extra, '--data-binary', `@${folder.file('big.bin')}`, `${gate.url}/`]);
    assert.equal(result.code, 0, `curl ${extra.join(' ')}: ${result.stderr}`);
    assert.equal(result.status, 413, extra.join(' '));
    assert.ok(result.headers.has('date'), 'a Date');
  }
  const small = await curl(['--data-binary', 'small', `${gate.url}/`]);
  assert.equal(small.status, 200);
});

blackbox('10 MB by a client that sends all before it reads: 413 all the same', { differs: 'it has no limit' }, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address, '--http-max-body', '1m']);
  await using client = await RawClient.connect(gate.target);
  client.pause();
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${10 * MEGABYTE}\r\n\r\n`);
  await client.flush(Buffer.alloc(10 * MEGABYTE)).catch(() => {});
  client.resume();
  assert.equal((await client.readResponse()).status, 413);
});

blackbox('an upload that the client breaks off ends the connection to the application', {}, async () => {
  await using backend = await UwsgiBackend.listen(answer('never'));
  await using gate = await startUgate(['--http-to', backend.address]);
  {
    await using client = await RawClient.connect(gate.target);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf');
    await backend.request();
  }
  const request = await backend.request();
  await waitFor('the connection to the backend to end', () => request.closed || request.ended);
  assert.equal(request.body.toString(), 'half');
});
