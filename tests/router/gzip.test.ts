import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { HttpBackend } from '../support/http-backend.ts';
import type { HttpResponse } from '../support/http-message.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { type Gate, get, raw, request, startGate, withBackend } from './support.ts';

const ON = { 'http-auto-gzip': true };
const ACCEPT = 'Accept-Encoding: gzip';
const PAGE = '<p>a page that says the same again and again</p>\n'.repeat(200);

/** An answer of the app with these fields, whose body has no length. */
function page(fields: string, status = '200 OK', body = PAGE): Script {
  return raw(`HTTP/1.1 ${status}\r\n${fields}\r\n`, body);
}

async function ask(gate: Gate, ...fields: string[]): Promise<HttpResponse> {
  await using client = await gate.connect();
  return await client.request(get('/', ...fields));
}

/** What the client reads: decoded where the answer says so. */
function read(response: HttpResponse): string {
  return (response.header('content-encoding') === 'gzip' ? gunzipSync(response.body) : response.body).toString('latin1');
}

for (const engine of ['native', 'fflate']) {
  const settings = { ...ON, 'http-gzip-engine': engine };

  test(`${engine}: an answer that asks for it is compressed, chunked and told`, async () => {
    await using it = await withBackend(page('uWSGI-Encoding: gzip\r\nETag: "v1"\r\nX-Other: 1\r\n'), settings);
    await using client = await it.gate.connect();
    for (let i = 0; i < 3; i++) {
      const response = await client.request(get('/', ACCEPT));
      assert.equal(response.framing, 'chunked');
      assert.equal(response.header('content-encoding'), 'gzip');
      assert.equal(response.header('vary'), 'Accept-Encoding');
      assert.equal(response.header('etag'), 'W/"v1"');
      assert.equal(response.header('x-other'), '1');
      assert.equal(response.header('uwsgi-encoding'), null);
      assert.ok(response.body.length < PAGE.length / 10);
      assert.equal(read(response), PAGE);
    }
  });

  test(`${engine}: http-gzip-level: the highest makes a smaller answer than the lowest`, async () => {
    // Words in an order that says little: where there is nothing to find, every level is the same.
    const text = Array.from({ length: 4000 }, (_, i) => ['edge', 'router', 'answer', 'of', 'an', 'app'][(i * i * 7 + (i >> 3)) % 6]).join(' ');
    const sizes: number[] = [];
    for (const level of [1, 9]) {
      await using it = await withBackend(page('uWSGI-Encoding: gzip\r\n', '200 OK', text), { ...settings, 'http-gzip-level': level });
      const response = await ask(it.gate, ACCEPT);
      assert.equal(read(response), text);
      sizes.push(response.body.length);
    }
    assert.ok(sizes[1] < sizes[0], `${sizes}`);
  });

  test(`${engine}: HTTP/1.0 gets it ended by close`, async () => {
    await using it = await withBackend(page('uWSGI-Encoding: gzip\r\n'), settings);
    await using client = await it.gate.connect();
    const response = await client.request(`GET / HTTP/1.0\r\nConnection: keep-alive\r\n${ACCEPT}\r\n\r\n`);
    assert.equal(response.framing, 'close');
    assert.equal(response.header('connection'), 'close');
    assert.equal(response.header('content-encoding'), 'gzip');
    assert.equal(read(response), PAGE);
  });

  test(`${engine}: pipelined answers are whole, each a member of its own`, async () => {
    await using it = await withBackend(async (received, reply) => {
      await reply.write(`HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\n\r\n${received.vars.get('PATH_INFO')} `);
      await reply.write(PAGE);
    }, settings);
    await using client = await it.gate.connect();
    const paths = Array.from({ length: 12 }, (_, i) => `/${i}`);
    client.write(paths.map((path, i) => get(path, ...(i % 3 === 2 ? [] : [ACCEPT]))).join(''));
    for (const [i, path] of paths.entries()) {
      const response = await client.readResponse();
      assert.equal(response.header('content-encoding'), i % 3 === 2 ? null : 'gzip');
      assert.equal(read(response), `${path} ${PAGE}`);
    }
  });

  test(`${engine}: each write of the app reaches the client at once`, async () => {
    await using it = await withBackend(async (_, reply) => {
      await reply.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nuWSGI-Encoding: gzip\r\n\r\n');
      for (let i = 0; i < 6; i++) {
        await reply.write(`data: ${i} ${performance.now()}\n\n`);
        await sleep(120);
      }
    }, settings);
    await using client = await it.gate.connect();
    client.write(get('/', ACCEPT));
    await client.readUntil('\r\n\r\n');
    const delays: number[] = [];
    const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH });
    gunzip.on('data', (text: Buffer) => {
      for (const [, sent] of text.toString().matchAll(/^data: \d+ (.+)$/gm)) delays.push(performance.now() - Number(sent));
    });
    for (;;) {
      const size = Number.parseInt((await client.readUntil('\r\n')).toString(), 16);
      if (size === 0) break;
      gunzip.write(await client.readBytes(size));
      await client.readUntil('\r\n');
    }
    await waitFor('all events', () => delays.length === 6);
    gunzip.destroy();
    // Most of them: a busy machine may hold one up, a router that waits for more would hold each until the next.
    delays.sort((a, b) => a - b);
    assert.ok(delays[Math.floor(delays.length / 2)]! < 100, delays.map(Math.round).join());
  });

  test(`${engine}: streams of clients that leave in the middle, and of apps that break off, are freed`, { timeout: 30_000 }, async () => {
    // One more than may be open at one time: were any of them left, the last one would go out plain.
    await using it = await withBackend(async (received, reply) => {
      await reply.write(`HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\n\r\n${PAGE}`);
      if (received.vars.get('PATH_INFO') === '/break') return reply.reset();
      await waitFor('the client to leave', () => received.closed || received.ended);
    }, settings);
    for (let round = 0; round < 18; round++) {
      await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          await using client = await it.gate.connect();
          client.write(get(i % 3 === 0 ? '/break' : '/', ACCEPT));
          await client.readUntil('Content-Encoding: gzip');
          if (i % 3 === 1) client.reset();
          if (i % 3 === 0) await client.readToEnd();
        }),
      );
    }
    it.backend.script = page('uWSGI-Encoding: gzip\r\n');
    const response = await ask(it.gate, ACCEPT);
    assert.equal(response.header('content-encoding'), 'gzip');
    assert.equal(read(response), PAGE);
    assert.ok(!it.gate.logs.some((line) => /internal|gzip-failed/.test(line)), it.gate.logs.slice(-3).join('\n'));
  });

  test(`${engine}: an answer cut off by the app is cut off for the client too`, async () => {
    await using backend = await HttpBackend.listen(async (_, to) => {
      await to.write(`HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\n\r\n${PAGE}`);
      await sleep(50);
      to.reset();
    });
    await using gate = await startGate({ 'http-to': backend.address, ...settings });
    await using client = await gate.connect();
    client.write(get('/', ACCEPT));
    await assert.rejects(client.readResponse(), /closed/);
    await gate.logged(/code=upstream-reset/);
  });
}

test('the client decides by its weights', async () => {
  await using it = await withBackend(page('uWSGI-Encoding: gzip\r\nETag: "v1"\r\n'), ON);
  for (const [accept, isGzip] of [
    ['gzip', true],
    ['deflate, GZIP;q=0.001', true],
    ['br, *', true],
    ['x-gzip', true],
    ['gzip;q=0', false],
    ['gzip;q=0.000, *', false],
    ['*;q=0', false],
    ['gzipped', false],
    ['gzip;q=2', false],
    ['identity', false],
    [null, false],
  ] as const) {
    const response = await ask(it.gate, ...(accept === null ? [] : [`Accept-Encoding: ${accept}`]));
    assert.equal(response.header('content-encoding'), isGzip ? 'gzip' : null, String(accept));
    assert.equal(response.header('vary'), 'Accept-Encoding', String(accept));
    assert.equal(response.header('etag'), isGzip ? 'W/"v1"' : '"v1"', String(accept));
    assert.equal(response.header('uwsgi-encoding'), null);
    assert.equal(read(response), PAGE);
  }
});

test('the answer decides: what is whole, encoded, sized, or not to be changed stays as it is, without the wish', async () => {
  await using it = await withBackend(undefined, ON);
  for (const [fields, status] of [
    ['uWSGI-Encoding: gzip\r\nContent-Encoding: br\r\n', '200 OK'],
    ['Content-Encoding: br\r\nX: y\r\nuWSGI-Encoding: gzip\r\n', '200 OK'],
    ['uWSGI-Encoding: gzip\r\nCache-Control: public, No-Transform\r\n', '200 OK'],
    ['Cache-Control: max-age=1\r\nCache-Control: no-transform\r\nuWSGI-Encoding: gzip\r\n', '200 OK'],
    [`uWSGI-Encoding: gzip\r\nContent-Length: ${PAGE.length}\r\n`, '200 OK'],
    ['uWSGI-Encoding: gzip\r\nContent-Range: bytes 0-9/99\r\n', '206 Partial Content'],
    ['uWSGI-Encoding: gzip\r\n', '206 Partial Content'],
    ['uWSGI-Encoding: br\r\n', '200 OK'],
    ['uWSGI-Encoding: gzipped\r\n', '200 OK'],
  ] as const) {
    it.backend.script = page(`${fields}ETag: "v1"\r\n`, status);
    const response = await ask(it.gate, ACCEPT);
    assert.equal(response.header('content-encoding'), fields.includes('Content-Encoding') ? 'br' : null, fields);
    assert.equal(response.header('uwsgi-encoding'), null, fields);
    assert.equal(response.header('vary'), null, fields);
    assert.equal(response.header('etag'), '"v1"', fields);
    assert.equal(response.body.toString('latin1'), PAGE, fields);
  }
  it.backend.script = raw('HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  const chunked = await ask(it.gate, ACCEPT);
  assert.equal(chunked.header('content-encoding'), null);
  assert.equal(chunked.header('uwsgi-encoding'), null);
  assert.equal(chunked.text(), 'hello');
});

test('HEAD, 204 and 304 get no body and no encoding, an interim answer and a 101 lose the wish too', async () => {
  await using it = await withBackend(raw('HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\n\r\n'), ON);
  await using client = await it.gate.connect();
  const head = await client.request(request('HEAD', '/', ACCEPT));
  assert.equal(head.header('content-encoding'), null);
  assert.equal(head.header('uwsgi-encoding'), null);
  for (const status of ['204 No Content', '304 Not Modified']) {
    it.backend.script = raw(`HTTP/1.1 ${status}\r\nETag: "v1"\r\nuWSGI-Encoding: gzip\r\n\r\n`);
    const response = await client.request(get('/', ACCEPT));
    assert.deepEqual(response.headerList.map(([name]) => name.toLowerCase()).sort(), ['date', 'etag']);
    assert.equal(response.header('etag'), '"v1"');
  }
  it.backend.script = raw('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nuWSGI-Encoding: gzip\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  client.write(get('/', ACCEPT));
  assert.deepEqual((await client.readResponse({ interim: true })).headerList, [['Link', '</a>']]);
  assert.equal((await client.readResponse()).text(), 'ok');
  it.backend.script = raw('HTTP/1.1 101 Switching Protocols\r\nuWSGI-Encoding: gzip\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n', 'hi');
  const upgraded = await client.request(get('/', ACCEPT, 'Connection: upgrade', 'Upgrade: echo'));
  assert.equal(upgraded.header('uwsgi-encoding'), null);
  assert.equal(upgraded.header('vary'), null);
  assert.equal((await client.readBytes(2)).toString(), 'hi');
});

test('Vary is said once, and a weak ETag stays', async () => {
  await using it = await withBackend(undefined, ON);
  for (const vary of ['Cookie, accept-encoding', '*', 'Accept-Encoding']) {
    it.backend.script = page(`Vary: ${vary}\r\nuWSGI-Encoding: GZIP\r\nETag: W/"v1"\r\n`);
    const response = await ask(it.gate, ACCEPT);
    assert.deepEqual(response.headers('vary'), [vary]);
    assert.equal(response.header('etag'), 'W/"v1"');
    assert.equal(read(response), PAGE);
  }
  it.backend.script = page('Vary: Cookie, X-Accept-Encoding\r\nuWSGI-Encoding: gzip\r\n');
  assert.deepEqual((await ask(it.gate, ACCEPT)).headers('vary'), ['Cookie, X-Accept-Encoding', 'Accept-Encoding']);
});

test('without http-auto-gzip nothing is touched', async () => {
  await using it = await withBackend(page('uWSGI-Encoding: gzip\r\nETag: "v1"\r\n'));
  const response = await ask(it.gate, ACCEPT);
  assert.equal(response.header('uwsgi-encoding'), 'gzip');
  assert.equal(response.header('etag'), '"v1"');
  assert.equal(response.header('vary'), null);
  assert.equal(response.text(), PAGE);
});

test('an empty answer, one of many small writes, and one of megabytes decode to what the app wrote', async () => {
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i} ${'x'.repeat(i)}\n`);
  const noise = Array.from({ length: 40 }, () => String.fromCharCode(...crypto.getRandomValues(new Uint8Array(60_000))));
  await using it = await withBackend(undefined, ON);
  for (const pieces of [[], lines, noise]) {
    it.backend.script = raw('HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\n\r\n', ...pieces);
    const response = await ask(it.gate, ACCEPT);
    assert.equal(response.header('content-encoding'), 'gzip');
    assert.equal(read(response), pieces.join(''));
  }
});

test('HTTP nodes may ask for it too, and their connection is used again', async () => {
  await using backend = await HttpBackend.listen(async (received, to) => {
    await received.complete();
    if (received.target === '/chunked')
      await to.write('HTTP/1.1 200 OK\r\nuWSGI-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
    else {
      await to.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nuWSGI-Encoding: gzip\r\n\r\n${PAGE}`);
      to.end();
    }
  });
  await using gate = await startGate({ 'http-to': backend.address, ...ON });
  await using client = await gate.connect();
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get('/chunked', ACCEPT))).text(), 'ok');
  const response = await client.request(get('/', ACCEPT));
  assert.equal(response.header('content-encoding'), 'gzip');
  assert.equal(response.header('uwsgi-encoding'), null);
  assert.equal(read(response), PAGE);
  assert.equal(backend.connections, 1);
  assert.equal((await client.request(get('/chunked', ACCEPT))).text(), 'ok');
  await using plain = await UwsgiBackend.listen(page('uWSGI-Encoding: gzip\r\n'));
  await using both = await startGate({ 'http-to': plain.address, ...ON, 'http-auto-chunked': false });
  const closing = await ask(both, ACCEPT);
  assert.equal(closing.framing, 'close');
  assert.equal(read(closing), PAGE);
});
