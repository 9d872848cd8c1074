/** The private hop between a router and a worker of ours: who asks is told in a field of our own, and everything else is as it came. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_FIELD_BYTES } from '../../src/http1/fields.ts';
import { CidrSet } from '../../src/net/cidr.ts';
import { HttpBackend, type HttpScript, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle, sleep, waitFor } from '../support/wait.ts';
import { get, request } from './support.ts';
import { type Given, nodeAt, Wired } from './wired.ts';

interface Rig extends AsyncDisposable {
  readonly wired: Wired;
  /** In the worker's place. */
  readonly backend: HttpBackend;
}

/** A router in front of a worker that is scripted. */
async function rig(script: HttpScript = reply('ok'), given: Given = {}): Promise<Rig> {
  const folder = temporaryFolder();
  const backend = await HttpBackend.listen(script, folder.file('w.sock'));
  const wired = await Wired.start([nodeAt('worker', folder.file('w.sock'))], given);
  return {
    wired,
    backend,
    async [Symbol.asyncDispose]() {
      await wired[Symbol.asyncDispose]();
      await backend.stop();
      await folder[Symbol.asyncDispose]();
      if (backend.errors.length > 0) throw new Error(backend.errors.join('; '));
    },
  };
}

interface Chain extends AsyncDisposable {
  readonly router: Wired;
  readonly worker: Wired;
  /** Sees what the worker's app sees. */
  readonly app: UwsgiBackend;
}

/** A router, a worker's private listener, and an app behind it. */
async function chain(given: Given = {}, ofWorker: Given = {}): Promise<Chain> {
  const folder = temporaryFolder();
  const app = await UwsgiBackend.listen(answer('ok'));
  const worker = await Wired.start([nodeAt('uwsgi', app.address)], ofWorker);
  await worker.listen({ isPrivate: true }, folder.file('w.sock'));
  const router = await Wired.start([nodeAt('worker', folder.file('w.sock'))], given);
  return {
    router,
    worker,
    app,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
      await app.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const FORGED = ['X-Ugate-Client: 192.0.2.66 1 192.0.2.1 80 https', 'x-ugate-client: 192.0.2.67 1 192.0.2.1 80 https', 'X_Ugate_Client: 1'];

test('a worker is told who asks by one field of ours, whatever the client says; what proxies say goes on as it came', async () => {
  await using it = await rig();
  const target = await it.wired.listen();
  await using client = await RawClient.connect(target);
  const said = ['X-Forwarded-For: 192.0.2.9', 'X-Forwarded-Proto: https', 'Forwarded: for=192.0.2.9', 'X-Real-IP: 192.0.2.9'];
  await client.request(get('/a?b', ...FORGED, ...said, 'Connection: X-Ugate-Client', 'Accept: */*'));
  const port = 'port' in target ? target.port : 0;
  assert.deepEqual((await it.backend.request(0)).fields, [
    ['Host', 'test'],
    ...said.map((line) => line.split(': ')),
    ['Accept', '*/*'],
    ['X-Ugate-Client', `127.0.0.1 ${client.localPort} 127.0.0.1 ${port} http`],
  ]);
});

test('a client on a unix socket, and a second request on the same connections', async () => {
  await using folder = temporaryFolder();
  await using it = await rig();
  await using client = await RawClient.connect(await it.wired.listen({}, folder.file('front.sock')));
  for (let i = 0; i < 2; i++) {
    assert.equal((await client.request(get())).text(), 'ok');
    assert.equal((await it.backend.request(i)).field('x-ugate-client'), '- 0 - 0 http');
  }
  assert.equal(it.backend.connections, 1);
});

test('chunks go on as chunks, with their trailers, before the body is complete', async () => {
  await using it = await rig(async (received, to) => {
    await received.complete();
    const text = `${received.body} ${received.trailers.map((pair) => pair.join('=')).join()}`;
    await to.write(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  });
  await using client = await it.wired.connect();
  client.write(`${request('POST', '/', 'Transfer-Encoding: chunked', 'Expect: 100-continue')}`);
  await client.readUntil('HTTP/1.1 100 Continue\r\n\r\n');
  client.write('3\r\nabc\r\n');
  const received = await it.backend.request(0);
  assert.equal(received.field('transfer-encoding'), 'chunked');
  assert.equal(received.field('expect'), null);
  client.write('0\r\nX-End: yes\r\n\r\n');
  assert.equal((await client.readResponse({ interim: true })).status, 103);
  assert.equal((await client.readResponse()).text(), 'abc X-End=yes');
});

test('a client may not send our field behind its body either', async () => {
  await using it = await rig();
  await using client = await it.wired.connect();
  client.write(`${request('POST', '/', 'Transfer-Encoding: chunked')}0\r\nX-Ugate-Client: 192.0.2.66 1 192.0.2.1 80 https\r\n\r\n`);
  assert.match((await client.readResponse()).text(), /^400 .*: bad-trailer\n$/);
});

test('in the worker a request is its client’s, and the field is gone', async () => {
  await using it = await chain({ trustedProxies: new CidrSet(['127.0.0.0/8']) });
  await using client = await it.router.connect();
  await client.request(get('/', ...FORGED));
  await client.request(get('/', 'X-Forwarded-For: 2001:db8::7', 'X-Forwarded-Proto: https'));
  const told = it.app.requests.map(({ vars }) => ['REMOTE_ADDR', 'REMOTE_PORT', 'HTTPS', 'HTTP_X_FORWARDED_FOR'].map((key) => vars.get(key)));
  assert.deepEqual(told, [
    ['127.0.0.1', String(client.localPort), undefined, undefined],
    ['2001:db8::7', '0', 'on', '2001:db8::7'],
  ]);
  for (const { list } of it.app.requests) assert.ok(!list.some(([key]) => key.includes('UGATE')), JSON.stringify(list));
});

test('on the private socket a malformed word, or none, makes nobody of the client', async () => {
  await using folder = temporaryFolder();
  await using app = await UwsgiBackend.listen(answer('ok'));
  await using worker = await Wired.start([nodeAt('uwsgi', app.address)]);
  await using client = await RawClient.connect(await worker.listen({ isPrivate: true }, folder.file('w.sock')));
  const words = ['1.2.3.4 5 6.7.8.9 10 https', '1.2.3.4 5 6.7.8.9 10 gopher', '1.2.3.4 5', '', '1.2.3.4 x 1.2.3.4 5 http'];
  for (const word of words) assert.equal((await client.request(get('/', `X-Ugate-Client: ${word}`))).status, 200);
  assert.equal((await client.request(get())).status, 200);
  assert.deepEqual(
    app.requests.map(({ vars }) => `${vars.get('REMOTE_ADDR')} ${vars.get('HTTPS') ?? '-'}`),
    ['1.2.3.4 on', ...Array(5).fill('0.0.0.0 -')],
  );
});

test('our field says nothing on a public listener, and goes no further than it', async () => {
  await using app = await UwsgiBackend.listen(answer('ok'));
  await using wired = await Wired.start([nodeAt('uwsgi', app.address)]);
  await using client = await wired.connect();
  await client.request(get('/', ...FORGED));
  const { vars, list } = app.requests[0]!;
  assert.equal(vars.get('REMOTE_ADDR'), '127.0.0.1');
  assert.equal(vars.get('HTTPS'), undefined);
  assert.ok(!list.some(([key]) => key.includes('UGATE')));
  // Nor does an answer bring it to a client.
  app.script = answer('ok', 'HTTP/1.1 200 OK\r\nX-Ugate-Client: 1\r\n');
  assert.equal((await client.request(get())).header('x-ugate-client'), null);
});

test('what a client may send the worker takes too: a head of the largest size', async () => {
  await using folder = temporaryFolder();
  await using app = await HttpBackend.listen(reply('ok'), folder.file('app.sock'));
  await using worker = await Wired.start([nodeAt('worker', folder.file('app.sock'))]);
  await worker.listen({ isPrivate: true }, folder.file('w.sock'));
  await using router = await Wired.start([nodeAt('worker', folder.file('w.sock'))]);
  await using client = await router.connect();
  const fields = 'Host: test\r\nX: ';
  const long = 'x'.repeat(MAX_FIELD_BYTES - fields.length - 2);
  assert.equal((await client.request(`GET /${'y'.repeat(16 * 1024 - 1)} HTTP/1.1\r\n${fields}${long}\r\n\r\n`)).status, 200);
  const many = Array.from({ length: 999 }, (_, i) => `X-${i}: y`);
  assert.equal((await client.request(get('/', ...many))).status, 200);
  assert.equal((await app.request(1)).fields.length, 1001);
});

test('a connection to a worker lasts however long it rests, and rules for clients are not asked twice', async () => {
  const short = { headersTimeout: 100, keepalive: 100, timeout: 200, maxBody: 2, minRate: 1000 };
  await using it = await chain({}, { settings: short, prelude: { proxyProtocol: true, proxyFrom: null, studFrom: null } });
  it.app.script = async (received, to) => {
    await sleep(received.vars.get('PATH_INFO') === '/slow' ? 500 : 0);
    await answer('ok')(received, to);
  };
  await using client = await it.router.connect();
  assert.equal((await client.request(get())).text(), 'ok');
  await sleep(500);
  assert.equal((await client.request(`${request('POST', '/slow', 'Content-Length: 3')}abc`)).text(), 'ok');
  assert.equal((await client.request(get('/slow'))).text(), 'ok');
  assert.deepEqual(it.worker.logs, []);
});

test('a client that leaves is told of once: by its router', async () => {
  await using it = await chain();
  it.app.script = async (received) => waitFor('the worker to give up', () => received.closed || received.ended).then(() => {});
  await using client = await it.router.connect();
  client.write(get());
  await it.app.request(0);
  client.reset();
  await it.router.logged(/client-left/);
  await waitFor('the app to be let go', () => it.app.requests[0]?.ended || it.app.requests[0]?.closed);
  assert.deepEqual(it.worker.logs, []);
});

test('http-max-connections is for clients: a worker turns no router away', async () => {
  await using folder = temporaryFolder();
  await using app = await UwsgiBackend.listen(answer('ok'));
  await using worker = await Wired.start([nodeAt('uwsgi', app.address)], {}, 1);
  const target = await worker.listen({ isPrivate: true }, folder.file('w.sock'));
  await using first = await RawClient.connect(target);
  await using second = await RawClient.connect(target);
  for (const client of [first, second]) assert.equal((await client.request(get())).status, 200);
});

test('a worker that drains finishes what it has; its idle connections close, and the next request goes to another', async () => {
  await using folder = temporaryFolder();
  await using app = await UwsgiBackend.listen(answer('one'));
  await using _other = await HttpBackend.listen(reply('other'), folder.file('other.sock'));
  await using worker = await Wired.start([nodeAt('uwsgi', app.address)]);
  await worker.listen({ isPrivate: true }, folder.file('w.sock'));
  const spare = nodeAt('worker', folder.file('other.sock'), { isBackup: true });
  await using router = await Wired.start([nodeAt('worker', folder.file('w.sock')), spare]);
  const target = await router.listen();
  await using client = await RawClient.connect(target);
  await using busy = await RawClient.connect(target);
  // Two connections to the worker, one of them idle.
  await Promise.all([client.request(get()), busy.request(get())]);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  app.script = async (received, to) => {
    await released;
    await answer('slow')(received, to);
  };
  busy.write(get('/slow'));
  await app.request(2);
  const drained = worker.router.drain(5_000);
  await settle(5);
  assert.equal((await client.request(`${request('POST', '/', 'Content-Length: 3')}abc`)).text(), 'other');
  release();
  assert.equal((await busy.readResponse()).text(), 'slow');
  await drained;
  assert.equal(worker.router.connections, 0);
});

/** A worker that takes one connection, reads so many bytes of it or none, and is killed. */
async function doomed(path: string, reads: boolean) {
  const source = `import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)
print("listening", file=sys.stderr, flush=True)
c, _ = s.accept()
# As nobody knows which of the two the kernel closes first.
s.close()
${reads ? 'c.recv(65536)' : 'import time; time.sleep(1)'}
os.kill(os.getpid(), 9)`;
  const started = startProcess([python(), '-c', source, path]);
  await started.said(/listening/);
  return started;
}

test('a worker that dies over a request takes no other with it; what it had not read goes to the next', { timeout: 20_000 }, async () => {
  for (const reads of [true, false]) {
    for (const text of [get('/crash'), request('POST', '/crash', 'Content-Length: 0')]) {
      await using folder = temporaryFolder();
      await using other = await HttpBackend.listen(reply('other'), folder.file('other.sock'));
      await using _killed = await doomed(folder.file('doomed.sock'), reads);
      const spare = nodeAt('worker', folder.file('other.sock'), { isBackup: true });
      await using wired = await Wired.start([nodeAt('worker', folder.file('doomed.sock')), spare]);
      await using client = await wired.connect();
      const response = await client.request(text);
      const isSentAgain = !reads && text.startsWith('GET');
      if (isSentAgain) assert.equal(response.text(), 'other');
      else assert.match(response.text(), /^502 .*: upstream-(empty|reset)\n$/, `${reads} ${text}`);
      assert.equal(other.requests.length, isSentAgain ? 1 : 0, `${reads} ${text}`);
    }
  }
});
