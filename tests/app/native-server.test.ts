/** `http-socket-engine=native`: the runtime's own server. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installGlobals } from '../../src/app/app-globals.ts';
import { AppWork } from '../../src/app/app-work.ts';
import type { AppContext } from '../../src/app/fetch-handler.ts';
import { serveNative } from '../../src/app/native-server.ts';
import { type ListenAddress, parseListenAddress } from '../../src/net/address.ts';
import { ListenError } from '../../src/runtime/seam/sockets.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { RawClient } from '../support/raw-client.ts';
import { sleep, waitFor, within } from '../support/wait.ts';
import { appFiles } from './files.ts';

const runtime = await selectRuntime();
const apps = await runtime.apps();

installGlobals(apps);

const failures: unknown[] = [];
/** Paths whose answers take their time, as they are asked for. */
const begun: string[] = [];
/** Paths of streams that were cancelled. */
const cancelled: string[] = [];
let hasLeft = false;
const failed = (error: unknown): void => void failures.push(error);

async function app(request: Request, context: AppContext): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case '/echo':
      return new Response(request.body, { headers: { 'x-method': request.method } });
    case '/text':
      return new Response(`${await request.text()}|${request.headers.get('x-a')}|${context.remoteAddress}`);
    case '/throws':
      throw new RangeError('thrown');
    case '/slow':
      begun.push(pathname);
      await sleep(200);
      return new Response('slow');
    case '/never':
      begun.push(pathname);
      return await new Promise(() => {});
    case '/stream':
      return new Response(new Response('stream').body, { status: 203 });
    case '/cookies':
      return new Response(null, {
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      });
    case '/pieces': {
      const pieces = new URL(request.url).searchParams.getAll('piece').map((piece) => (piece === '7' ? 7 : piece));
      const length = new URL(request.url).searchParams.get('length');
      const body = new ReadableStream({
        async pull(controller) {
          await sleep(1);
          if (pieces.length === 0) controller.close();
          else controller.enqueue(pieces.shift());
        },
      });
      return new Response(body, length === null ? {} : { headers: { 'content-length': length } });
    }
    case '/late':
      begun.push(pathname);
      await within(10_000, 'the client to leave', new Promise((resolve) => request.signal.addEventListener('abort', resolve)));
      return new Response(new ReadableStream({ pull: () => sleep(20), cancel: () => void cancelled.push(pathname) }));
    case '/left':
      begun.push(pathname);
      await waitFor('the client to leave', () => hasLeft);
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await sleep(5);
            controller.enqueue(new Uint8Array(10));
          },
          cancel: () => void cancelled.push(pathname),
        }),
      );
    case '/head':
      return new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10)), cancel: () => void cancelled.push(pathname) }),
      );
    case '/used': {
      const response = new Response(new Blob(['used']).stream());
      await response.text();
      return response;
    }
    case '/again': {
      await request.text();
      const { mode, body } = request;
      return new Response(`${await new Request(request, { body: 'other' }).text()} ${mode} ${body !== null}`);
    }
    default:
      return new Response(request.url);
  }
}

function portOf(address: ListenAddress): number {
  assert.ok(address.kind === 'tcp' && address.port > 0);
  return address.port;
}

test('it serves', async () => {
  const server = await serveNative(apps, parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const port = portOf(server.address);
  const url = `http://127.0.0.1:${port}`;
  const text = await fetch(`${url}/text`, { method: 'POST', body: 'body', headers: { 'x-a': '1' } });
  assert.equal(await text.text(), 'body|1|127.0.0.1');
  const large = 'é'.repeat(300_000);
  assert.equal(await (await fetch(`${url}/echo`, { method: 'PUT', body: large })).text(), large);
  const stream = await fetch(`${url}/stream`);
  assert.deepEqual([stream.status, await stream.text()], [203, 'stream']);
  assert.deepEqual((await fetch(`${url}/cookies`)).headers.getSetCookie(), ['a=1', 'b=2']);
  assert.equal(await (await fetch(`${url}/a/../b?c`)).text(), `${url}/b?c`);
  assert.equal((await fetch(`${url}/throws`)).status, 500);
  assert.ok(failures.some((error) => (error as Error).message === 'thrown'));
  await using client = await RawClient.connect({ port });
  const head = await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(head.status, 200);
  client.destroy();
  await within(3000, 'the stop', server.stop(1000));
  await assert.rejects(fetch(url));
});

test('it finishes what is in flight, and cuts off what takes longer than mercy', async () => {
  const server = await serveNative(apps, parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const url = `http://127.0.0.1:${portOf(server.address)}`;
  const slow = fetch(`${url}/slow`, { headers: { connection: 'close' } }).then((response) => response.text());
  const never = fetch(`${url}/never`).then(
    () => 'answered',
    () => 'cut off',
  );
  await waitFor('both requests', () => begun.length === 2);
  const stopped = server.stop(1500);
  assert.equal(await slow, 'slow');
  await within(3000, 'the stop', stopped);
  // Deno.serve leaves a handler that never ends its connection until the process ends.
  if (runtime.name !== 'deno') assert.equal(await within(2000, 'the end', never), 'cut off');
});

test('W12, W11: streams of text, of what is none, and of another length than they say', async () => {
  const server = await serveNative(apps, parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const port = portOf(server.address);
  const has = (text: string) => waitFor(text, () => failures.find((error) => String(error).includes(text)));
  const url = `http://127.0.0.1:${port}/pieces`;
  assert.equal(await (await fetch(`${url}?piece=${encodeURIComponent('é ')}&piece=b`)).text(), 'é b');
  assert.equal(await (await fetch(`${url}?piece=abc&piece=def&length=6`)).text(), 'abcdef');
  for (const [query, said] of [
    ['piece=a&piece=7', 'gave a number where bytes or a text should be'],
    ['length=5&piece=abc&piece=def', 'gave 6 bytes, and its Content-Length is 5'],
    ['length=7&piece=abc&piece=def', 'ended behind 6 bytes, and its Content-Length is 7'],
  ] as const) {
    await using client = await RawClient.connect({ port });
    client.write(`GET /pieces?${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await has(said);
    assert.equal(failures.filter((error) => String(error).includes(said)).length, 1, 'told once');
    client.end();
    const all = (await client.readToEnd().catch((error) => String(error))).toString();
    assert.doesNotMatch(all, query.startsWith('length=5') ? /def/ : /\r\n0\r\n\r\n$/, all);
  }
  await server.stop(500);
});

test('W11: an answer that comes when its client has left, or that nobody is to read, is cancelled', async () => {
  const server = await serveNative(apps, parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const port = portOf(server.address);
  for (const path of ['/late', '/left']) {
    const client = await RawClient.connect({ port });
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await waitFor(path, () => begun.includes(path));
    client.reset();
    await sleep(50);
    hasLeft = path === '/left';
    await waitFor(`the cancel of ${path}`, () => cancelled.includes(path));
  }
  await using client = await RawClient.connect({ port });
  assert.equal((await client.request('HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'HEAD' })).status, 200);
  await waitFor('the cancel of /head', () => cancelled.includes('/head'));
  client.destroy();
  await server.stop(500);
});

test('W4: a request whose body was used has its other members, and an answer that was used is 500', async () => {
  const server = await serveNative(apps, parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const url = `http://127.0.0.1:${portOf(server.address)}`;
  assert.equal(await (await fetch(`${url}/again`, { method: 'POST', body: 'body' })).text(), 'other cors true');
  assert.equal((await fetch(`${url}/used`)).status, 500);
  await server.stop(500);
});

test('on a unix socket', async () => {
  using files = appFiles({});
  const path = files.at('app.sock');
  const server = await serveNative(apps, parseListenAddress(path), app, new AppWork(), { failed });
  const client = await RawClient.connect({ path });
  const response = await client.request('POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx');
  assert.equal(response.text(), 'x|null|');
  client.destroy();
  await within(3000, 'the stop', server.stop(500));
});

test('an address that is taken is a ListenError', async () => {
  const server = await serveNative(apps, parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const port = portOf(server.address);
  await assert.rejects(
    serveNative(apps, parseListenAddress(`127.0.0.1:${port}`), app, new AppWork(), { failed }),
    (error) => error instanceof ListenError && error.reason === 'in-use',
  );
  await server.stop(100);
});

test('several on one address, where the runtime can', async () => {
  const listen = (port: number) => serveNative(apps, parseListenAddress(`127.0.0.1:${port}`), app, new AppWork(), { failed, reusePort: true });
  if (runtime.name === 'deno') return await assert.rejects(listen(0), /--unstable-net/);
  const first = await listen(0);
  const second = await listen(portOf(first.address));
  await Promise.all([first.stop(100), second.stop(100)]);
});
