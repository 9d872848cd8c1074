/** How many writes a request takes: each is a system call, and a packet of its own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latin1 } from '../../src/http1/bytes.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { Node } from '../../src/pool/node.ts';
import type { Upstream, UpstreamExchange } from '../../src/router/upstream.ts';
import type { Connection, ConnectionHandlers } from '../../src/runtime/seam/sockets.ts';
import type { Runtime } from '../../src/runtime/seam.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { HttpUpstreams } from '../../src/upstream/http.ts';
import { bytesOf } from '../http1/support.ts';
import { idleConnection, PEER } from '../support/idle-connection.ts';

const ADDRESS = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const;
const SETTINGS = { idle: 4000, connections: 8, trustsForwarded: false, sendsForwarded: false, passesChunks: false, proxyProtocol: 0 } as const;

/** Sockets that only take notes. */
class Sockets {
  readonly writes: string[] = [];
  opened = 0;
  answer: (text: string) => void = () => {};

  readonly runtime = {
    connect: <Owner>(_to: unknown, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner> => {
      this.opened++;
      const write = (bytes: Uint8Array, start = 0, end = bytes.length): boolean => this.writes.push(latin1(bytes, start, end)) > 0;
      const connection = idleConnection(owner, { write });
      this.answer = (text) => handlers.data(connection, bytesOf(text));
      queueMicrotask(() => handlers.open(connection));
      return connection;
    },
  } as unknown as Runtime;
}

/** Puts one request through, its body given in pieces as a client's events would, and answers it. Returns the writes. */
async function put(http: HttpUpstreams, sockets: Sockets, node: Node, text: string, ...pieces: string[]): Promise<string[]> {
  const request = new RequestHead();
  const bytes = bytesOf(text);
  assert.equal(request.parse(bytes, bytes.length, true), PARSE.complete);
  sockets.writes.length = 0;
  let upstream: Upstream | null = null;
  let connected = false;
  const [first] = pieces;
  const exchange = {
    request,
    bodyLength: -1,
    isDone: false,
    client: { remote: PEER, peer: PEER, local: PEER, isSecure: false },
    connected: () => {
      connected = true;
      upstream!.send(first === undefined ? null : bytesOf(first));
    },
    head: () => {},
    body: () => {},
    end: () => {},
    flush: () => {},
    failed: assert.fail,
  } as unknown as UpstreamExchange;
  upstream = http.open(node, ADDRESS, exchange);
  // A body's first bytes are still to come: they must find the head unsent.
  if (pieces.length > 0) assert.notEqual(upstream.isConnected, true);
  if (upstream.isConnected === true) exchange.connected();
  else assert.equal(connected, false, 'connected came inside of open');
  await Promise.resolve();
  assert.ok(connected);
  for (const piece of pieces.slice(1)) upstream.body(bytesOf(piece), 0, piece.length);
  upstream.end();
  const { writes } = sockets;
  sockets.answer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  return [...writes];
}

test('head and first body bytes are one write, each further piece another, on new connections and used ones', async () => {
  const sockets = new Sockets();
  const wheel = new TimerWheel(() => 0, assert.ifError);
  const http = new HttpUpstreams(sockets.runtime, wheel, SETTINGS, assert.ifError);
  const node = new Node({ kind: 'http', address: ADDRESS });
  const head = (line: string, field = ''): string => `${line} / HTTP/1.1\r\nHost: h\r\n${field}\r\n`;
  const large = 'z'.repeat(200_000);
  for (let i = 0; i < 2; i++) {
    assert.equal((await put(http, sockets, node, head('GET'))).length, 1);
    const length = await put(http, sockets, node, head('POST', 'Content-Length: 6\r\n'), 'abc', 'def');
    assert.equal(length.length, 2);
    assert.ok(length[0]?.endsWith('\r\n\r\nabc') && length[1] === 'def');
    const chunked = await put(http, sockets, node, head('POST', 'Transfer-Encoding: chunked\r\n'), 'abc', 'def', large);
    assert.ok(chunked[0]?.endsWith('\r\n\r\n3\r\nabc\r\n'));
    assert.deepEqual(chunked.slice(1), ['3\r\ndef\r\n', '30d40\r\n', large, '\r\n', '0\r\n\r\n']);
  }
  assert.equal(sockets.opened, 1);
  http.stop();
});
