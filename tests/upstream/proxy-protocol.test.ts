/** `http-backend-proxy-protocol`: HTTP nodes learn the client from their connection, which belongs to that client alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHaproxy } from '../peers/haproxy.ts';
import { get, startGate } from '../router/support.ts';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { peerTest } from '../support/peers.ts';
import type { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { startNginx } from './peers.ts';

const VERSIONS = ['v1', 'v2'] as const;

peerTest('nginx learns the client, one to a connection', { needs: ['nginx'] }, async () => {
  await using nginx = await startNginx();
  for (const version of VERSIONS) {
    await using gate = await startGate({
      'http-to': nginx.proxied,
      'http-backend-proxy-protocol': version,
      'http-enable-proxy-protocol': true,
      'http-trusted-proxies': '203.0.113.0/24',
    });
    const connections = new Set<string>();
    let asked = 0;
    const ask = async (client: RawClient, opening = '', ...fields: string[]): Promise<string> => {
      const response = await client.request(opening + get('/', ...fields));
      assert.equal(response.status, 200);
      const [address, port, serverPort, connection, ...rest] = response.text().split(' ');
      connections.add(connection ?? '');
      asked++;
      return [address, port, serverPort, ...rest].join(' ');
    };
    await using first = await gate.connect();
    await using second = await gate.connect();
    for (let i = 0; i < 3; i++) {
      for (const client of [first, second]) assert.equal(await ask(client), `127.0.0.1 ${client.localPort} ${gate.port} 127.0.0.1`);
    }
    const opened = async (opening: string, ...fields: string[]): Promise<string> => {
      await using client = await gate.connect();
      return await ask(client, opening, ...fields);
    };
    assert.equal(await opened('PROXY TCP4 192.0.2.7 192.0.2.1 99 81\r\n'), '192.0.2.7 99 81 192.0.2.7');
    assert.equal(await opened('PROXY TCP6 2001:db8::7 2001:db8::1 99 81\r\n'), '2001:db8::7 99 81 2001:db8::7');
    // The client that a trusted proxy tells, and that proxy at the end of the list. nginx has no text for port 0, which is not known.
    const told = await opened('PROXY TCP4 203.0.113.9 192.0.2.1 99 81\r\n', 'X-Forwarded-For: 192.0.2.7');
    assert.equal(told, '192.0.2.7  81 192.0.2.7, 203.0.113.9');
    assert.equal(connections.size, asked);
  }
});

peerTest('HAProxy learns the client too', { needs: ['haproxy'] }, async () => {
  await using haproxy = await startHaproxy({
    node: { bind: 'accept-proxy', lines: ['mode http', 'http-request return status 200 content-type text/plain lf-string "%ci %cp"'] },
  });
  for (const version of VERSIONS) {
    await using gate = await startGate({
      'http-to': `http://127.0.0.1:${haproxy.ports.node}`,
      'http-backend-proxy-protocol': version,
      'http-check': 'path=/',
    });
    for (let i = 0; i < 3; i++) {
      await using client = await gate.connect();
      for (let k = 0; k < 2; k++) assert.equal((await client.request(get())).text(), `127.0.0.1 ${client.localPort}`);
    }
    assert.deepEqual(
      gate.logs.filter((line) => line.includes('node-down')),
      [],
    );
  }
});

test('a node that keeps its connection open does not get another client on it', { timeout: 20_000 }, async () => {
  await using backend = await HttpBackend.listen(reply('ok', 'Keep-Alive: timeout=60'));
  const openings: string[] = [];
  backend.accepted = (socket) => {
    // The header is taken off; the rest is for the backend to read.
    const [read] = socket.listeners('data') as ((bytes: Buffer) => void)[];
    socket.removeAllListeners('data');
    socket.once('data', (bytes: Buffer) => {
      const end = bytes.indexOf('\r\n') + 2;
      openings.push(bytes.toString('latin1', 0, end));
      socket.on('data', read ?? (() => {}));
      read?.(bytes.subarray(end));
    });
  };
  await using gate = await startGate({ 'http-to': backend.address, 'http-backend-proxy-protocol': 'v1' });
  for (let i = 0; i < 3; i++) {
    await using client = await gate.connect();
    for (let k = 0; k < 2; k++) assert.equal((await client.request(get())).text(), 'ok');
    const own = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.localPort} ${gate.port}\r\n`;
    assert.deepEqual(openings.splice(0), [own, own]);
  }
  assert.equal(backend.requests[0]?.field('connection'), 'close');
  await waitFor('all to be closed', () => backend.closed === backend.connections);
  assert.deepEqual(backend.errors, []);
});
