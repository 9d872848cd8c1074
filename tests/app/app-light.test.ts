/** Apps with the Request, Response and fetch that stand in for the runtime's own once an app is loaded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { stream, streamSSE, streamText } from 'hono/streaming';
import { timeout } from 'hono/timeout';
import { installGlobals } from '../../src/app/app-globals.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { addAppTests } from './app-suite.ts';
import { startApp } from './app-support.ts';

const runtime = await selectRuntime();
const apps = await runtime.apps();

const Before = { Request: globalThis.Request, Response: globalThis.Response };
installGlobals(apps);
installGlobals(apps);
addAppTests('light');

test('responses are what they are everywhere else', async () => {
  const response = new Response('text', { status: 201, headers: { 'X-A': '1' } });
  assert.ok(response instanceof Response);
  assert.ok(response instanceof Before.Response);
  assert.deepEqual([response.status, response.ok, response.statusText, response.redirected, response.url], [201, true, '', false, '']);
  assert.equal(response.headers.get('x-a'), '1');
  const copy = response.clone();
  assert.equal(await response.text(), 'text');
  assert.equal(response.bodyUsed, true);
  assert.deepEqual([copy.status, copy.headers.get('x-a'), await copy.text()], [201, '1', 'text']);
  assert.equal(await new Response(new Response('body').body).text(), 'body');
  assert.deepEqual(await new Response('{"a":1}').json(), { a: 1 });
  assert.equal((await new Response('12345').arrayBuffer()).byteLength, 5);
  assert.equal((await new Response('12345').blob()).size, 5);
  assert.equal(new Response(null).body, null);
  assert.throws(() => new Response('x', { status: 42 }), RangeError);
  assert.throws(() => new Response('x', { headers: { 'bad name': '1' } }), TypeError);
  assert.equal(new Response('x', { headers: { a: '  spaced ' } }).headers.get('a'), 'spaced');
  assert.equal(Response.json({ a: 1 }).headers.get('content-type'), 'application/json');
  assert.equal(Response.error().type, 'error');
  assert.equal(Object.prototype.toString.call(response), '[object Response]');
});

test("the runtime's own code takes them", async () => {
  if (runtime.name === 'deno') {
    const { serve } = (globalThis as unknown as { Deno: { serve(options: object, handler: () => Response): DenoServer } }).Deno;
    const server = serve(
      { hostname: '127.0.0.1', port: 0, onListen: () => {} },
      () => new Response('served', { status: 203, headers: { 'x-a': '1' } }),
    );
    const answer = await fetch(`http://127.0.0.1:${server.addr.port}/`);
    assert.deepEqual([answer.status, answer.headers.get('x-a'), await answer.text()], [203, '1', 'served']);
    await server.shutdown();
  } else if (runtime.name === 'bun') {
    const { HTMLRewriter } = globalThis as unknown as { HTMLRewriter: new () => { transform(response: Response): Response } };
    assert.equal(await new HTMLRewriter().transform(new Response('<p>rewritten</p>')).text(), '<p>rewritten</p>');
  }
  const blob = await new Response('blob').blob();
  assert.equal(await new Response(blob).text(), 'blob');
});

interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}

test('middleware that makes an answer anew leaves it whole', async () => {
  const app = new Hono();
  app.use(cors());
  app.get('/', (c) => c.text('héllo'));
  app.get('/read', async (c) => {
    const first = new Response('first');
    const second = new Response(first.body);
    const text = await second.text();
    return c.text(`${text} ${second.bodyUsed}`);
  });
  await using gate = await startApp((request) => app.fetch(request));
  await using client = await gate.connect();
  const response = await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual([response.header('content-length'), response.header('access-control-allow-origin')], ['6', '*']);
  assert.match(response.header('content-type') ?? '', /^text\/plain/i);
  assert.equal(Buffer.from(response.body).toString(), 'héllo');
  assert.equal((await client.request('GET /read HTTP/1.1\r\nHost: a\r\n\r\n')).text(), 'first true');
});

test('classes of an app that extend them work', async () => {
  class Own extends Response {
    readonly mark = 7;
  }
  const own = new Own('own', { status: 202 });
  assert.ok(own instanceof Own && own instanceof Response);
  assert.deepEqual([own.mark, own.status, await own.text()], [7, 202, 'own']);
  class Asked extends Request {
    readonly mark = 8;
  }
  const asked = new Asked('http://a/', { headers: { b: 'c' } });
  assert.deepEqual([asked.mark, asked.headers.get('b'), asked instanceof Request, asked instanceof Asked], [8, 'c', true, true]);
});

test('a request can be sent on, and remade', async () => {
  await using behind = await startApp(async (request) => new Response(`${request.method} ${request.headers.get('x-a')} ${await request.text()}`));
  await using gate = await startApp(async (request) => {
    const target = `${behind.url}/`;
    if (request.headers.has('x-plain')) return fetch(new Request(target, request));
    const remade = new Request(request, { headers: { 'x-a': 'new' } });
    assert.equal(remade.url, request.url);
    return fetch(target, remade);
  });
  for (const [fields, want] of [
    ['X-Plain: 1\r\nX-A: old\r\n', 'POST old body'],
    ['', 'POST new body'],
  ]) {
    await using client = await gate.connect();
    const response = await client.request(`POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: 4\r\n\r\nbody`);
    assert.equal(response.text(), want);
  }
});

test('a request that is fetched as it is reaches its own URL', async () => {
  let count = 0;
  await using gate = await startApp(async (request) => {
    if (request.headers.get('x-a') === 'again' && count++ > 0) return new Response('twice');
    return request.headers.has('x-a') ? fetch(request) : new Response('once');
  });
  await using client = await gate.connect();
  const response = await client.request(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\nX-A: again\r\n\r\n`);
  assert.equal(response.text(), 'twice');
});

test('W4: middleware of Hono that uses bodies and answers in its own ways', async () => {
  const app = new Hono();
  app.post('/limit', bodyLimit({ maxSize: 10 }), async (c) => c.text(await c.req.text()));
  app.post('/limit-json', bodyLimit({ maxSize: 10 }), async (c) => c.json(await c.req.json()));
  app.get('/compress', compress(), (c) => c.text('é'.repeat(5000)));
  app.get('/compress-stream', compress(), (c) => stream(c, async (to) => void (await to.write('y'.repeat(5000)))));
  app.use('/timeout', timeout(30));
  app.get('/timeout', async (c) => {
    await new Promise((resolve) => c.req.raw.signal.addEventListener('abort', resolve));
    return c.text('never');
  });
  app.get('/etag', etag(), (c) => c.text('tagged'));
  app.get('/text', (c) =>
    streamText(c, async (to) => {
      await to.writeln('one');
      await to.write('two é');
    }),
  );
  app.get('/sse', (c) => streamSSE(c, (to) => to.writeSSE({ event: 'e', data: 'd', id: '1' })));
  app.get('/pipe', (c) => stream(c, (to) => to.pipe(new Blob(['piped']).stream())));
  app.get('/fails', (c) =>
    stream(c, async (to) => {
      await to.write('first');
      throw new Error('in the stream');
    }),
  );
  await using gate = await startApp((request) => app.fetch(request));
  const chunked = (path: string, text: string) =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  const ask = async (text: string) => {
    await using client = await gate.connect();
    return await client.request(text);
  };
  const get = (path: string, more = '') => ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`);
  assert.equal((await ask(chunked('/limit', 'abc'))).text(), 'abc');
  assert.equal((await ask(chunked('/limit-json', '{"a":1}'))).text(), '{"a":1}');
  assert.equal((await ask(chunked('/limit', 'abcdefghijk'))).status, 413);
  assert.equal((await ask('POST /limit HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc')).text(), 'abc');
  for (const [path, text] of [
    ['/compress', 'é'.repeat(5000)],
    ['/compress-stream', 'y'.repeat(5000)],
  ] as const) {
    const answer = await get(path, 'Accept-Encoding: gzip\r\n');
    const packed = answer.header('content-encoding') === 'gzip';
    assert.equal((packed ? gunzipSync(answer.body) : Buffer.from(answer.body)).toString(), text);
    if (path === '/compress') assert.ok(packed);
  }
  assert.equal((await get('/timeout')).status, 504);
  const tagged = await get('/etag');
  assert.equal(tagged.text(), 'tagged');
  const same = await get('/etag', `If-None-Match: ${tagged.header('etag')}\r\n`);
  assert.deepEqual([same.status, same.text()], [304, '']);
  assert.equal(Buffer.from((await get('/text')).body).toString(), 'one\ntwo é');
  assert.equal((await get('/sse')).text(), 'event: e\ndata: d\nid: 1\n\n');
  assert.equal((await get('/pipe')).text(), 'piped');
  // Hono tells of it itself, and ends the stream.
  assert.equal((await get('/fails')).text(), 'first');
});
