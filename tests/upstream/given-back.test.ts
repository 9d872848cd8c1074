/** Connections and counts that are given back on every path, also where something broke or was done twice. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { Node } from '../../src/pool/node.ts';
import { makeFront } from '../../src/router/front.ts';
import type { UpstreamExchange } from '../../src/router/upstream.ts';
import type { Connection, ConnectionHandlers } from '../../src/runtime/seam/sockets.ts';
import type { Runtime } from '../../src/runtime/seam.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { PersistentConnections } from '../../src/upstream/persistent.ts';
import { PersistentUpstream } from '../../src/upstream/persistent-upstream.ts';
import { UwsgiUpstreams } from '../../src/upstream/uwsgi.ts';
import { makeVarsTemplate } from '../../src/uwsgi/request-vars.ts';
import { bytesOf } from '../http1/support.ts';
import { idleConnection, PEER } from '../support/idle-connection.ts';
import { DEFAULTS } from '../uwsgi/support.ts';

const ADDRESS = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const;

interface Socket {
  readonly connection: Connection<unknown>;
  readonly handlers: ConnectionHandlers<unknown>;
  isDestroyed: boolean;
}

/** Sockets on which the test is the other side. */
function fakeSockets(): { readonly runtime: Runtime; readonly sockets: Socket[] } {
  const sockets: Socket[] = [];
  const connect = <Owner>(_to: unknown, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner> => {
    const destroy = (): void => {
      socket.isDestroyed = true;
    };
    const connection = idleConnection(owner, { destroy });
    const socket: Socket = { connection: connection as Connection<unknown>, handlers: handlers as ConnectionHandlers<unknown>, isDestroyed: false };
    sockets.push(socket);
    return connection;
  };
  return { runtime: { connect } as unknown as Runtime, sockets };
}

function exchangeFor(text: string): UpstreamExchange & { isDone: boolean } {
  const request = new RequestHead();
  const bytes = bytesOf(text);
  assert.equal(request.parse(bytes, bytes.length, true), PARSE.complete);
  const nothing = (): void => {};
  const client = { remote: PEER, peer: PEER, local: PEER, isSecure: false, front: makeFront(0) };
  const events = {
    connected: nothing,
    head: nothing,
    body: nothing,
    end: nothing,
    flush: nothing,
    trailers: nothing,
    crashed: nothing,
    failed: assert.fail,
  };
  return { request, bodyLength: -1, isDone: false, client, ...events } as unknown as UpstreamExchange & { isDone: boolean };
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('B19: a uwsgi connection whose handler throws when its exchange is over is closed', () => {
  const { runtime, sockets } = fakeSockets();
  const wheel = new TimerWheel(() => 0, assert.ifError);
  const thrown: unknown[] = [];
  const uwsgi = new UwsgiUpstreams(runtime, wheel, { modifier1: 0, modifier2: 0, template: () => makeVarsTemplate(DEFAULTS) }, (error) =>
    thrown.push(error),
  );
  const exchange = exchangeFor(GET);
  uwsgi.open(new Node({ kind: 'uwsgi', address: ADDRESS }), ADDRESS, exchange);
  const [socket] = sockets;
  socket!.handlers.open(socket!.connection);
  exchange.isDone = true;
  socket!.handlers.failed!(socket!.connection, new Error('injected'));
  assert.equal(thrown.length, 1);
  assert.ok(socket!.isDestroyed);
});

test('B20: a new connection that is repeated waits once', () => {
  class Bare extends PersistentUpstream {
    send(): boolean {
      return this.connection!.write(bytesOf(GET));
    }
    body(): boolean {
      return true;
    }
    protected endBody(): void {}
  }
  const { runtime, sockets } = fakeSockets();
  const wheel = new TimerWheel(() => 0, assert.ifError);
  const connections = new PersistentConnections(runtime, wheel, { idle: 4000, connections: 8, repeatsUnread: true }, assert.ifError);
  const kept = connections.to(new Node({ kind: 'http', address: ADDRESS }), ADDRESS);
  const upstream = new Bare(connections, kept);
  const exchange = exchangeFor(GET);
  upstream.start(exchange);
  assert.equal(kept.waiting, 1);
  const [first] = sockets;
  first!.handlers.open(first!.connection);
  upstream.end();
  // It had closed before it read the request.
  first!.handlers.close(first!.connection, 'ECONNRESET');
  assert.equal(sockets.length, 2);
  assert.equal(kept.waiting, 1);
  const [, second] = sockets;
  second!.handlers.open(second!.connection);
  second!.handlers.data(second!.connection, bytesOf('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  assert.equal(kept.waiting, 0);
  connections.stop();
});
