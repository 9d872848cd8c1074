/** Persistent uwsgi: real uWSGI workers on a `puwsgi-socket`, and scripted ones. */

import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { startUwsgi } from '../peers/uwsgi.ts';
import { get, request, startGate } from '../router/support.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { answer, readPacket, UwsgiBackend } from '../support/uwsgi-backend.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Scripted extends AsyncDisposable {
  readonly path: string;
  /** `connection path`, for each packet. */
  readonly packets: string[];
  answer: (turn: number, socket: Socket) => void;
}

/** Reads packet after packet on each connection. */
async function startScripted(path: string): Promise<Scripted> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const scripted = { path, packets: [] as string[], answer: (_: number, socket: Socket): void => void socket.write(OK) };
  const server = createServer((socket) => {
    const connection = connections++;
    let bytes = Buffer.alloc(0);
    let turn = 0;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more]);
      for (let packet = readPacket(bytes); packet !== null; packet = readPacket(bytes)) {
        bytes = bytes.subarray(packet.packet.length);
        scripted.packets.push(`${connection} ${packet.modifier1} ${packet.vars.get('REQUEST_URI')}`);
        scripted.answer(turn++, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return Object.assign(scripted, {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

/** Counts connections on their way to another socket. */
async function startRelay(path: string, to: string, counted: () => void): Promise<{ path: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    counted();
    const onwards = connect(to);
    for (const each of [socket, onwards]) {
      sockets.add(each);
      each.on('error', () => {});
    }
    socket.pipe(onwards).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

test('packets follow each other on one connection; bodies go to the plain address, and free a worker', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using node = await startScripted(folder.file('p.sock'));
  await using plain = await UwsgiBackend.listen(answer('plain'));
  await using gate = await startGate({ 'http-to': `puwsgi:${node.path},uwsgi=${plain.address},modifier1=7` });
  await using client = await gate.connect();
  for (let i = 0; i < 3; i++) assert.equal((await client.request(get(`/${i}`))).text(), 'ok');
  client.write(`${request('POST', '/body', 'Content-Length: 3')}abc`);
  assert.equal((await client.readResponse()).text(), 'plain');
  assert.equal((await client.request(request('POST', '/none', 'Content-Length: 0'))).text(), 'ok');
  client.write(`${request('POST', '/chunks', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`);
  assert.equal((await client.readResponse()).text(), 'plain');
  assert.deepEqual(node.packets, ['0 7 /0', '0 7 /1', '0 7 /2', '1 7 /none']);
  assert.deepEqual(
    plain.requests.map(({ modifier1, vars }) => `${modifier1} ${vars.get('CONTENT_LENGTH')}`),
    ['7 3', '7 3'],
  );
});

test('without a plain address a body is 503 with a code; http-modifier1 goes before the node’s', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using node = await startScripted(folder.file('p.sock'));
  await using gate = await startGate({ 'http-to': `puwsgi:${node.path},modifier1=7`, 'http-modifier1': 9 });
  await using client = await gate.connect();
  client.write(`${request('POST', '/', 'Content-Length: 3')}abc`);
  assert.match((await client.readResponse()).text(), /^503 .*: no-plain-address\n$/);
  await using next = await gate.connect();
  assert.equal((await next.request(get('/a'))).text(), 'ok');
  assert.deepEqual(node.packets, ['0 9 /a']);
});

test('an answer without a length ends its connection; a stale one costs nobody an answer', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using node = await startScripted(folder.file('p.sock'));
  await using gate = await startGate({ 'http-to': `puwsgi:${node.path}` });
  await using client = await gate.connect();
  node.answer = (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil close');
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get())).text(), 'until close');
  assert.deepEqual(node.packets, ['0 0 /', '1 0 /']);
  node.answer = (turn, socket) => void (turn === 0 ? socket.write(OK) : socket.end());
  for (let i = 0; i < 2; i++) assert.equal((await client.request(get('/again'))).text(), 'ok');
  assert.deepEqual(node.packets.slice(2), ['2 0 /again', '2 0 /again', '3 0 /again']);
});

peerTest('real uWSGI on a puwsgi-socket: idle connections keep no worker from what waits', { needs: ['uwsgi', 'flask'] }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('p.sock');
  await using uwsgi = await startUwsgi({ app: 'flask', processes: 2, args: ['--puwsgi-socket', path] });
  await using gate = await startGate({ 'http-to': `puwsgi:${path},uwsgi=${uwsgi.address}` });
  const started = performance.now();
  const clients = Array.from({ length: 12 }, async (_, client) => {
    await using connection = await gate.connect();
    for (let i = 0; i < 5; i++) {
      if ((client + i) % 3 === 0) {
        connection.write(`${request('POST', '/echo', 'Content-Length: 5')}hello`);
        assert.equal((await connection.readResponse()).text(), 'hello');
      } else assert.equal((await connection.request(get('/'))).text(), 'hello from flask\n');
    }
  });
  await Promise.all(clients);
  const took = performance.now() - started;
  // An idle connection would have kept its worker for 4 s.
  assert.ok(took < 3900, `it took ${took} ms`);
  assert.deepEqual(gate.logs, []);
});

peerTest(
  'real uWSGI on a puwsgi-socket: requests without a body share a connection, others go to the plain socket',
  { needs: ['uwsgi', 'flask'] },
  async () => {
    await using folder = temporaryFolder();
    const path = folder.file('p.sock');
    await using uwsgi = await startUwsgi({ app: 'flask', processes: 1, args: ['--puwsgi-socket', path] });
    let connections = 0;
    await using relay = await startRelay(folder.file('r.sock'), path, () => connections++);
    await using gate = await startGate({ 'http-to': `puwsgi:${relay.path},uwsgi=${uwsgi.address}` });
    await using client = await gate.connect();
    for (let i = 0; i < 5; i++) assert.equal((await client.request(get('/'))).text(), 'hello from flask\n');
    assert.equal(connections, 1);
    client.write(`${request('POST', '/echo', 'Content-Length: 5')}hello`);
    assert.equal((await client.readResponse({ milliseconds: 3500 })).text(), 'hello');
    for (let i = 0; i < 5; i++) assert.equal((await client.request(get('/'))).text(), 'hello from flask\n');
    assert.equal(connections, 2);
  },
);
