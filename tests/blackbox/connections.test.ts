/** Client connections: kept, reused, pipelined, many at a time, and ended when they should be. */

import assert from 'node:assert/strict';
import { requestsClient } from '../peers/uwsgi.ts';
import { curl } from '../support/curl.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { answer, drip, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { never, sleep, waitFor } from '../support/wait.ts';
import { blackbox, frontOf } from './front.ts';

const flask = frontOf('flask', [], { processes: 4 });

blackbox('curl reuses its connection', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
  const { url } = await flask.gate();
  const { stderr, stdout } = await curl(['-v', `${url}/`, `${url}/cached`, `${url}/`]);
  assert.equal(stdout.match(/hello from flask/g)?.length, 2);
  assert.equal(stderr.match(/Re-using existing connection/g)?.length, 2, stderr);
});

blackbox('curl --parallel: 60 requests, all answered', { needs: ['uwsgi', 'flask', 'curl'] }, async () => {
  const { url } = await flask.gate();
  const { code, stdout } = await curl(['--parallel', '--parallel-max', '20', '-o', '/dev/null', '-w', '%{http_code}\\n', `${url}/status/200?[1-60]`]);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout.split('\n').filter((line) => line !== ''),
    Array.from({ length: 60 }, () => '200'),
  );
});

blackbox('Python requests in 8 threads with a session each', { needs: ['uwsgi', 'flask', 'requests'] }, async () => {
  const { url } = await flask.gate();
  const { wrong, ports } = await requestsClient<{ wrong: unknown[]; ports: number[] }>('parallel', url, '8', '15');
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    ports,
    Array.from({ length: 8 }, () => 1),
    'each session kept to one connection',
  );
});

blackbox('pipelined requests are answered in order', { differs: 'it throws the second request away' }, async () => {
  await using backend = await UwsgiBackend.listen(async (request, reply) => {
    // The first takes longest, so that answers as they come would be in the wrong order.
    const path = request.vars.get('REQUEST_URI') ?? '';
    await sleep(path === '/1' ? 150 : 1);
    await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write([1, 2, 3, 4, 5].map((number) => `GET /${number} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  for (const number of [1, 2, 3, 4, 5]) assert.equal((await client.readResponse()).text(), `/${number}`);
});

blackbox('pipelined requests with bodies keep them apart', { differs: 'it throws the second request away' }, async () => {
  await using backend = await UwsgiBackend.listen(async (request, reply) => {
    await request.complete();
    await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${request.body.length}\r\n\r\n${request.body.toString('latin1')}`);
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirstPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nthird',
  );
  for (const body of ['first', 'second', 'third']) assert.equal((await client.readResponse()).text(), body);
  assert.deepEqual(backend.errors, []);
});

blackbox('Connection: close is honoured and said', { differs: 'it closes without saying so' }, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address]);
  for (const value of ['close', 'Close', 'foo, close']) {
    await using client = await RawClient.connect(gate.target);
    const response = await client.request(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${value}\r\n\r\n`);
    assert.equal(response.header('connection')?.toLowerCase(), 'close');
    assert.equal((await client.readToEnd(3000)).length, 0);
  }
});

blackbox('HTTP/1.0 gets a length or the end of the connection, never chunks', {}, async () => {
  await using backend = await UwsgiBackend.listen(async (_, reply) => {
    await reply.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end');
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write('GET / HTTP/1.0\r\n\r\n');
  const response = await client.readResponse();
  assert.equal(response.framing, 'close');
  assert.equal(response.text(), 'until the end');
});

blackbox('an answer without a length is chunked, and the connection stays', {}, async () => {
  await using backend = await UwsgiBackend.listen((_, reply) => drip(reply, 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbyte by byte'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  for (let round = 0; round < 2; round += 1) {
    const response = await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(response.framing, 'chunked');
    assert.equal(response.text(), 'byte by byte');
  }
});

blackbox('--http-keepalive=2: an idle connection is closed after its time', {}, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address, '--http-keepalive=2']);
  await using client = await RawClient.connect(gate.target);
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  const started = performance.now();
  await client.readToEnd(8000);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds > 1 && seconds < 6, `closed after ${seconds} s`);
});

blackbox('a client that sends FIN behind its request gets its answer', {}, async () => {
  await using backend = await UwsgiBackend.listen(async (_, reply) => {
    await sleep(100);
    await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  client.end();
  assert.equal((await client.readResponse()).text(), 'ok');
});

blackbox('a client that goes away ends the request at the application', { differs: 'it sees that only when it writes' }, async () => {
  await using backend = await UwsgiBackend.listen(never);
  await using gate = await startUgate(['--http-to', backend.address]);
  const client = await RawClient.connect(gate.target);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const request = await backend.request();
  client.reset();
  await waitFor('the backend to see it', () => request.ended || request.closed, 3000);
});

blackbox('a request that arrives byte by byte', {}, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startUgate(['--http-to', backend.address]);
  await using client = await RawClient.connect(gate.target);
  for (const byte of 'POST /slow?x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody') await client.flush(byte);
  assert.equal((await client.readResponse()).status, 200);
  assert.equal(backend.requests[0]?.body.toString(), 'body');
  assert.equal(backend.requests[0]?.vars.get('PATH_INFO'), '/slow');
});

blackbox('requests go to the nodes in turn', {}, async () => {
  await using one = await UwsgiBackend.listen(answer('one'));
  await using two = await UwsgiBackend.listen(answer('two'));
  await using gate = await startUgate(['--http-to', one.address, '--http-to', two.address]);
  for (let number = 0; number < 10; number += 1) await exchange(gate.target, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual([one.requests.length, two.requests.length], [5, 5]);
});

blackbox('a node that is down is passed over', {}, async () => {
  await using up = await UwsgiBackend.listen(answer('up'));
  const down = await UwsgiBackend.listen(answer('down'));
  await down.stop();
  await using gate = await startUgate(['--http-to', down.address, '--http-to', up.address]);
  for (let number = 0; number < 6; number += 1) {
    const response = await exchange(gate.target, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(response.text(), 'up');
  }
});
