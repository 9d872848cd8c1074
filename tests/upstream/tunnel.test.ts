/** Upgrades towards HTTP nodes: after 101 bytes go both ways, and each half ends by itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get } from '../router/support.ts';
import { type HttpScript, reply } from '../support/http-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { withHttpNode } from './support.ts';

const UPGRADE = get('/chat', 'Connection: keep-alive, Upgrade', 'Upgrade: echo', 'Sec-WebSocket-Key: x');
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n';

/** Says 101 and gives back every byte; at the client's FIN says goodbye and ends too. */
const echo: HttpScript = async (_, to) => {
  await to.write(SWITCHED);
  to.socket.on('data', (bytes) => to.socket.write(bytes));
  to.socket.on('end', () => to.socket.end('bye'));
};

test('an upgrade is passed on, its bytes go both ways, and the client’s FIN comes through', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(echo);
  for (let i = 0; i < 2; i++) {
    await using client = await rig.gate.connect();
    client.write(UPGRADE);
    assert.equal((await client.readResponse()).status, 101);
    client.write('hello\r\n\r\n');
    assert.equal((await client.readBytes(9)).toString(), 'hello\r\n\r\n');
    client.end();
    assert.equal((await client.readToEnd()).toString(), 'bye');
  }
  const [received] = rig.backend.requests;
  assert.equal(received?.field('connection'), 'upgrade');
  assert.equal(received?.field('upgrade'), 'echo');
  assert.equal(received?.field('sec-websocket-key'), 'x');
  await waitFor('both tunnels to be closed', () => rig.backend.closed === 2);
  assert.equal(rig.backend.connections, 2);
});

test('the node’s FIN comes through, and the client’s half goes on', { timeout: 20_000 }, async () => {
  let got = '';
  await using rig = await withHttpNode(async (_, to) => {
    await to.write(`${SWITCHED}first`);
    to.socket.on('data', (bytes) => {
      got += bytes.toString();
    });
    to.end();
  });
  await using client = await rig.gate.connect();
  client.write(UPGRADE);
  await client.readUntil('\r\n\r\n');
  assert.equal((await client.readToEnd()).toString(), 'first');
  client.write('still here');
  await waitFor('the node to get it', () => got === 'still here');
  client.end();
  await waitFor('the end', () => rig.backend.closed === 1);
});

test('a client that sends its FIN with the upgrade leaves nothing open behind the node’s end', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(async (_, to) => {
    await sleep(50);
    await to.write(`${SWITCHED}bye`);
    to.end();
  });
  await using client = await rig.gate.connect();
  client.write(UPGRADE);
  client.end();
  assert.match((await client.readToEnd()).toString(), /101 .*bye$/s);
  await waitFor('the end', () => rig.backend.closed === 1);
});

test('a tunnel that breaks off on either side ends on the other', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(echo);
  await using client = await rig.gate.connect();
  client.write(UPGRADE);
  await client.readUntil('\r\n\r\n');
  client.reset();
  await waitFor('the node to be told', () => rig.backend.closed === 1);

  await using other = await rig.gate.connect();
  other.write(UPGRADE);
  await other.readUntil('\r\n\r\n');
  for (const socket of rig.backend.sockets) socket.resetAndDestroy();
  assert.equal((await other.readToEnd()).length, 0);
  await rig.gate.logged(/code=tunnel-broken/);
});

test('a tunnel on a used connection; an upgrade that is declined leaves one that can be used again', { timeout: 20_000 }, async () => {
  await using rig = await withHttpNode(reply('no'));
  await using client = await rig.gate.connect();
  assert.equal((await client.request(get())).text(), 'no');
  await waitFor('it to be idle', () => true);
  rig.backend.script = async (_, to) => {
    await to.write('HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n');
  };
  assert.equal((await client.request(get('/'))).header('upgrade'), 'other');
  rig.backend.script = echo;
  client.write(UPGRADE);
  assert.equal((await client.readResponse()).status, 101);
  client.write('abc');
  assert.equal((await client.readBytes(3)).toString(), 'abc');
  assert.equal(rig.backend.connections, 1);
  assert.equal(rig.backend.requests.length, 3);
});

test('backpressure in a tunnel: eight megabytes to a slow node and back', { timeout: 30_000 }, async () => {
  await using rig = await withHttpNode(async (_, to) => {
    await to.write(SWITCHED);
    to.socket.pause();
    setTimeout(() => to.socket.resume(), 300);
    to.socket.pipe(to.socket);
  });
  await using client = await rig.gate.connect();
  client.write(UPGRADE);
  await client.readUntil('\r\n\r\n');
  const piece = Buffer.alloc(64 * 1024, 'y');
  const sending = (async () => {
    for (let i = 0; i < 128; i++) await client.flush(piece);
    client.end();
  })();
  for (let i = 0; i < 128; i++) assert.ok((await client.readBytes(piece.length)).equals(piece));
  await sending;
  assert.equal((await client.readToEnd()).length, 0);
});
