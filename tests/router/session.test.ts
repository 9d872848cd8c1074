import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { answer } from '../support/uwsgi-backend.ts';
import { isWithin, never, sleep, waitFor } from '../support/wait.ts';
import { get, raw, request, startGate, withBackend } from './support.ts';

/** Answers with the path asked for. */
const echoPath = async (received: { vars: ReadonlyMap<string, string> }, reply: { write(data: string): Promise<void> }): Promise<void> => {
  const path = received.vars.get('PATH_INFO') ?? '';
  await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
};

test('pipelined requests are answered in order, however they are cut', async () => {
  await using it = await withBackend(echoPath);
  const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
  const bytes = paths.map((path) => get(path)).join('');
  for (const size of [bytes.length, 7, 1]) {
    await using client = await it.gate.connect();
    for (let at = 0; at < bytes.length; at += size) await client.flush(bytes.slice(at, at + size));
    for (const path of paths) assert.equal((await client.readResponse()).text(), path);
  }
});

test('requests behind a body are found again', async () => {
  await using it = await withBackend(echoPath);
  await using client = await it.gate.connect();
  client.write(
    `${request('POST', '/a', 'Content-Length: 5')}hello${request('POST', '/b', 'Transfer-Encoding: chunked')}2\r\nhi\r\n0\r\n\r\n${get('/c')}`,
  );
  for (const path of ['/a', '/b', '/c']) assert.equal((await client.readResponse()).text(), path);
  assert.equal((await it.backend.request(0)).body.toString(), 'hello');
  assert.equal((await it.backend.request(1)).body.toString(), 'hi');
});

test('a FIN behind complete requests is half-close: all of them are answered', async () => {
  await using it = await withBackend(echoPath);
  await using client = await it.gate.connect();
  client.write(get('/a') + get('/b') + get('/c'));
  client.end();
  for (const path of ['/a', '/b', '/c']) assert.equal((await client.readResponse()).text(), path);
  assert.equal((await client.readToEnd()).length, 0);
});

test('a FIN in the middle of a head or body ends the exchange and is told as the client leaving', async () => {
  for (const part of ['GET / HTTP/1.1\r\nHo', `${request('POST', '/', 'Content-Length: 10')}half`]) {
    await using it = await withBackend();
    await using client = await it.gate.connect();
    client.write(part);
    await sleep(50);
    client.end();
    assert.equal((await client.readToEnd()).length, 0);
    await it.gate.logged(/ info .*code=client-left/);
  }
});

test('a reset while the backend works aborts the backend', async () => {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  await using it = await withBackend(async (_, reply) => {
    await told;
    await reply.write('HTTP/1.1 200 OK\r\n\r\n');
  });
  const client = await it.gate.connect();
  client.write(get());
  const received = await it.backend.request();
  client.reset();
  await it.gate.logged(/code=client-left/);
  tell();
  await waitFor('the backend to be cut off', () => received.closed);
});

test('a refused request closes the connection behind its answer; what follows it is never read', async () => {
  await using it = await withBackend();
  await using client = await it.gate.connect();
  client.write(`GET / HTTP/1.1\r\n\r\n${get('/smuggled')}`);
  const response = await client.readResponse();
  assert.equal(response.status, 400);
  assert.match(response.text(), /no-host/);
  assert.equal(response.header('connection'), 'close');
  assert.equal((await client.readToEnd()).length, 0);
  assert.equal(it.backend.requests.length, 0);
});

test('a path that cannot be decoded is 400 and the connection lives on', async () => {
  await using it = await withBackend();
  await using client = await it.gate.connect();
  for (const path of ['/%zz', '/%', '/%4', '/a%00b']) assert.equal((await client.request(get(path))).status, 400);
  assert.equal((await client.request(get('/'))).status, 200);
  assert.equal(it.backend.connections, 1);
});

test('an idle connection closes without a word; a head that stalls gets 408, and dripping does not help', async () => {
  await using it = await withBackend(answer('ok'), { 'http-headers-timeout': 1, 'http-keepalive': 2 });
  await using silent = await it.gate.connect();
  await using slow = await it.gate.connect();
  await using dripping = await it.gate.connect();
  await using idle = await it.gate.connect();
  const started = performance.now();
  await idle.request(get());
  slow.write('GET / HT');
  const drip = (async () => {
    for (const char of get('/', `X: ${'a'.repeat(200)}`)) {
      if (dripping.closed) return;
      dripping.write(char);
      await sleep(50);
    }
  })();
  for (const client of [slow, dripping]) {
    const response = await client.readResponse({ milliseconds: 5000 });
    assert.equal(response.status, 408);
    assert.match(response.text(), /head-timeout/);
  }
  assert.ok(isWithin(2500, started));
  assert.equal((await silent.readToEnd(5000)).length, 0);
  assert.equal((await idle.readToEnd(5000)).length, 0);
  assert.ok(performance.now() - started > 1500);
  await drip;
});

test('a connection that closes without a byte is not logged', async () => {
  await using it = await withBackend();
  for (let i = 0; i < 5; i++) (await it.gate.connect()).destroy();
  await sleep(200);
  assert.deepEqual(it.gate.logs, []);
});

test('keep-alive off closes after each answer', async () => {
  await using it = await withBackend(answer('ok'), { 'http-keepalive': 0 });
  await using client = await it.gate.connect();
  assert.equal((await client.request(get())).header('connection'), 'close');
  assert.equal((await client.readToEnd()).length, 0);
});

test('more than http-max-connections are answered 503, and there is room again when one leaves', async () => {
  await using it = await withBackend(answer('ok'), { 'http-max-connections': 2 });
  await using first = await it.gate.connect();
  const second = await it.gate.connect();
  assert.equal((await first.request(get())).status, 200);
  assert.equal((await second.request(get())).status, 200);
  await using third = await it.gate.connect();
  third.write(get());
  assert.equal((await third.readResponse()).status, 503);
  await it.gate.logged(/code=too-many-connections/);
  second.destroy();
  third.destroy();
  await waitFor('room for another', async () => {
    await using fourth = await it.gate.connect();
    return (await fourth.request(get())).status === 200;
  });
});

test('bodies over http-max-body are 413, announced or not, and an upload of 10 MB gets to read it', async () => {
  await using it = await withBackend(answer('ok'), { 'http-max-body': '64k' });
  for (const [head, body] of [
    [request('POST', '/', 'Content-Length: 10000000'), 'x'.repeat(10_000_000)],
    [request('POST', '/', 'Transfer-Encoding: chunked'), `989680\r\n${'x'.repeat(10_000_000)}`],
  ]) {
    await using client = await it.gate.connect();
    client.write(head + body);
    const response = await client.readResponse();
    assert.equal(response.status, 413);
    assert.match(response.text(), /body-too-large/);
  }
});

test('a backend that answers before the body is read is relayed at once', async () => {
  await using it = await withBackend(async (_, reply) => {
    await reply.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  });
  await using client = await it.gate.connect();
  client.write(request('POST', '/', 'Content-Length: 50000000') + 'x'.repeat(1_000_000));
  const response = await client.readResponse();
  assert.equal(response.status, 403);
  assert.equal(response.text(), 'no');
  assert.equal(response.header('connection'), 'close');
});

test('a bad chunk is 400 and the backend never hears of the request', async () => {
  await using it = await withBackend();
  await using client = await it.gate.connect();
  client.write(`${request('POST', '/', 'Transfer-Encoding: chunked')}5\r\nhello\r\nX\r\n`);
  assert.match((await client.readResponse()).text(), /bad-chunk/);
  assert.equal(it.backend.connections, 0);
});

test('100 Continue comes once everything is accepted, only to who waits for it', async () => {
  await using it = await withBackend(answer('ok'));
  for (const framing of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
    const body = framing.startsWith('C') ? 'hello' : '5\r\nhello\r\n0\r\n\r\n';
    await using client = await it.gate.connect();
    client.write(request('POST', '/', framing, 'Expect: 100-CONTINUE'));
    assert.equal((await client.readResponse({ interim: true })).status, 100);
    client.write(body);
    assert.equal((await client.readResponse({ interim: true })).status, 200);
    client.write(request('POST', '/', framing, 'Expect: 100-continue') + body);
    assert.equal((await client.readResponse({ interim: true })).status, 200);
  }
  for (const received of it.backend.requests) assert.equal(received.vars.get('HTTP_EXPECT'), undefined);
});

test('Expect: what we cannot do is 417; HTTP/1.0 is not answered 100; the bound is 413; off passes it on', async () => {
  await using it = await withBackend(answer('ok'), { 'http-manage-expect': 10 });
  await using client = await it.gate.connect();
  assert.equal((await client.request(get('/', 'Expect: tea'))).status, 417);
  await using old = await it.gate.connect();
  old.write('POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  await sleep(100);
  assert.equal(old.unread.length, 0);
  old.write('hi');
  assert.equal((await old.readResponse({ interim: true })).status, 200);
  await using long = await it.gate.connect();
  assert.equal((await long.request(request('POST', '/', 'Expect: 100-continue', 'Content-Length: 11'), { interim: true })).status, 413);
  await using off = await withBackend(answer('ok'), { 'http-manage-expect': 0 });
  await using other = await off.gate.connect();
  other.write(`${request('POST', '/', 'Expect: 100-continue', 'Content-Length: 2')}hi`);
  assert.equal((await other.readResponse({ interim: true })).status, 200);
  assert.equal((await off.backend.request()).vars.get('HTTP_EXPECT'), '100-continue');
});

test('no 100 Continue where no node takes the request', async () => {
  await using gate = await startGate({ 'http-to': '/nonexistent/socket' });
  await using client = await RawClient.connect({ port: gate.port });
  const response = await client.request(request('POST', '/', 'Expect: 100-continue', 'Content-Length: 5'), { interim: true });
  assert.equal(response.status, 502);
});

test('draining closes idle connections, lets what is in flight finish, and says close', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using it = await withBackend(answer('ok'));
  await using idle = await it.gate.connect();
  await idle.request(get());
  it.backend.script = async (received, reply) => {
    await released;
    await answer('ok')(received, reply);
  };
  await using busy = await it.gate.connect();
  busy.write(get());
  await it.backend.request(1);
  const stopped = it.gate.stop();
  assert.equal((await idle.readToEnd()).length, 0);
  release();
  const response = await busy.readResponse();
  assert.equal(response.text(), 'ok');
  assert.equal(response.header('connection'), 'close');
  await stopped;
  await assert.rejects(it.gate.connect());
});

test('what is not finished within reload-mercy is cut off', async () => {
  await using it = await withBackend(raw('never'), { 'reload-mercy': 1 });
  it.backend.script = never;
  await using busy = await it.gate.connect();
  busy.write(get());
  await it.backend.request();
  const started = performance.now();
  await it.gate.stop();
  const took = performance.now() - started;
  assert.ok(took > 900 && isWithin(2500, started), String(took));
  await it.gate.logged(/code=mercy-over/);
});

test('a client that stops reading is cut off after http-timeout, and told apart from a slow backend', async () => {
  await using it = await withBackend(
    async (_, reply) => {
      await reply.write('HTTP/1.1 200 OK\r\n\r\n');
      await reply.write(new Uint8Array(30_000_000)).catch(() => {});
    },
    { 'http-timeout': 1 },
  );
  await using client = await it.gate.connect();
  client.write(get());
  await client.readUntil('\r\n\r\n');
  client.pause();
  await it.gate.logged(/ info .*code=client-stalled/);
});

test('timeouts: a silent backend is 504, a silent client 408, and neither is a crash', async () => {
  await using it = await withBackend(never, { 'http-timeout': 1 });
  await using client = await it.gate.connect();
  const response = await client.request(get());
  assert.equal(response.status, 504);
  assert.match(response.text(), /upstream-timeout/);
  await using slow = await it.gate.connect();
  slow.write(`${request('POST', '/', 'Content-Length: 10')}half`);
  const late = await slow.readResponse();
  assert.equal(late.status, 408);
  assert.match(late.text(), /body-timeout/);
});
