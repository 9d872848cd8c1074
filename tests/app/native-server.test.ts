/** `http-socket-engine=native`: the runtime's own server. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installGlobals } from '../../src/app/app-globals.ts';
import { AppWork } from '../../src/app/app-work.ts';
import type { AppContext } from '../../src/app/fetch-handler.ts';
import { serveNative } from '../../src/app/native-server.ts';
import { type ListenAddress, parseListenAddress } from '../../src/net/address.ts';
import { runtimeName } from '../../src/runtime/app-modules.ts';
import { ListenError } from '../../src/runtime/seam.ts';
import { RawClient } from '../support/raw-client.ts';
import { sleep, waitFor, within } from '../support/wait.ts';
import { appFiles } from './files.ts';

installGlobals();

const failures: unknown[] = [];
/** Paths whose answers take their time, as they are asked for. */
const begun: string[] = [];
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
    default:
      return new Response(request.url);
  }
}

function portOf(address: ListenAddress): number {
  assert.ok(address.kind === 'tcp' && address.port > 0);
  return address.port;
}

test('it serves', async () => {
  const server = await serveNative(parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
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
  const server = await serveNative(parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
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
  if (runtimeName() !== 'deno') assert.equal(await within(2000, 'the end', never), 'cut off');
});

test('on a unix socket', async () => {
  using files = appFiles({});
  const path = files.at('app.sock');
  const server = await serveNative(parseListenAddress(path), app, new AppWork(), { failed });
  const client = await RawClient.connect({ path });
  const response = await client.request('POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx');
  assert.equal(response.text(), 'x|null|');
  client.destroy();
  await within(3000, 'the stop', server.stop(500));
});

test('an address that is taken is a ListenError', async () => {
  const server = await serveNative(parseListenAddress('127.0.0.1:0'), app, new AppWork(), { failed });
  const port = portOf(server.address);
  await assert.rejects(
    serveNative(parseListenAddress(`127.0.0.1:${port}`), app, new AppWork(), { failed }),
    (error) => error instanceof ListenError && error.reason === 'in-use',
  );
  await server.stop(100);
});

test('several on one address, where the runtime can', async () => {
  const listen = (port: number) => serveNative(parseListenAddress(`127.0.0.1:${port}`), app, new AppWork(), { failed, reusePort: true });
  if (runtimeName() === 'deno') return await assert.rejects(listen(0), /--unstable-net/);
  const first = await listen(0);
  const second = await listen(portOf(first.address));
  await Promise.all([first.stop(100), second.stop(100)]);
});
