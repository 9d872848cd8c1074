/** What an app in this process is given and may answer; the same whoever made the global Response. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { AppContext } from '../../src/app/app-upstream.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { sleep, waitFor, within } from '../support/wait.ts';
import { startApp } from './app-support.ts';

const runtime = await selectRuntime();

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const encoder = new TextEncoder();

function deferred<T = void>() {
  return Promise.withResolvers<T>();
}

export function addAppTests(kind: string): void {
  const name = (text: string): string => `${kind}: ${text}`;

  test(name('the request is the one that was sent'), async () => {
    const seen: unknown[] = [];
    await using gate = await startApp(async (request, context) => {
      const { method, url, headers } = request;
      seen.push([method, url, headers.get('x-a'), headers.get('cookie'), headers.get('proxy'), headers.get('connection'), context.remoteAddress]);
      assert.ok(request instanceof Request);
      assert.equal(request.bodyUsed, false);
      assert.equal(request.body, null);
      assert.equal(request.redirect, 'follow');
      assert.equal(context.remotePort > 0, true);
      return new Response(await request.text());
    });
    await using client = await gate.connect();
    const fields = 'X-A: 1\r\nCookie: a=1\r\nx-a:  2 \r\nCookie: b=2\r\nProxy: evil\r\nConnection: x-hop, keep-alive\r\nX-Hop: 1\r\n';
    const { status } = await client.request(`get /p%20q/./r?a=b&c='d' HTTP/1.1\r\nHost: EXAMPLE.com:80\r\n${fields}\r\n`);
    assert.equal(status, 200);
    assert.deepEqual(seen, [['GET', 'http://example.com/p%20q/r?a=b&c=%27d%27', '1, 2', 'a=1; b=2', null, null, '127.0.0.1']]);
  });

  test(name('URLs are written as the URL standard writes them'), async () => {
    await using gate = await startApp((request) => new Response(request.url));
    for (const [target, host, url] of [
      ['/', 'a', 'http://a/'],
      ['/?q', 'a:8080', 'http://a:8080/?q'],
      ['/a/../b', 'A', 'http://a/b'],
      ['/a%2E%2e/%2e%2E/b', 'a', 'http://a/b'],
      ['/a"b', '[::1]:81', 'http://[::1]:81/a%22b'],
      ['/a|b', '127.1', null],
      ['http://c:80?x', 'c:80', 'http://c/?x'],
      ['*', 'a', 'http://a/*'],
      ['//double//', 'a', 'http://a//double//'],
    ] as const) {
      await using client = await gate.connect();
      const response = await client.request(`${target === '*' ? 'OPTIONS' : 'GET'} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.equal(response.text(), url ?? new URL(`http://${host}${target}`).href);
    }
  });

  test(name('what Fetch has no request for is answered 400'), async () => {
    await using gate = await startApp(() => new Response('never'));
    for (const head of ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'track / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a%ff\r\n\r\n']) {
      await using client = await gate.connect();
      assert.equal((await client.request(head)).status, 400, head);
    }
    await gate.logged(/not-for-app/);
  });

  test(name('small bodies, whole and in pieces, by every way of reading'), async () => {
    const app = new Hono();
    app.post('/text', async (c) => c.text(`${await c.req.text()} ${c.req.raw.bodyUsed}`));
    app.post('/json', async (c) => c.json(await c.req.json()));
    app.post('/form', async (c) => c.json(await c.req.parseBody()));
    app.post('/bytes', async (c) => c.body((await c.req.raw.bytes()) as Uint8Array<ArrayBuffer>));
    app.post('/buffer', async (c) => c.body(await c.req.arrayBuffer()));
    app.post('/clone', async (c) => c.text(`${await c.req.raw.clone().text()}${await c.req.raw.text()}`));
    app.post('/stream', (c) => c.body(c.req.raw.body as ReadableStream));
    app.post('/again', async (c) => c.text(`${await c.req.raw.text()} ${await c.req.raw.text().catch((error: Error) => error.name)}`));
    app.post('/remade', async (c) => c.text(await new Request(new URL('/x', c.req.url), c.req.raw).text()));
    await using gate = await startApp((request) => app.fetch(request));
    for (const [path, body, want] of [
      ['/text', 'é body', 'é body true'],
      ['/json', '{"a":[1]}', '{"a":[1]}'],
      ['/form', 'a=1&b=%20', '{"a":"1","b":" "}'],
      ['/bytes', 'bytes', 'bytes'],
      ['/buffer', 'buffer', 'buffer'],
      ['/clone', 'ab', 'abab'],
      ['/stream', 'stream', 'stream'],
      ['/again', 'x', 'x TypeError'],
      // Only the Request that stands in for the runtime's own takes a request of ours for one.
      ...(kind === 'light' ? [['/remade', 'remade', 'remade'] as const] : []),
    ] as const) {
      const bytes = encoder.encode(body);
      const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${bytes.length}\r\n\r\n`;
      for (const pieces of [[Buffer.concat([Buffer.from(head), bytes])], [Buffer.from(head), bytes.subarray(0, 1), bytes.subarray(1)]]) {
        await using client = await gate.connect();
        for (const piece of pieces) {
          await client.flush(piece);
          await sleep(5);
        }
        const response = await client.readResponse();
        assert.equal(response.status, 200, path);
        assert.equal(Buffer.from(response.body).toString(), want, `${path} in ${pieces.length}`);
      }
    }
  });

  test(name('a large upload flows through, held back by the app'), async () => {
    const size = 24 * 1024 * 1024;
    const go = deferred();
    await using gate = await startApp(async (request) => {
      let seen = 0;
      const reader = request.body!.getReader();
      await go.promise;
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) seen += piece.value.length;
      return new Response(String(seen));
    });
    await using client = await gate.connect();
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    let isSent = false;
    const sent = client.flush(new Uint8Array(size)).then(() => {
      isSent = true;
    });
    await sleep(200);
    assert.equal(isSent, false, 'nobody reads, so not all can have been taken');
    go.resolve();
    assert.equal((await client.readResponse()).text(), String(size));
    await sent;
  });

  test(name('a body that nobody reads does not stop the answer, nor the next request'), async () => {
    await using gate = await startApp(async (request) => {
      if (new URL(request.url).pathname === '/cancel') await request.body?.cancel();
      return new Response('enough');
    });
    for (const path of ['/', '/cancel']) {
      await using client = await gate.connect();
      const small = await client.request(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`);
      assert.equal(small.text(), 'enough');
      const large = 2 * 1024 * 1024;
      client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${large}\r\n\r\n`);
      client.write(new Uint8Array(large));
      assert.equal((await client.readResponse()).text(), 'enough');
    }
  });

  test(name('answers: statuses, lengths, cookies, HEAD'), async () => {
    const app = new Hono();
    app.get('/', (c) => c.text('text'));
    app.get('/json', (c) => c.json({ a: 'é' }));
    app.get('/made', () => Response.json({ b: 1 }));
    app.get('/none', (c) => c.body(null, 204));
    app.get('/same', () => new Response(null, { status: 304, headers: { etag: '"1"' } }));
    app.get('/empty', (c) => c.body(null));
    app.get('/wrong', () => new Response('four', { headers: { 'content-length': '9' } }));
    app.get('/odd', () => new Response('x', { status: 299, statusText: 'Just So', headers: [['x-latin', 'caf\xe9']] }));
    app.get('/cookies', (c) => {
      c.header('set-cookie', 'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', { append: true });
      c.header('set-cookie', 'b=2', { append: true });
      c.header('x-many', '1', { append: true });
      c.header('x-many', '2', { append: true });
      return c.text('cookies');
    });
    app.get('/hop', (c) => c.text('hop', 200, { Connection: 'close', 'Keep-Alive': '5', 'Transfer-Encoding': 'chunked' }));
    app.get('/long', (c) => c.text('é'.repeat(200_000)));
    app.get('/changed', (c) => {
      const response = new Response('changed', { headers: { 'x-a': '1' } });
      response.headers.set('x-a', '2');
      response.headers.append('set-cookie', 'c=3');
      c.header('x-late', 'yes');
      return response;
    });
    app.get('/redirect', () => Response.redirect('http://a/there', 303));
    await using gate = await startApp((request) => app.fetch(request));
    await using client = await gate.connect();
    const get = (path: string, method = 'GET') => client.request(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, { method });
    const plain = await get('/');
    assert.deepEqual([plain.status, plain.text(), plain.header('content-length')], [200, 'text', kind === 'light' ? '4' : null]);
    // Bun writes it only when it sends an answer itself.
    if (kind === 'light' || runtime.name !== 'bun') assert.match(plain.header('content-type') ?? '', /^text\/plain; ?charset=utf-8$/i);
    assert.ok(plain.header('date'));
    const json = await get('/json');
    assert.deepEqual([Buffer.from(json.body).toString(), json.header('content-type')], ['{"a":"é"}', 'application/json']);
    assert.equal((await get('/made')).text(), '{"b":1}');
    assert.match((await get('/made')).header('content-type') ?? '', /^application\/json/);
    assert.deepEqual([(await get('/none')).status, (await get('/none')).header('content-length')], [204, null]);
    assert.deepEqual([(await get('/same')).status, (await get('/same')).header('etag')], [304, '"1"']);
    assert.deepEqual([(await get('/empty')).status, (await get('/empty')).text()], [200, '']);
    // Without a whole body the wrong length cuts the connection off, so only what is known whole is put right.
    if (kind === 'light') assert.equal((await get('/wrong')).text(), 'four');
    const odd = await get('/odd');
    assert.deepEqual([odd.status, odd.header('x-latin')], [299, 'caf\xe9']);
    const cookies = await get('/cookies');
    assert.deepEqual(cookies.headers('set-cookie'), ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2']);
    assert.equal(cookies.header('x-many'), '1, 2');
    const changed = await get('/changed');
    assert.deepEqual([changed.header('x-a'), changed.header('set-cookie'), changed.text()], ['2', 'c=3', 'changed']);
    assert.equal(Buffer.from((await get('/long')).body).toString(), 'é'.repeat(200_000));
    assert.equal((await get('/redirect')).header('location'), 'http://a/there');
    const head = await get('/', 'HEAD');
    assert.deepEqual([head.status, head.text()], [200, '']);
    const hop = await get('/hop');
    assert.deepEqual([hop.text(), hop.header('keep-alive')], ['hop', null]);
    assert.equal((await get('/')).text(), 'text');
  });

  test(name('a stream goes out piece by piece'), async () => {
    const app = new Hono();
    const more = deferred();
    app.get('/sse', (c) =>
      streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: 'one' });
        await more.promise;
        await stream.writeSSE({ data: 'two' });
      }),
    );
    await using gate = await startApp((request) => app.fetch(request));
    await using client = await gate.connect();
    client.write('GET /sse HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.readUntil('data: one\n\n', 2000);
    more.resolve();
    await client.readUntil('data: two\n\n', 2000);
    await client.readUntil('0\r\n\r\n', 2000);
  });

  test(name('a stream is held back by a client that does not read'), async () => {
    let made = 0;
    const total = 400;
    const piece = new Uint8Array(64 * 1024);
    await using gate = await startApp(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              if (made++ < total) controller.enqueue(piece.slice());
              else controller.close();
            },
          }),
          { headers: { 'content-length': String(total * piece.length) } },
        ),
    );
    await using client = await gate.connect();
    client.pause();
    client.write(GET);
    await waitFor('some to be made', () => made > 4 || null);
    await sleep(300);
    assert.ok(made < total / 2, `${made} pieces of ${total} were made for nobody`);
    client.resume();
    await client.readUntil('\r\n\r\n');
    for (let i = 0; i < total; i++) await client.readBytes(piece.length);
  });

  test(name('a client that leaves aborts the signal and cancels the stream'), async () => {
    const aborted = deferred();
    const cancelled = deferred();
    await using gate = await startApp((request) => {
      request.signal.addEventListener('abort', () => aborted.resolve());
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(encoder.encode('first')),
        cancel: () => cancelled.resolve(),
      });
      return new Response(body);
    });
    const client = await gate.connect();
    client.write(GET);
    await client.readUntil('first');
    // FIN alone would be half a close: such a client still reads.
    client.reset();
    await within(2000, 'the abort', aborted.promise);
    await within(2000, 'the cancel', cancelled.promise);
  });

  test(name('a client that leaves in the middle of its body breaks the reading off'), async () => {
    const broken = deferred<unknown>();
    const begun = deferred();
    await using gate = await startApp(async (request) => {
      begun.resolve();
      await request.text().catch(broken.resolve);
      return new Response('nobody gets it');
    });
    const client = await gate.connect();
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome');
    await begun.promise;
    client.destroy();
    assert.ok((await within(2000, 'the error', broken.promise)) instanceof Error);
  });

  test(name('what an app throws, rejects with or gives instead of an answer is 500, and in the log with its place'), async () => {
    const evil = (value: string) => () => new Response('x', { headers: { 'x-evil': value } });
    const answers: Record<string, () => unknown> = {
      '/throws': () => {
        throw new RangeError('thrown here');
      },
      '/rejects': async () => {
        throw new RangeError('rejected here');
      },
      '/nothing': () => undefined,
      '/text': () => 'text',
      '/late-nothing': async () => null,
      '/split': evil('a\r\nSet-Cookie: b'),
      '/wide': evil('\u{1f600}'),
      '/both': () => new Response('x', { headers: { 'content-length': '1', 'transfer-encoding': 'gzip' } }),
    };
    await using gate = await startApp((request) => answers[new URL(request.url).pathname]?.() as Response);
    for (const path of Object.keys(answers)) {
      await using client = await gate.connect();
      const response = await client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.equal(response.status, 500, path);
      assert.equal(response.header('set-cookie'), null);
    }
    assert.match(await gate.logged(/thrown here/), /app-suite\.ts:\d+/);
    await gate.logged(/rejected here/);
    await gate.logged(/undefined instead of a Response/);
    await gate.logged(/type string instead of a Response/);
    await gate.logged(/null instead of a Response/);
  });

  test(name('an error behind the head cuts the answer off'), async () => {
    await using gate = await startApp(() => {
      let turn = 0;
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (turn++ === 0) controller.enqueue(encoder.encode('first'));
            else controller.error(new Error('it broke'));
          },
        }),
      );
    });
    await using client = await gate.connect();
    client.write(GET);
    const all = await client.readToEnd();
    assert.match(all.toString(), /first/);
    assert.doesNotMatch(all.toString(), /\r\n0\r\n\r\n$/);
    await gate.logged(/it broke/);
  });

  test(name('W12: pieces of text, and any view of bytes, are taken; what is neither is cut off, and named in the log'), async () => {
    const pieces: Record<string, unknown[]> = {
      '/text': ['é ', 'data: x\n\n'],
      '/views': [new Uint8Array([0x61]), new DataView(new ArrayBuffer(4), 1, 2), new Uint16Array([0x6262]), encoder.encode('c').buffer, ''],
      '/number': ['first', 7],
      '/object': ['first', {}],
      '/null': ['first', null],
    };
    const cancelled: string[] = [];
    await using gate = await startApp((request) => {
      const { pathname } = new URL(request.url);
      const left = [...pieces[pathname]!];
      return new Response(
        new ReadableStream(
          {
            pull: (controller) => (left.length === 0 ? controller.close() : controller.enqueue(left.shift())),
            cancel: () => void cancelled.push(pathname),
          },
          { highWaterMark: 0 },
        ),
      );
    });
    await using client = await gate.connect();
    const get = (path: string) => client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(Buffer.from((await get('/text')).body).toString(), 'é data: x\n\n');
    assert.equal(Buffer.from((await get('/views')).body).toString(), 'a\0\0bbc');
    for (const [path, what] of [
      ['/number', 'a number'],
      ['/object', 'an object'],
      ['/null', 'null'],
    ] as const) {
      await using broken = await gate.connect();
      broken.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const all = (await broken.readToEnd()).toString();
      assert.match(all, /first/);
      assert.doesNotMatch(all, /\r\n0\r\n\r\n$/);
      await gate.logged(new RegExp(`gave ${what} where bytes or a text should be.*app-failed`));
    }
    assert.deepEqual(cancelled, ['/number', '/object', '/null']);
  });

  test(name('W11: a stream that does not keep to its Content-Length is cut off, and the log says so'), async () => {
    await using gate = await startApp((request) => {
      const { searchParams } = new URL(request.url);
      const pieces = searchParams.getAll('piece');
      const body = new ReadableStream({
        pull: (controller) => (pieces.length === 0 ? controller.close() : controller.enqueue(encoder.encode(pieces.shift()))),
      });
      return new Response(body, { headers: { 'content-length': searchParams.get('length')! } });
    });
    await using client = await gate.connect();
    const right = await client.request('GET /?length=6&piece=abc&piece=def HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.deepEqual([right.text(), right.header('content-length')], ['abcdef', '6']);
    for (const [length, said] of [
      [5, 'gave 6 bytes, and its Content-Length is 5'],
      [7, 'ended behind 6 bytes, and its Content-Length is 7'],
    ] as const) {
      await using broken = await gate.connect();
      broken.write(`GET /?length=${length}&piece=abc&piece=def HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
      const [head, body] = (await broken.readToEnd()).toString().split('\r\n\r\n');
      assert.match(head!, new RegExp(`content-length: ${length}`, 'i'));
      assert.equal(body, length === 5 ? 'abc' : 'abcdef', 'and nothing behind it: what was cut off ends the connection');
      await gate.logged(new RegExp(said));
    }
    const head = await client.request('HEAD /?length=7&piece=abc HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'HEAD' });
    assert.equal(head.header('content-length'), '7');
    assert.equal((await client.request('GET /?length=1&piece=a HTTP/1.1\r\nHost: a\r\n\r\n')).text(), 'a');
  });

  test(name('W11: a stream that nobody reads is cancelled: HEAD, a status without a body, a client that has left'), async () => {
    const cancelled: string[] = [];
    const begun = deferred();
    const left = deferred();
    await using gate = await startApp(async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/left') {
        begun.resolve();
        await left.promise;
      }
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(encoder.encode('for ever')),
          cancel: () => void cancelled.push(pathname),
        }),
      );
    });
    await using client = await gate.connect();
    assert.equal((await client.request('HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'HEAD' })).status, 200);
    await waitFor('the cancel', () => cancelled.includes('/head'));
    client.write('GET /left HTTP/1.1\r\nHost: a\r\n\r\n');
    await begun.promise;
    client.reset();
    await gate.logged(/client-left/);
    left.resolve();
    await waitFor('the cancel', () => cancelled.includes('/left'));
  });

  test(name('an answer whose body was read is 500, and the log says why'), async () => {
    const kept = new Response('kept');
    const uses: Record<string, (response: Response) => unknown> = {
      '/text': (response) => response.text(),
      '/reader': (response) => response.body?.getReader().read(),
      '/locked': (response) => response.body?.getReader(),
    };
    await using gate = await startApp(async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/kept') return kept;
      const response = new Response(new Blob(['body']).stream());
      await uses[pathname]!(response);
      return response;
    });
    for (const path of Object.keys(uses)) {
      await using client = await gate.connect();
      assert.equal((await client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status, 500, path);
    }
    await gate.logged(/body of the answer has been read already.*app-failed/);
    await using client = await gate.connect();
    assert.equal((await client.request('GET /kept HTTP/1.1\r\nHost: a\r\n\r\n')).text(), 'kept');
  });

  test(name('every kind of body goes out as it is'), async () => {
    const form = new FormData();
    form.set('a', 'ü');
    async function* pieces() {
      yield encoder.encode('one ');
      await sleep(1);
      yield encoder.encode('two');
    }
    const bytes = encoder.encode('bytes');
    const byteStream = (): ReadableStream =>
      new ReadableStream({
        type: 'bytes',
        start(controller) {
          controller.enqueue(encoder.encode('byte stream'));
          controller.close();
        },
      });
    const answers: Record<string, () => Response> = {
      '/null': () => new Response(null),
      '/undefined': () => new Response(),
      '/empty': () => new Response(''),
      '/bytes': () => new Response(bytes),
      '/buffer': () => new Response(bytes.slice().buffer),
      '/view': () => new Response(new DataView(bytes.slice().buffer, 1, 3)),
      '/blob': () => new Response(new Blob(['blob'], { type: 'text/x-blob' })),
      '/parameters': () => new Response(new URLSearchParams({ a: 'ü' })),
      '/form': () => new Response(form),
      '/stream': () => new Response(new Blob(['stream']).stream()),
      '/byte-stream': () => new Response(byteStream()),
      '/iterable': () => new Response(pieces() as unknown as BodyInit),
      '/clone': () => new Response('cloned').clone(),
      '/clone-stream': () => new Response(new Blob(['cloned']).stream()).clone(),
      '/through': () => new Response(new Response('through').body!.pipeThrough(new TransformStream())),
      '/json': () => Response.json({ a: 'ü' }, { status: 201, headers: { 'x-a': '1' } }),
      '/redirect': () => Response.redirect('http://a/there'),
    };
    await using gate = await startApp((request) => answers[new URL(request.url).pathname]!());
    await using client = await gate.connect();
    const get = async (path: string, method = 'GET') => {
      const { status, body } = await client.request(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, { method });
      return { status, text: Buffer.from(body).toString() };
    };
    for (const [path, text] of [
      ['/null', ''],
      ['/undefined', ''],
      ['/empty', ''],
      ['/bytes', 'bytes'],
      ['/buffer', 'bytes'],
      ['/view', 'yte'],
      ['/blob', 'blob'],
      ['/parameters', 'a=%C3%BC'],
      ['/stream', 'stream'],
      ['/byte-stream', 'byte stream'],
      ['/iterable', 'one two'],
      ['/clone', 'cloned'],
      ['/clone-stream', 'cloned'],
      ['/through', 'through'],
      ['/redirect', ''],
    ] as const) {
      const answer = await get(path);
      assert.deepEqual([answer.status, answer.text], [path === '/redirect' ? 302 : 200, text], path);
      assert.equal((await get(path, 'HEAD')).text, '', `HEAD ${path}`);
    }
    const blob = await client.request('GET /blob HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(blob.header('content-type'), 'text/x-blob');
    const sent = await client.request('GET /form HTTP/1.1\r\nHost: a\r\n\r\n');
    const back = await new Response(sent.body as Uint8Array<ArrayBuffer>, { headers: { 'content-type': sent.header('content-type')! } }).formData();
    assert.deepEqual([...back], [['a', 'ü']]);
    const json = await client.request('GET /json HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.deepEqual([json.status, json.header('x-a'), JSON.parse(Buffer.from(json.body).toString())], [201, '1', { a: 'ü' }]);
  });

  test(name('statuses that switch protocols, and Response.error(), are 500'), async () => {
    await using gate = await startApp((request) =>
      new URL(request.url).pathname === '/error' ? Response.error() : new Response(null, { status: 101 }),
    );
    for (const path of ['/', '/error']) {
      await using client = await gate.connect();
      assert.equal((await client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status, 500, path);
    }
  });

  test(name('a stream that fails before its first piece is cut off too'), async () => {
    await using gate = await startApp(() => new Response(new ReadableStream({ start: (controller) => controller.error(new Error('never began')) })));
    await using client = await gate.connect();
    client.write(GET);
    assert.doesNotMatch((await client.readToEnd()).toString(), /0\r\n\r\n$/);
    await gate.logged(/never began/);
  });

  test(name('pipelined requests are answered in order'), async () => {
    await using gate = await startApp(async (request) => {
      const path = new URL(request.url).pathname;
      if (path === '/slow') await sleep(30);
      return new Response(path);
    });
    await using client = await gate.connect();
    client.write(['/slow', '/a', '/b'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    for (const path of ['/slow', '/a', '/b']) assert.equal((await client.readResponse()).text(), path);
  });

  test(name('what is left of a request when its answer is out still holds'), async () => {
    let kept: Request | undefined;
    await using gate = await startApp((request) => {
      kept ??= request;
      return new Response('kept');
    });
    await using client = await gate.connect();
    await client.request('GET /first HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n');
    await client.request('GET /second HTTP/1.1\r\nHost: a\r\nX-A: 2\r\nX-B: 3\r\n\r\n');
    assert.deepEqual([kept!.url, kept!.headers.get('x-a'), kept!.headers.get('x-b')], ['http://a/first', '1', null]);
    assert.equal(kept!.signal.aborted, false);
  });

  test(name('who asks is where the adapters of Hono look for it, and waitUntil tells of what fails'), async () => {
    const app = new Hono<{ Bindings: AppContext & Record<string, unknown> }>();
    app.get('/', (c) => {
      c.executionCtx.waitUntil(Promise.reject(new Error('later')));
      const { requestIP, remoteAddr, incoming } = c.env as never as {
        requestIP: (request: Request) => { address: string };
        remoteAddr: { hostname: string };
        incoming: { socket: { remoteAddress: string } };
      };
      return c.json([requestIP.call(c.env, c.req.raw).address, remoteAddr.hostname, incoming.socket.remoteAddress]);
    });
    await using gate = await startApp((request, context, execution) => app.fetch(request, context as never, execution as never));
    await using client = await gate.connect();
    assert.equal((await client.request(GET)).text(), '["127.0.0.1","127.0.0.1","127.0.0.1"]');
    await gate.logged(/later/);
  });
}
