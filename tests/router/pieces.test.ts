/** What small pieces cost: calls for each event and not for each piece, and each byte copied a bounded number of times. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppBody } from '../../src/app/app-body.ts';
import { AppOutput } from '../../src/app/app-output.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { Node } from '../../src/pool/node.ts';
import type { ClientSession } from '../../src/router/client-session.ts';
import { makeFront } from '../../src/router/front.ts';
import type { UpstreamExchange } from '../../src/router/upstream.ts';
import type { Connection, ConnectionHandlers } from '../../src/runtime/seam/sockets.ts';
import type { Runtime } from '../../src/runtime/seam.ts';
import { SendQueue } from '../../src/runtime/send-queue.ts';
import { HttpUpstreams } from '../../src/upstream/http.ts';
import { bytesOf } from '../http1/support.ts';
import { idleConnection } from '../support/idle-connection.ts';
import { get, request } from './support.ts';
import { Wired } from './wired.ts';

const ADDRESS = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const;
const SETTINGS = { idle: 4000, connections: 8, trustsForwarded: false, sendsForwarded: false, passesChunks: false, proxyProtocol: 0 } as const;
const MANY = 2000;

/** A connection that only takes notes. */
class Notes<Owner> {
  readonly writes: string[] = [];
  readonly connection: Connection<Owner>;

  constructor(owner: Owner) {
    const write = (bytes: Uint8Array, start = 0, end = bytes.length): boolean => this.writes.push(latin1(bytes, start, end)) > 0;
    this.connection = idleConnection(owner, { write });
  }
}

interface Bench extends AsyncDisposable {
  /** What the client is written. */
  readonly client: Notes<ClientSession>;
  /** The connection to the node that was made last. */
  readonly node: Notes<unknown>;
  /** Those that were made so far. */
  readonly connections: readonly Notes<unknown>[];
  /** An event of the client's, or of the node's, with these bytes. */
  fromClient(text: string): void;
  fromNode(text: string): void;
  /** The last connection to the node opens. */
  open(): void;
}

/** A router between one client and one HTTP node, without sockets. */
async function startBench(): Promise<Bench> {
  const connections: Notes<unknown>[] = [];
  const last = (): Notes<unknown> => connections.at(-1)!;
  let events: ConnectionHandlers<unknown> | null = null;
  const runtime = {
    connect: <Owner>(_to: unknown, owner: Owner, handlers: ConnectionHandlers<Owner>) => {
      events = handlers as ConnectionHandlers<unknown>;
      connections.push(new Notes<unknown>(owner));
      return last().connection;
    },
  } as unknown as Runtime;
  const target = new Node({ kind: 'http', address: ADDRESS });
  let http: HttpUpstreams | null = null;
  const wired = await Wired.start([target], { open: (to, exchange) => http!.open(to, ADDRESS, exchange) });
  http = new HttpUpstreams(runtime, wired.parts.wheel, SETTINGS, assert.ifError);
  const client = new Notes<ClientSession>(undefined as never);
  const handlers = wired.router.handlers(makeFront(0));
  handlers.open(client.connection);
  return {
    client,
    get node() {
      return last();
    },
    connections,
    fromClient: (text) => handlers.data(client.connection, bytesOf(text)),
    fromNode: (text) => events!.data(last().connection, bytesOf(text)),
    open: () => events!.open(last().connection),
    async [Symbol.asyncDispose]() {
      handlers.close(client.connection, null);
      for (const { connection } of connections) events!.close(connection, null);
      http.stop();
      await wired[Symbol.asyncDispose]();
    },
  };
}

/** How many bytes `work` has copied by the methods that copy many. */
async function copied(work: () => void | Promise<void>): Promise<number> {
  const { set, slice, copyWithin } = Uint8Array.prototype;
  let bytes = 0;
  Uint8Array.prototype.set = function (from, at) {
    bytes += from.length;
    set.call(this, from, at);
  };
  Uint8Array.prototype.slice = function (start, end) {
    const copy = slice.call(this, start, end);
    bytes += copy.length;
    return copy as never;
  };
  Uint8Array.prototype.copyWithin = function (to, start, end) {
    bytes += (end ?? this.length) - start;
    return copyWithin.call(this, to, start, end) as never;
  };
  try {
    await work();
  } finally {
    Object.assign(Uint8Array.prototype, { set, slice, copyWithin });
  }
  return bytes;
}

/** Twice as many pieces copy about twice as many bytes, not four times. */
async function assertLinear(work: (pieces: number) => void | Promise<void>): Promise<void> {
  const once = await copied(() => work(MANY));
  const twice = await copied(() => work(2 * MANY));
  // Buffers that double may be up to twice as full.
  assert.ok(twice <= 3 * once + 1024, `${MANY} pieces copied ${once} bytes, ${2 * MANY} copied ${twice}`);
}

const UPLOAD = request('POST', '/', 'Transfer-Encoding: chunked');

test('B4: chunks of one byte in one event are one write to an HTTP node, in one chunk', async () => {
  await assertLinear(async (pieces) => {
    await using bench = await startBench();
    bench.fromClient(`${UPLOAD}1\r\na\r\n`);
    bench.open();
    assert.equal(bench.node.writes.length, 1);
    bench.fromClient('1\r\nx\r\n'.repeat(pieces));
    bench.fromClient(`1\r\ny\r\n3;ext="1"\r\nabc\r\n0\r\n\r\n`);
    const hex = pieces.toString(16);
    assert.deepEqual(bench.node.writes.slice(1), [`${hex}\r\n${'x'.repeat(pieces)}\r\n`, '4\r\nyabc\r\n', '0\r\n\r\n']);
  });
});

test('B4: small chunks between large ones keep their order', async () => {
  await using bench = await startBench();
  const large = 'L'.repeat(5000);
  bench.fromClient(UPLOAD);
  bench.open();
  bench.fromClient(`1\r\na\r\n1388\r\n${large}\r\n2\r\nbc\r\n1388\r\n${large}\r\n1\r\nd\r\n0\r\n\r\n`);
  assert.equal(bench.node.writes[1], `2714\r\na${large}bc${large}d\r\n`);
});

test('B4: a body that comes by the byte while its node is connected to is copied a bounded number of times', async () => {
  await assertLinear(async (pieces) => {
    await using bench = await startBench();
    bench.fromClient(request('POST', '/', `Content-Length: ${pieces}`));
    for (let i = 0; i < pieces; i++) bench.fromClient('x');
    bench.open();
    assert.ok(bench.node.writes.join('').endsWith(`\r\n\r\n${'x'.repeat(pieces)}`));
    assert.equal(bench.node.writes.length, 1);
  });
});

test('B4: requests that come together are not copied again for each of them', async () => {
  await assertLinear(async (pieces) => {
    await using bench = await startBench();
    bench.fromClient(get('/').repeat(pieces));
    for (let i = 0; i < pieces; i++) {
      bench.open();
      bench.fromNode('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    }
    assert.equal(bench.client.writes.join('').split('HTTP/1.1 200 OK').length - 1, pieces);
    assert.equal(bench.connections.length, pieces);
  });
});

test('B4: a head that comes by the byte is copied a bounded number of times', async () => {
  await assertLinear(async (pieces) => {
    await using bench = await startBench();
    for (const byte of get('/', `X-Long: ${'x'.repeat(pieces)}`)) bench.fromClient(byte);
    bench.open();
    for (const byte of `HTTP/1.1 200 OK\r\nX-Long: ${'y'.repeat(pieces)}\r\nContent-Length: 2\r\n\r\n`) bench.fromNode(byte);
    assert.equal(bench.client.writes.length, 1);
  });
});

test('B4: an answer in chunks of one byte is one write to the client, in one chunk', async () => {
  await assertLinear(async (pieces) => {
    await using bench = await startBench();
    bench.fromClient(get('/'));
    bench.open();
    bench.fromNode(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(pieces)}0\r\n\r\n`);
    assert.equal(bench.client.writes.length, 1);
    assert.ok(bench.client.writes[0]?.endsWith(`\r\n${'x'.repeat(pieces)}\r\n0\r\n\r\n`));
  });
});

test('B4: what comes in front of a fault in the chunks of an answer still reaches the client, of a request nothing goes on', async () => {
  await using bench = await startBench();
  bench.fromClient(get('/'));
  bench.open();
  bench.fromNode('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\nX');
  assert.ok(bench.client.writes.join('').endsWith('3\r\nabc\r\n'));
  await using other = await startBench();
  other.fromClient(`${UPLOAD}`);
  other.open();
  other.fromClient('1\r\na\r\nX');
  assert.equal(other.node.writes.length, 1);
  assert.match(other.client.writes.join(''), /^HTTP\/1\.1 400 /);
});

test('B4: the body of a request to an app is copied a bounded number of times, and what waits is one piece', async () => {
  await assertLinear((pieces) => {
    const body = new AppBody(() => {});
    for (let i = 0; i < pieces; i++) body.write(bytesOf('x'), 0, 1);
    body.end();
    assert.equal(body.whole?.length, pieces);
    assert.equal(body.whole.buffer.byteLength, pieces);
  });
  await assertLinear(async (pieces) => {
    const body = new AppBody(() => {});
    const reader = body.stream.getReader();
    const first = reader.read();
    await Promise.resolve();
    for (let i = 0; i < pieces; i++) body.write(bytesOf('x'), 0, 1);
    body.end();
    let read = (await first).value!.length;
    let reads = 1;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      read += piece.value.length;
      reads++;
    }
    assert.equal(read, pieces);
    assert.ok(reads <= 2, `${reads} pieces`);
  });
});

test('B4: what an app enqueues at once goes out in a few writes, and what it enqueues later is not held back', async () => {
  const written: string[] = [];
  const exchange = {
    isDone: false,
    body: (bytes: Uint8Array, start: number, end: number) => void written.push(latin1(bytes, start, end)),
    flush: () => {},
  };
  const output = new AppOutput(exchange as unknown as UpstreamExchange, assert.ifError);
  const microtasks = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await Promise.resolve();
  };
  for (let i = 0; i < 20_000; i++) {
    output.write(bytesOf('x'));
    if (i % 5 === 0) await microtasks(3);
  }
  await microtasks(20);
  assert.equal(written.join('').length, 20_000);
  assert.ok(written.length <= 3, `${written.length} writes`);
  written.length = 0;
  output.write(bytesOf('small'));
  output.write(bytesOf('L'.repeat(9000)));
  assert.deepEqual(written, ['small', 'L'.repeat(9000)]);
  output.write(bytesOf('late'));
  await microtasks(20);
  assert.equal(written.at(-1), 'late');
  output.write(bytesOf('to nobody'));
  exchange.isDone = true;
  await microtasks(20);
  assert.equal(written.at(-1), 'late');
});

test('B4: what waits for the kernel costs its bytes: no block and no move for each piece', async () => {
  for (const take of [1, 7, 5000]) {
    await assertLinear((pieces) => {
      const queue = new SendQueue();
      const bytes = bytesOf('0123456789');
      for (let i = 0; i < pieces; i++) queue.push(bytes, i % 10, (i % 10) + 1);
      assert.equal(queue.size, pieces);
      let sends = 0;
      let text = '';
      for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
        const count = Math.min(take, chunk.length);
        text += latin1(chunk, 0, count);
        queue.taken(count);
        sends++;
        if (sends % 3 === 0 && sends < 30) queue.push(bytes, 0, 1);
      }
      assert.equal(queue.size, 0);
      assert.ok(text.startsWith('0123456789'.repeat(pieces / 10)));
      if (take === 5000) assert.ok(sends < 20, `${sends} sends`);
    });
  }
});
