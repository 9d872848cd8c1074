import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { findTool, freePort, temporaryFolder } from '../support/paths.ts';
import { StartedProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle, sleep, waitFor } from '../support/wait.ts';
import { get, request, startGate, withBackend } from './support.ts';

/** Asks `count` times and returns the bodies. */
async function ask(port: number, count: number): Promise<string[]> {
  await using client = await RawClient.connect({ port });
  const bodies: string[] = [];
  for (let i = 0; i < count; i++) bodies.push((await client.request(get())).text());
  return bodies;
}

async function withNamed(names: string, use: (addresses: string[]) => Promise<void>): Promise<void> {
  const backends = await Promise.all([...names].map((name) => UwsgiBackend.listen(answer(name))));
  try {
    await use(backends.map(({ address }) => address));
  } finally {
    for (const backend of backends) await backend.stop();
  }
}

test('nodes are taken in turn', async () => {
  await withNamed('abc', async (nodes) => {
    await using gate = await startGate({ 'http-to': nodes });
    assert.equal((await ask(gate.port, 6)).join(''), 'abcabc');
  });
});

test('a node that is not there costs nobody an answer, and is left alone for its grace', async () => {
  await using folder = temporaryFolder();
  await withNamed('ab', async ([a, b]) => {
    await using gate = await startGate({ 'http-to': [a, folder.file('gone.sock'), b], 'http-gracetime': 1, 'http-slow-start': 0 });
    assert.equal((await ask(gate.port, 4)).join(''), 'abab');
    assert.equal(gate.logs.filter((line) => line.includes('code=connect-missing')).length, 1);
    assert.equal(gate.logs.filter((line) => line.includes('code=node-dead')).length, 1);
    await using back = await UwsgiBackend.listen(answer('c'), folder.file('gone.sock'));
    assert.ok(back);
    await sleep(1200);
    assert.deepEqual((await ask(gate.port, 6)).sort().join(''), 'aabbcc');
  });
});

test('one refusal does not make a node dead, a second in a row does', async () => {
  const port = await freePort();
  await withNamed('a', async ([a]) => {
    await using gate = await startGate({ 'http-to': [`127.0.0.1:${port}`, a] });
    assert.equal((await ask(gate.port, 6)).join(''), 'aaaaaa');
    assert.equal(gate.logs.filter((line) => line.includes('code=connect-refused')).length, 2);
    assert.equal(gate.logs.filter((line) => line.includes('code=node-dead')).length, 1);
  });
});

test('the fallback is tried before giving up, also when all nodes are known to be dead', async () => {
  await using folder = temporaryFolder();
  await withNamed('f', async ([fallback]) => {
    await using gate = await startGate({ 'http-to': folder.file('gone.sock'), 'http-fallback': [folder.file('none.sock'), fallback] });
    assert.equal((await ask(gate.port, 4)).join(''), 'ffff');
  });
});

test('with nothing left the answer is 502, and it is 200 again as soon as the node is back', async () => {
  await using folder = temporaryFolder();
  await using gate = await startGate({ 'http-to': folder.file('app.sock') });
  await using client = await RawClient.connect({ port: gate.port });
  for (let i = 0; i < 3; i++) assert.match((await client.request(get())).text(), /upstream-unreachable/);
  await using back = await UwsgiBackend.listen(answer('ok'), folder.file('app.sock'));
  assert.ok(back);
  assert.equal((await client.request(get())).text(), 'ok');
});

test('http-quiet keeps failed connections out of the log, not what becomes of a request', async () => {
  await using folder = temporaryFolder();
  await using gate = await startGate({ 'http-to': folder.file('gone.sock'), 'http-quiet': true });
  await using client = await RawClient.connect({ port: gate.port });
  assert.equal((await client.request(get())).status, 502);
  assert.ok(!gate.logs.some((line) => line.includes('connect-missing')), gate.logs.join('\n'));
  assert.ok(gate.logs.some((line) => line.includes('code=upstream-unreachable')));
});

test('a request with a body is retried whole', async () => {
  await using folder = temporaryFolder();
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': [folder.file('gone.sock'), backend.address] });
  await using client = await RawClient.connect({ port: gate.port });
  const body = 'x'.repeat(300_000);
  client.write(request('POST', '/', `Content-Length: ${body.length}`) + body);
  assert.equal((await client.readResponse()).text(), 'ok');
  assert.equal((await backend.request()).body.length, body.length);
});

test('a host name is all its addresses; a bad one warns at start and gives 503', async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': `localhost:${backend.address.split(':')[1]}` });
  assert.equal((await ask(gate.port, 4)).join(''), 'okokokok');
  await using bad = await startGate({ 'http-to': 'no-such-host.invalid:3031' });
  await bad.logged(/ warn .*no-such-host\.invalid.*/);
  await using client = await RawClient.connect({ port: bad.port });
  assert.match((await client.request(get())).text(), /^503 .*no-node/);
});

test('a full backlog is asked again for a moment, then 503, and marks nobody dead', async () => {
  await using folder = temporaryFolder();
  const path = folder.file('full.sock');
  const source = `require('node:net').createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')))
    .listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.error('listening'))`;
  const backend = new StartedProcess([findTool('node') ?? 'node', '-e', source]);
  // Its file alone is no sign: that is there before listen(2).
  await backend.said(/listening/);
  // A stopped process does not accept: two connections fill its queue of one.
  process.kill(backend.pid, 'SIGSTOP');
  const fillers = [connect(path), connect(path)];
  for (const filler of fillers) filler.on('error', () => {});
  await sleep(50);
  await using gate = await startGate({ 'http-to': path });
  await using client = await RawClient.connect({ port: gate.port });
  const started = performance.now();
  assert.match((await client.request(get())).text(), /^503 .*upstream-busy/);
  const waited = performance.now() - started;
  assert.ok(waited >= 240 && waited < 2000, String(waited));
  assert.ok(!gate.logs.some((line) => line.includes('node-dead')), gate.logs.join('\n'));
  process.kill(backend.pid, 'SIGCONT');
  await waitFor('it to go on', async () => (await client.request(get())).text() === 'ok');
  for (const filler of fillers) filler.destroy();
  await backend.stop();
});

test('exchanges in both directions at once: an app that answers while it reads', async () => {
  await using it = await withBackend(async (received, reply) => {
    await reply.write('HTTP/1.1 200 OK\r\n\r\n');
    let sent = 0;
    while (sent < 1_000_000) {
      if (received.received > sent) {
        await reply.write(received.body.subarray(sent));
        sent = received.received;
      } else await sleep(5);
    }
  });
  await using client = await it.gate.connect();
  client.write(request('POST', '/', 'Content-Length: 1000000'));
  for (let i = 0; i < 10; i++) {
    await client.flush('abcdefghij'.repeat(10_000));
    await sleep(5);
  }
  const response = await client.readResponse();
  assert.equal(response.body.length, 1_000_000);
  assert.equal(response.text(), 'abcdefghij'.repeat(100_000));
});

test('a chunked body is measured before it is sent: in memory, and beyond that through a file', async () => {
  await using it = await withBackend(answer('ok'), { 'http-body-buffer': '16k' });
  for (const size of [0, 5, 16_384, 16_385, 3_000_000]) {
    await using client = await it.gate.connect();
    const chunks = Array.from({ length: Math.ceil(size / 10_000) }, (_, i) => String(i % 10).repeat(Math.min(10_000, size - i * 10_000)));
    client.write(request('POST', '/', 'Transfer-Encoding: chunked'));
    for (const chunk of chunks) client.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    client.write('0\r\n\r\n');
    assert.equal((await client.readResponse()).text(), 'ok');
    const received = it.backend.requests.at(-1)!;
    assert.equal(received.vars.get('CONTENT_LENGTH'), String(size));
    assert.equal(received.vars.get('HTTP_TRANSFER_ENCODING'), undefined);
    assert.equal(received.body.toString(), chunks.join(''));
  }
});

test('chunked bodies have bounds: 413 for one, 503 for all together', async () => {
  await using it = await withBackend(answer('ok'), { 'http-body-buffer': '16k', 'http-body-buffer-max': '100k', 'http-body-buffer-total': '150k' });
  const chunk = `ffff\r\n${'x'.repeat(0xffff)}\r\n`;
  await using big = await it.gate.connect();
  big.write(request('POST', '/', 'Transfer-Encoding: chunked') + chunk + chunk);
  assert.match((await big.readResponse()).text(), /413 .*body-buffer-max/);
  await using first = await it.gate.connect();
  await using second = await it.gate.connect();
  await using third = await it.gate.connect();
  for (const client of [first, second]) client.write(request('POST', '/', 'Transfer-Encoding: chunked') + chunk);
  await settle();
  third.write(request('POST', '/', 'Transfer-Encoding: chunked') + chunk);
  assert.match((await third.readResponse()).text(), /503 .*body-buffer-full/);
  // What was given up is free again.
  first.destroy();
  await settle();
  await using fourth = await it.gate.connect();
  fourth.write(`${request('POST', '/', 'Transfer-Encoding: chunked')}${chunk}0\r\n\r\n`);
  assert.equal((await fourth.readResponse()).text(), 'ok');
});

test('http-chunked-input sends the chunks as they came, with their var', async () => {
  await using it = await withBackend(
    async (received, reply) => {
      while (!received.body.toString().endsWith('0\r\n\r\n')) await sleep(5);
      await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    },
    { 'http-chunked-input': true },
  );
  await using client = await it.gate.connect();
  const body = '5;a=b\r\nhello\r\n0\r\n\r\n';
  client.write(request('POST', '/', 'Transfer-Encoding: chunked') + body + get('/next'));
  assert.equal((await client.readResponse()).text(), 'ok');
  const received = await it.backend.request();
  assert.equal(received.body.toString(), body);
  assert.equal(received.vars.get('HTTP_TRANSFER_ENCODING'), 'chunked');
  assert.equal(received.vars.get('CONTENT_LENGTH'), undefined);
});

test('an upgrade becomes a tunnel: bytes both ways, half-close both ways', async () => {
  await using it = await withBackend(async (received, reply) => {
    await reply.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello');
    while (!received.ended) await sleep(5);
    await reply.write(`got ${received.body.length}`);
  });
  await using client = await it.gate.connect();
  client.write(get('/', 'Connection: keep-alive, Upgrade', 'Upgrade: echo'));
  const response = await client.readResponse();
  assert.equal(response.status, 101);
  assert.equal(response.header('upgrade'), 'echo');
  assert.match(response.header('connection') ?? '', /^upgrade$/i);
  await client.readUntil('hello');
  client.write('x'.repeat(3_000_000));
  client.end();
  assert.equal((await client.readToEnd()).toString(), 'got 3000000');
  const { vars } = await it.backend.request();
  assert.equal(vars.get('HTTP_UPGRADE'), 'echo');
  assert.equal(vars.get('HTTP_CONNECTION'), 'keep-alive, Upgrade');
});

test('h2c is never passed on', async () => {
  await using it = await withBackend();
  await using client = await it.gate.connect();
  assert.equal((await client.request(get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: x'))).status, 200);
  const { vars } = await it.backend.request();
  assert.equal(vars.get('HTTP_UPGRADE'), undefined);
  assert.equal(vars.get('HTTP_HTTP2_SETTINGS'), undefined);
});

test('a backend that resets is 502 before its answer and a cut connection behind it', async () => {
  await using it = await withBackend(async (received, reply) => {
    if (received.vars.get('PATH_INFO') === '/late') await reply.write('HTTP/1.1 200 OK\r\n\r\nfirst');
    await sleep(50);
    reply.reset();
  });
  await using client = await it.gate.connect();
  assert.equal((await client.request(get())).status, 502);
  client.write(get('/late'));
  await assert.rejects(client.readResponse(), /closed/);
});
