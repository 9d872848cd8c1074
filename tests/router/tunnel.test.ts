/** Upgrades towards uwsgi nodes: when a tunnel opens, what goes through it, and how each half of it ends. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reply, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { get, request, startGate, withBackend } from './support.ts';

const UPGRADE = get('/chat', 'Connection: keep-alive, Upgrade', 'Upgrade: echo');
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n';
const PIECE = Buffer.alloc(64 * 1024, 'z');

/** Opens the tunnel, then does `next`. */
function switching(next: (reply: Reply, ...rest: Parameters<Script>) => unknown): Script {
  return async (received, reply) => {
    await reply.write(SWITCHED);
    await next(reply, received, reply);
  };
}

/** Gives back what comes until the client's FIN, says goodbye and ends. */
const echo = switching(async (reply, received) => {
  let sent = 0;
  await waitFor(
    'the client’s end',
    async () => {
      const { body, ended, closed } = received;
      const fresh = body.subarray(sent);
      sent = body.length;
      if (fresh.length > 0) await reply.write(fresh);
      return ended || closed;
    },
    20_000,
  );
  await reply.write('bye');
});

test('bytes right behind the upgrade request reach the node once the tunnel is open', async () => {
  await using it = await withBackend(async (received, reply) => {
    await sleep(100);
    assert.equal(received.received, 0);
    await echo(received, reply);
  });
  await using client = await it.gate.connect();
  client.write(`${UPGRADE}first`);
  await sleep(30);
  client.write(' second');
  assert.equal((await client.readResponse()).status, 101);
  assert.equal((await client.readBytes(12)).toString(), 'first second');
  client.write('third');
  assert.equal((await client.readBytes(5)).toString(), 'third');
  client.end();
  assert.equal((await client.readToEnd()).toString(), 'bye');
});

test('bytes and FIN right behind the upgrade request reach the node too', async () => {
  for (const early of ['', 'all of it']) {
    await using it = await withBackend(async (received, reply) => {
      await sleep(50);
      await echo(received, reply);
    });
    await using client = await it.gate.connect();
    client.write(UPGRADE + early);
    client.end();
    assert.match((await client.readToEnd()).toString(), new RegExp(`^HTTP/1.1 101 [\\s\\S]*\r\n\r\n${early}bye$`));
  }
});

test('eight megabytes right behind the upgrade request: the client is held back until there is a tunnel', { timeout: 20_000 }, async () => {
  await using it = await withBackend(async (received, reply) => {
    await sleep(100);
    await reply.write(SWITCHED);
    await waitFor('all bytes', () => received.received === 128 * PIECE.length, 15_000);
  });
  await using client = await it.gate.connect();
  client.write(UPGRADE);
  for (let i = 0; i < 128; i++) client.write(PIECE);
  assert.equal((await client.readResponse({ milliseconds: 15_000 })).status, 101);
  assert.equal((await client.readToEnd(15_000)).length, 0);
});

test('the node ends its half first: what the client still sends is not lost, its FIN included', { timeout: 20_000 }, async () => {
  let got = -1;
  await using it = await withBackend(
    switching(async (reply, received) => {
      await reply.write('done');
      reply.end();
      await waitFor('the client’s end', () => received.ended, 15_000);
      got = received.received;
    }),
  );
  await using client = await it.gate.connect();
  client.write(UPGRADE);
  assert.equal((await client.readResponse()).status, 101);
  assert.equal((await client.readToEnd()).toString(), 'done');
  for (let i = 0; i < 128; i++) client.write(PIECE);
  client.end();
  await waitFor('the node to have it all', () => got !== -1, 15_000);
  assert.equal(got, 128 * PIECE.length);
});

test('abrupt ends on either side reach the other', async () => {
  await using it = await withBackend(echo);
  await using client = await it.gate.connect();
  client.write(UPGRADE);
  assert.equal((await client.readResponse()).status, 101);
  client.reset();
  await waitFor('the node to be told', () => it.backend.requests[0]?.closed);
  it.backend.script = switching((reply) => reply.reset());
  await using other = await it.gate.connect();
  other.write(UPGRADE);
  await other.readToEnd();
  await it.gate.logged(/code=tunnel-broken/);
});

test('http-tunnel-timeout: an idle tunnel is closed, traffic of either side keeps it; http-timeout says nothing', { timeout: 20_000 }, async () => {
  await using it = await withBackend(echo, { 'http-tunnel-timeout': '3', 'http-timeout': '1' });
  await using idle = await it.gate.connect();
  await using active = await it.gate.connect();
  const start = performance.now();
  for (const client of [idle, active]) {
    client.write(UPGRADE);
    assert.equal((await client.readResponse()).status, 101);
  }
  const ended = idle.readToEnd().then(() => performance.now() - start);
  for (let i = 0; i < 3; i++) {
    await sleep(1500);
    active.write('ping');
    assert.equal((await active.readBytes(4)).toString(), 'ping');
  }
  const lasted = await ended;
  assert.ok(lasted > 2800 && lasted < 4400, `it was closed after ${lasted} ms`);
  assert.match(await it.gate.logged(/code=tunnel-idle/), /http-tunnel-timeout/);
  await waitFor('the node to be told', () => it.backend.requests[0]?.closed);
});

test('a declined upgrade is plain HTTP, and the connection is used again', async () => {
  for (const status of ['200 OK', '426 Upgrade Required\r\nUpgrade: other\r\nConnection: upgrade']) {
    await using it = await withBackend(async (_, reply) => reply.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`));
    await using client = await it.gate.connect();
    for (let i = 0; i < 2; i++) {
      const response = await client.request(UPGRADE);
      assert.equal(response.status, Number(status.slice(0, 3)));
      assert.equal(response.text(), 'no');
    }
    it.backend.script = echo;
    assert.equal((await client.request(UPGRADE)).status, 101);
  }
});

test('what was pipelined behind a declined upgrade is a request', async () => {
  await using it = await withBackend(async (received, reply) => {
    await sleep(20);
    const path = received.vars.get('PATH_INFO') ?? '';
    await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  });
  await using client = await it.gate.connect();
  client.write(UPGRADE + get('/next'));
  assert.equal((await client.readResponse()).text(), '/chat');
  assert.equal((await client.readResponse()).text(), '/next');
});

test('h2c is never offered to a node, whatever it stands beside', async () => {
  await using it = await withBackend();
  await using client = await it.gate.connect();
  const offers = ['h2c', 'H2C', 'websocket, h2c', 'h2c,websocket', 'h2c/1', 'websocket\r\nUpgrade: h2c'];
  for (const offer of offers) {
    assert.equal((await client.request(get('/', 'Connection: Upgrade, HTTP2-Settings', `Upgrade: ${offer}`, 'HTTP2-Settings: x'))).status, 200);
  }
  assert.equal((await client.request(request('POST', '/', 'Connection: Upgrade', 'Upgrade: h2c', 'Content-Length: 0'))).status, 200);
  assert.equal(it.backend.requests.length, offers.length + 1);
  for (const { vars } of it.backend.requests)
    for (const key of ['HTTP_UPGRADE', 'HTTP_CONNECTION', 'HTTP_HTTP2_SETTINGS']) assert.equal(vars.get(key), undefined);
});

test('101 that nobody asked for is 502, also for requests with a body or of HTTP/1.0', async () => {
  await using it = await withBackend(async (_, reply) => reply.write(SWITCHED));
  const asked = [
    get(),
    get('/', 'Upgrade: echo'),
    get('/', 'Connection: Upgrade'),
    get('/', 'Connection: Upgrade', 'Upgrade: h2c'),
    `${request('POST', '/', 'Connection: Upgrade', 'Upgrade: echo', 'Content-Length: 1')}x`,
    'GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
  ];
  for (const one of asked) {
    await using client = await it.gate.connect();
    const response = await client.request(one);
    assert.equal(response.status, 502, one);
    assert.match(response.text(), /upstream-unexpected-101/);
  }
});

/** How far it came, once it comes no further. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count(); await sleep(300)) before = count();
  return count();
}

test('a client that rests holds the node back: no more is read than the buffers hold', { timeout: 30_000 }, async () => {
  let written = 0;
  await using it = await withBackend(
    switching(async (reply) => {
      for (; written < 600; written++) await reply.write(PIECE);
    }),
  );
  await using client = await it.gate.connect();
  assert.equal((await client.request(UPGRADE)).status, 101);
  client.pause();
  // Kernel buffers of four sockets, and 256 KiB of ours.
  assert.ok((await settled(() => written)) < 400, `${written} pieces were taken`);
  client.resume();
  for (let i = 0; i < 600; i++) await client.readBytes(PIECE.length);
  assert.equal((await client.readToEnd()).length, 0);
});

test('a node that rests holds the client back; what waits for it outlives both ends', { timeout: 30_000 }, async () => {
  for (const endsFirst of [false, true]) {
    let isHeldBack = false;
    await using it = await withBackend(
      switching(async (reply, received) => {
        reply.pause();
        if (endsFirst) reply.end();
        await waitFor('the client to be held back', () => isHeldBack, 15_000);
        reply.end();
        await sleep(200);
        reply.resume();
        await waitFor('the client’s end', () => received.ended, 15_000);
      }),
    );
    await using client = await it.gate.connect();
    assert.equal((await client.request(UPGRADE)).status, 101);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 600; sent++) await client.flush(PIECE);
      client.end();
    })();
    assert.ok((await settled(() => sent)) < 400, `${sent} pieces were taken`);
    isHeldBack = true;
    await sending;
    const received = await it.backend.request();
    await waitFor('the node to have it all', () => received.ended, 15_000);
    assert.equal(received.received, 600 * PIECE.length);
  }
});

test('http-websockets changes nothing', async () => {
  const backend = await UwsgiBackend.listen(echo);
  await using gate = await startGate({ 'http-to': backend.address, 'http-websockets': 'true' });
  await using client = await gate.connect();
  assert.equal((await client.request(UPGRADE)).status, 101);
  client.write('x');
  assert.equal((await client.readBytes(1)).toString(), 'x');
  client.end();
  assert.equal((await client.readToEnd()).toString(), 'bye');
  await backend.stop();
});
