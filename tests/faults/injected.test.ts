/** Parts that throw where only a bug would: the connection concerned gets its last word, the others never know, the process lives. */

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
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
import type { Service } from '../../src/router/service.ts';
import { NO_SINK } from '../../src/router/transaction.ts';
import type { OpenUpstream, Upstream, UpstreamExchange } from '../../src/router/upstream.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { TurnClock } from '../../src/time/turn-clock.ts';
import { UwsgiUpstreams } from '../../src/upstream/uwsgi.ts';
import { makeVarsTemplate } from '../../src/uwsgi/request-vars.ts';
import { get, request } from '../router/support.ts';
import { DEFAULTS } from '../support/defaults.ts';
import { RawClient } from '../support/raw-client.ts';
import { UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';

const TEMPLATE = makeVarsTemplate({
  serverName: 'test',
  serverPort: '80',
  vars: [],
  serverNameAsHttpHost: false,
  allowUnderscores: false,
  lenientPath: false,
  chunkedInput: false,
});

/** `retry` is the second `open`, behind a connection that failed; `drained` the first `body` behind one that had to wait. */
type Part = 'open' | 'retry' | 'drained' | 'send' | 'body' | 'end' | 'abort' | 'pause' | 'resume';

interface Faulty extends AsyncDisposable {
  readonly port: number;
  readonly router: Router;
  readonly thrown: string[];
  readonly backend: UwsgiBackend;
  /** What the upstream of a bad request was told, in order. */
  readonly called: string[];
  connect(): Promise<RawClient>;
}

/** A router in front of a real backend, whose upstream throws in `part` for requests that have `/bad` in their path. */
async function startFaulty(part: Part | null, change: Partial<Service> = {}): Promise<Faulty> {
  const backend = await UwsgiBackend.listen(async (received, reply) => {
    await received.complete();
    const size = Number(/\d+/.exec(received.vars.get('PATH_INFO') ?? '')?.[0] ?? 2);
    await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'o'.repeat(size)}`);
  });
  const [host, port] = backend.address.split(':');
  const runtime = await selectRuntime();
  const thrown: string[] = [];
  const called: string[] = [];
  const failed = (error: unknown): void => void thrown.push((error as Error).message);
  const wheel = new TimerWheel(() => runtime.now(), failed);
  const uwsgi = new UwsgiUpstreams(runtime, wheel, { modifier1: 0, modifier2: 0, template: () => TEMPLATE }, failed);
  const address = { kind: 'tcp', host: host!, port: Number(port) } as const;
  let opened = 0;
  const open: OpenUpstream = (node, exchange) => {
    if (part === null || !isBadRequest(exchange)) return uwsgi.open(node, address, exchange);
    opened++;
    if (part === 'open' || (part === 'retry' && opened === 2)) throw new Error(`injected into ${part}`);
    // Port 1 of this machine refuses.
    const upstream = uwsgi.open(node, part === 'retry' ? { ...address, port: 1 } : address, exchange);
    return 'status' in upstream ? upstream : throwing(upstream, part, called);
  };
  const log = change.log ?? new Log(() => {});
  const service: Service = {
    settings: { ...DEFAULTS, timeout: 2000, connectTimeout: 1000, tempDirectory: tmpdir() },
    route: new Nodes(new Pool([{ nodes: [new Node({ kind: 'app' })] }], 1000)),
    appRoute: new Nodes(new Pool([{ nodes: [new Node({ kind: 'app' })] }], 1000)),
    open,
    failed,
    needsLength: true,
    log,
    wheel,
    clock: new TurnClock(runtime),
    out: new OutBuffer(),
    dates: new DateLine(),
    requestBuffers: new RequestBuffers(),
    bodyBudget: new BodyBudget(1e8),
    transactions: NO_SINK,
    gzip: null,
    prelude: null,
    trustedProxies: null,
    ...change,
  };
  const router = new Router(service, 1000);
  const listener = await runtime.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, router.handlers(makeFront(0)));
  router.addListener(listener);
  const listening = (listener.address as { port: number }).port;
  return {
    port: listening,
    router,
    thrown,
    backend,
    called,
    connect: () => RawClient.connect({ port: listening }),
    async [Symbol.asyncDispose]() {
      router.destroy();
      await backend.stop();
    },
  };
}

function isBadRequest({ request: { bytes, pathStart, pathEnd } }: UpstreamExchange): boolean {
  return Buffer.from(bytes.subarray(pathStart, pathEnd)).toString('latin1').startsWith('/bad');
}

/** `upstream`, but for one method, which throws the first time. */
function throwing(upstream: Upstream, part: Part, called: string[]): Upstream {
  let isFirst = true;
  let hasWaited = false;
  const broken = (name: keyof Upstream) => {
    return (...args: never[]): unknown => {
      called.push(name);
      if (isFirst && (name === part || (part === 'drained' && name === 'body' && hasWaited))) {
        isFirst = false;
        throw new Error(`injected into ${part}`);
      }
      const said = (upstream[name] as (...args: never[]) => unknown)(...args);
      hasWaited ||= said === false;
      return said;
    };
  };
  const names = ['send', 'body', 'end', 'abort', 'pause', 'resume'] as const;
  return Object.fromEntries(names.map((name) => [name, broken(name)])) as never as Upstream;
}

/** Everybody else is served, and every connection ends in time. */
async function isWell(gate: Faulty, other: RawClient, client: RawClient): Promise<void> {
  client.destroy();
  assert.equal((await other.request(get('/good'))).status, 200);
  other.destroy();
  await waitFor(`${gate.router.connections} connections to end`, () => gate.router.connections === 0, 4000);
  await waitFor('the backend to be let go', () => gate.backend.requests.every(({ ended, closed }) => ended || closed), 4000);
}

/** What the client of a bad request gets: an answer's status, or `cut` when its connection closes without one. */
async function gets(client: RawClient): Promise<number | 'cut'> {
  try {
    return (await client.readResponse({ milliseconds: 4000 })).status;
  } catch (error) {
    assert.match(String(error), /closed/);
    return 'cut';
  }
}

const CASES: readonly (readonly [part: Part, request: string, expected: number | 'cut'])[] = [
  ['open', get('/bad'), 500],
  ['open', `${request('POST', '/bad', 'Content-Length: 5')}hello`, 500],
  ['open', `${request('POST', '/bad', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`, 500],
  ['retry', get('/bad'), 500],
  ['send', get('/bad'), 500],
  ['send', `${request('POST', '/bad', 'Content-Length: 5')}hello`, 500],
  ['body', `${request('POST', '/bad', 'Content-Length: 500000')}${'x'.repeat(500_000)}`, 500],
  ['body', `${request('POST', '/bad', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`, 500],
  ['drained', `${request('POST', '/bad', 'Transfer-Encoding: chunked')}1000000\r\n${'x'.repeat(0x1000000)}\r\n0\r\n\r\n`, 500],
  ['end', get('/bad'), 500],
];

for (const [part, text, expected] of CASES) {
  test(`an exception in ${part} of ${text.split(' HTTP')[0]} ${/chunked|Length/.exec(text)?.[0] ?? ''}`, { timeout: 20_000 }, async () => {
    await using gate = await startFaulty(part);
    await using other = await gate.connect();
    assert.equal((await other.request(get('/good'))).status, 200);
    await using client = await gate.connect();
    client.write(text);
    assert.equal(await gets(client), expected);
    assert.deepEqual(gate.thrown, [`injected into ${part}`]);
    await isWell(gate, other, client);
  });
}

test('an exception for a request that waited behind another: the first has its answer, the second its 500', { timeout: 20_000 }, async () => {
  for (const part of ['open', 'send'] as const) {
    await using gate = await startFaulty(part);
    await using other = await gate.connect();
    await using client = await gate.connect();
    client.write(get('/good') + get('/bad') + get('/good'));
    assert.equal(await gets(client), 200);
    assert.equal(await gets(client), 500);
    assert.equal((await client.readToEnd()).length, 0);
    assert.deepEqual(gate.thrown, [`injected into ${part}`]);
    await isWell(gate, other, client);
  }
});

test('an exception in abort, when the client has left', { timeout: 20_000 }, async () => {
  await using gate = await startFaulty('abort');
  await using other = await gate.connect();
  const client = await gate.connect();
  client.write(request('POST', '/bad', 'Content-Length: 100'));
  await gate.backend.request();
  client.reset();
  await waitFor('the exception', () => gate.thrown.length > 0);
  assert.deepEqual(gate.thrown, ['injected into abort']);
  assert.equal((await other.request(get('/good'))).status, 200);
  other.destroy();
  await waitFor('the connections to end', () => gate.router.connections === 0);
});

test('an exception in pause or resume, under a reader that is slow', { timeout: 30_000 }, async () => {
  for (const part of ['pause', 'resume'] as const) {
    await using gate = await startFaulty(part);
    await using other = await gate.connect();
    await using client = await gate.connect();
    client.pause();
    client.write(get('/bad/30000000'));
    await waitFor('a pause', () => gate.called.includes('pause'));
    client.resume();
    assert.equal(await gets(client), 'cut');
    assert.deepEqual(gate.thrown, [`injected into ${part}`]);
    await isWell(gate, other, client);
  }
});

/** `whole`, but for one method, which throws the first time it is called. */
function brokenOnce<T extends object>(whole: T, method: keyof T): T {
  let isFirst = true;
  return new Proxy(whole, {
    get(target, name) {
      if (name === method && isFirst) {
        return () => {
          isFirst = false;
          throw new Error(`injected into ${String(method)}`);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const SERVICE_PARTS: readonly (readonly [method: string, change: () => Partial<Service>, request: string, expected: number | 'cut'])[] = [
  ['take of request buffers', () => ({ requestBuffers: brokenOnce(new RequestBuffers(), 'take') }), get('/a'), 500],
  ['pick of the pool', () => ({ route: new Nodes(brokenOnce(new Pool([{ nodes: [new Node({ kind: 'app' })] }], 1000), 'pick')) }), get('/a'), 500],
  [
    'take of the body budget',
    () => ({ bodyBudget: brokenOnce(new BodyBudget(1e8), 'take') }),
    `${request('POST', '/a', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n\r\n`,
    500,
  ],
  // The answer of our own cannot be made either.
  ['line of dates', () => ({ dates: brokenOnce(new DateLine(), 'line') }), 'BAD\r\n\r\n', 'cut'],
];

for (const [title, change, text, expected] of SERVICE_PARTS) {
  test(`an exception in ${title} of a service`, { timeout: 20_000 }, async () => {
    await using gate = await startFaulty(null, change());
    await using client = await gate.connect();
    client.write(text);
    assert.equal(await gets(client), expected);
    assert.equal(gate.thrown.length, 1);
    await using other = await gate.connect();
    await isWell(gate, other, client);
  });
}

test('a log that throws costs nobody an answer, nor the process its life', { timeout: 20_000 }, async () => {
  let calls = 0;
  const log = new Log(() => {
    calls++;
    throw new Error('injected into the log');
  });
  await using gate = await startFaulty(null, { log });
  await using other = await gate.connect();
  for (let i = 0; i < 5; i++) {
    await using bad = await gate.connect();
    bad.write('BAD\r\n\r\n');
    assert.equal(await gets(bad), 400);
    // Longer than a log waits to write.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  // So many lines that they are written at once, in the middle of an event.
  const many = Array.from({ length: 1000 }, () => log.error('x'.repeat(100)));
  assert.equal(many.length, 1000);
  await waitFor('the sink to be called', () => calls > 3);
  assert.equal((await other.request(get('/good'))).status, 200);
  log.flush();
});

test('an exception in what is told of exceptions costs one connection and no other', { timeout: 20_000 }, async () => {
  const failed = (): void => {
    throw new Error('injected into failed');
  };
  const silent = console.error;
  console.error = () => {};
  try {
    await using gate = await startFaulty('open', { failed });
    await using other = await gate.connect();
    await using client = await gate.connect();
    client.write(get('/bad'));
    assert.equal(await gets(client), 'cut');
    await isWell(gate, other, client);
  } finally {
    console.error = silent;
  }
});
