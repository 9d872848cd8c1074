import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppUpstreams, type FetchHandler } from '../../src/app/app-upstream.ts';
import { AppWork } from '../../src/app/app-work.ts';
import { Log } from '../../src/log/log.ts';
import { Node } from '../../src/pool/node.ts';
import { Pool } from '../../src/pool/pool.ts';
import { BodyBudget } from '../../src/router/body-spool.ts';
import { DateLine } from '../../src/router/date-line.ts';
import { makeFront } from '../../src/router/front.ts';
import { OutBuffer } from '../../src/router/out-buffer.ts';
import { RequestBuffers } from '../../src/router/request-buffer.ts';
import { Nodes } from '../../src/router/route.ts';
import { Router } from '../../src/router/router.ts';
import { NO_SINK } from '../../src/router/transaction.ts';
import type { OpenUpstream } from '../../src/router/upstream.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { TurnClock } from '../../src/time/turn-clock.ts';
import { DEFAULTS } from '../support/defaults.ts';
import { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { get } from './support.ts';

/** A router whose upstreams are made by the test. */
const runtime = await selectRuntime();

async function startRouter(open: OpenUpstream): Promise<{ port: number; thrown: string[] } & AsyncDisposable> {
  const thrown: string[] = [];
  const log = new Log(() => {});
  const node = new Node({ kind: 'app' });
  const router = new Router(
    {
      settings: { ...DEFAULTS, tempDirectory: null },
      route: new Nodes(new Pool([{ nodes: [node] }], 1000)),
      appRoute: new Nodes(new Pool([{ nodes: [node] }], 1000)),
      open,
      failed: (error) => thrown.push((error as Error).message),
      needsLength: false,
      log,
      wheel: new TimerWheel(() => runtime.now(), assert.ifError),
      clock: new TurnClock(runtime),
      out: new OutBuffer(),
      dates: new DateLine(),
      requestBuffers: new RequestBuffers(),
      bodyBudget: new BodyBudget(1e6),
      transactions: NO_SINK,
      gzip: null,
      prelude: null,
      trustedProxies: null,
    },
    1000,
  );
  const listener = await runtime.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, router.handlers(makeFront(0)));
  router.addListener(listener);
  return {
    port: (listener.address as { port: number }).port,
    thrown,
    async [Symbol.asyncDispose]() {
      // Whatever was thrown, and where: the node has the request no more.
      await waitFor('the node to be idle', () => node.running === 0);
      router.destroy();
      log.flush();
    },
  };
}

function app(handler: FetchHandler): OpenUpstream {
  const apps = new AppUpstreams(runtime, handler, new AppWork(), () => {});
  return (_, exchange) => apps.open(exchange);
}

test('an exception in a handler is 500 with code internal for its connection, and nothing for the others', async () => {
  const good = app(() => new Response('ok'));
  await using gate = await startRouter((node, exchange) => {
    const { bytes, pathStart } = exchange.request;
    if (bytes[pathStart + 1] === 0x62) throw new Error('boom');
    return good(node, exchange);
  });
  await using other = await RawClient.connect({ port: gate.port });
  assert.equal((await other.request(get('/a'))).text(), 'ok');
  await using client = await RawClient.connect({ port: gate.port });
  assert.equal((await client.request(get('/a'))).text(), 'ok');
  client.write(get('/b') + get('/a'));
  const response = await client.readResponse();
  assert.equal(response.status, 500);
  assert.match(response.text(), /internal/);
  assert.equal((await client.readToEnd()).length, 0);
  assert.equal((await other.request(get('/a'))).text(), 'ok');
  assert.deepEqual(gate.thrown, ['boom']);
});

test('an app that throws is 500, one that throws in the middle cuts its answer off', async () => {
  await using gate = await startRouter(
    app((request) => {
      if (request.url.endsWith('/a')) throw new Error('boom');
      const steps = [() => new TextEncoder().encode('first'), () => Promise.reject(new Error('later'))];
      return new Response(new ReadableStream({ pull: async (controller) => controller.enqueue(await steps.shift()!()) }));
    }),
  );
  await using client = await RawClient.connect({ port: gate.port });
  const response = await client.request(get('/a'));
  assert.equal(response.status, 500);
  assert.match(response.text(), /app-failed/);
  await using other = await RawClient.connect({ port: gate.port });
  other.write(get('/b'));
  await assert.rejects(other.readResponse(), /closed/);
});

test('a request that Fetch cannot express is 400, not a fault of ours', async () => {
  await using gate = await startRouter(app(() => new Response('ok')));
  for (const host of ['a%ff', '1.2.3.999']) {
    await using client = await RawClient.connect({ port: gate.port });
    const response = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.ok(response.status === 400 || response.status === 200, host);
    if (response.status === 400) assert.match(response.text(), /not-for-app/);
    assert.equal((await client.request(get('/a'))).text(), 'ok');
  }
  assert.deepEqual(gate.thrown, []);
});

test('an app reads its body as it comes, and answers through a slow reader', async () => {
  await using gate = await startRouter(
    app(async (request) => {
      const body = await request.arrayBuffer();
      return new Response('x'.repeat(body.byteLength), { headers: { 'x-method': request.method } });
    }),
  );
  await using client = await RawClient.connect({ port: gate.port });
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n${'y'.repeat(2_000_000)}`);
  const response = await client.readResponse();
  assert.equal(response.header('x-method'), 'POST');
  assert.equal(response.body.length, 2_000_000);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
  assert.equal((await client.readResponse()).text(), 'xxx');
});
