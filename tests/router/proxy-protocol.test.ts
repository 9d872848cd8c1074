/** The PROXY protocol and stud's prefix in front of requests: who the client is, and whom one believes. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { peerAddress, UNIX_PEER } from '../../src/net/peer.ts';
import { writeProxyHeader } from '../../src/net/proxy-protocol.ts';
import type { Settings } from '../../src/options/read-config.ts';
import { startHaproxy } from '../peers/haproxy.ts';
import { curl } from '../support/curl.ts';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest, python } from '../support/peers.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { isWithin, sleep } from '../support/wait.ts';
import { get, request, startGate, withBackend } from './support.ts';
import { tellsClient } from './tells-client.ts';

const ON = { 'http-enable-proxy-protocol': true };
const LINE = 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n';
const CLIENT = '203.0.113.7 4711 -';
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

/** A router whose node answers with what it was told of the client. */
const behind = (settings: Settings = {}) => withBackend(tellsClient, { ...ON, ...settings });
const binary = (version: 1 | 2, source: string, port: number): Uint8Array =>
  writeProxyHeader(version, peerAddress(source, port), peerAddress('192.0.2.1', 443));

test('a header tells the client of all requests of its connection', { timeout: 20_000 }, async () => {
  await using rig = await behind();
  for (const [header, client] of [
    [LINE, CLIENT],
    [binary(2, '203.0.113.7', 4711), CLIENT],
    [binary(1, '2001:db8::7', 1), '2001:db8::7 1 -'],
    [binary(2, '2001:db8::7', 65535), '2001:db8::7 65535 -'],
  ] as const) {
    await using connection = await rig.gate.connect();
    connection.write(header);
    for (let i = 0; i < 3; i++) assert.equal((await connection.request(get(`/${i}`))).text(), client);
    // Pipelined, with bodies between.
    connection.write(
      `${request('POST', '/', 'Content-Length: 3')}abc${get()}${request('POST', '/', 'Transfer-Encoding: chunked')}1\r\na\r\n0\r\n\r\n`,
    );
    for (let i = 0; i < 3; i++) assert.equal((await connection.readResponse()).text(), client);
  }
  assert.deepEqual(rig.backend.errors, []);
});

test('where a header names nobody, and without one, it is the peer', { timeout: 20_000 }, async () => {
  await using rig = await behind();
  for (const header of ['', 'PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', writeProxyHeader(2, UNIX_PEER, UNIX_PEER)]) {
    await using connection = await rig.gate.connect();
    connection.write(header);
    for (let i = 0; i < 2; i++) assert.equal((await connection.request(get())).text(), `127.0.0.1 ${connection.localPort} -`);
  }
});

test('a header may come in any pieces', { timeout: 20_000 }, async () => {
  await using rig = await behind();
  for (const header of [LINE, String.fromCharCode(...binary(2, '203.0.113.7', 4711)), '\r\n', 'PROXY UNKNOWN\r\n']) {
    const bytes = header + get();
    const client = header.includes('UNKNOWN') || header === '\r\n' ? null : CLIENT;
    const tries = Array.from({ length: header.length + 3 }, async (_, at) => {
      await using connection = await rig.gate.connect();
      await connection.flush(bytes.slice(0, at));
      await sleep(30);
      connection.write(bytes.slice(at));
      assert.equal((await connection.readResponse()).text(), client ?? `127.0.0.1 ${connection.localPort} -`, `${JSON.stringify(header)} at ${at}`);
    });
    await Promise.all(tries);
    await using connection = await rig.gate.connect();
    for (const byte of bytes) {
      await connection.flush(byte);
      await sleep(1);
    }
    assert.equal((await connection.readResponse()).text(), client ?? `127.0.0.1 ${connection.localPort} -`);
  }
});

test('a later header may repeat who it is, and not tell another', { timeout: 20_000 }, async () => {
  await using rig = await behind();
  const other = 'PROXY TCP4 6.6.6.6 192.0.2.1 1 443\r\n';
  await using same = await rig.gate.connect();
  // As uWSGI takes it: before each request.
  same.write(`${LINE}${get()}${LINE}${get()}`);
  for (let i = 0; i < 2; i++) assert.equal((await same.readResponse()).text(), CLIENT);
  assert.equal((await same.request(`PROXY UNKNOWN\r\n${get()}`)).text(), CLIENT);
  assert.equal((await same.request(get())).text(), CLIENT);
  // What a client behind a proxy that only passes bytes on could write.
  for (const forged of [other, String.fromCharCode(...binary(2, '6.6.6.6', 1)), String.fromCharCode(...binary(2, '2001:db8::6', 1))]) {
    for (const first of [LINE, 'PROXY UNKNOWN\r\n']) {
      await using connection = await rig.gate.connect();
      assert.equal((await connection.request(`${first}${get()}`)).status, 200);
      const refused = await connection.request(`${forged}${get()}`);
      assert.equal(refused.status, 400);
      assert.match(refused.text(), /bad-proxy-header/);
      connection.end();
      assert.equal((await connection.readToEnd()).length, 0);
    }
  }
  await rig.gate.logged(/a later PROXY header .* tells of another client.* code=bad-proxy-header .*client=203\.0\.113\.7:4711/);
  // Nor a second one in a row.
  await using twice = await rig.gate.connect();
  assert.equal((await twice.request(`${LINE}${other}${get()}`)).status, 400);
  assert.equal(rig.backend.requests.filter(({ vars }) => vars.get('REMOTE_ADDR')?.includes('6')).length, 0);
});

test('what is malformed is refused', { timeout: 20_000 }, async () => {
  await using rig = await behind();
  for (const header of [
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n',
    'PROXY TCP9 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY /path HTTP/1.1\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
    `${SIGNATURE}\x11\x11\0\x0c`,
    `${SIGNATURE}\x21\x11\xff\xff`,
  ]) {
    const refused = await exchange(rig.gate.targets[0], header + get());
    assert.equal(refused.status, 400, JSON.stringify(header));
    assert.equal(refused.text(), '400 Bad Request: bad-proxy-header\n');
    assert.equal(refused.header('connection'), 'close');
  }
  await rig.gate.logged(/the PROXY line ends with CRLF, not with LF alone code=bad-proxy-header .*client=127\.0\.0\.1:\d+/);
  assert.equal(rig.backend.requests.length, 0);
});

test('who may not send one is refused with a hint; unix peers and any may', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using rig = await behind({ 'http-proxy-from': '192.0.2.0/24', http: ['127.0.0.1:0', folder.file('a.sock')] });
  const [tcp, unix] = rig.gate.targets;
  for (const header of [LINE, binary(2, '203.0.113.7', 4711)]) {
    await using refused = await RawClient.connect(tcp);
    refused.write(header);
    refused.write(get());
    assert.equal((await refused.readResponse()).text(), '400 Bad Request: proxy-not-trusted\n');
    await using believed = await RawClient.connect(unix);
    believed.write(header);
    for (let i = 0; i < 2; i++) assert.equal((await believed.request(get())).text(), CLIENT);
  }
  await rig.gate.logged(/name it in http-proxy-from code=proxy-not-trusted .*client=127\.0\.0\.1:\d+/);
  // Without a header all are served as they are.
  assert.match((await exchange(tcp, get())).text(), /^127\.0\.0\.1 \d+ -$/);
  assert.equal((await exchange(unix, get())).text(), '0.0.0.0 0 -');
  await using anyone = await behind({ 'http-proxy-from': 'any' });
  assert.equal((await exchange(anyone.gate.targets[0], LINE + get())).text(), CLIENT);
});

test('with the option off a header is no request', { timeout: 20_000 }, async () => {
  await using rig = await withBackend(tellsClient);
  for (const header of [LINE, SIGNATURE]) {
    const refused = await exchange(rig.gate.targets[0], header + get());
    assert.equal(refused.status, 400);
    assert.doesNotMatch(refused.text(), /proxy/);
  }
  assert.equal(rig.backend.requests.length, 0);
});

test('a header that drips is over with the time for a head, on the first request and on later ones', { timeout: 20_000 }, async () => {
  await using rig = await behind({ 'http-headers-timeout': 1, 'http-keepalive': 10 });
  for (const before of ['', `${LINE}${get()}`]) {
    await using connection = await rig.gate.connect();
    if (before !== '') assert.equal((await connection.request(before)).status, 200);
    const started = performance.now();
    for (let i = 0; i < LINE.length && !connection.closed && connection.unread.length === 0; i++) {
      connection.write(LINE.slice(i, i + 1));
      await sleep(100);
    }
    assert.equal((await connection.readResponse()).status, 408);
    assert.ok(isWithin(2500, started));
  }
});

test('what ends in a header: time and clients that leave are told, and who has said nothing is not', { timeout: 20_000 }, async () => {
  await using rig = await behind({ 'http-headers-timeout': 1 });
  await using silent = await rig.gate.connect();
  await using left = await rig.gate.connect();
  await using halfway = await rig.gate.connect();
  await left.flush(LINE.slice(0, 20));
  left.end();
  await rig.gate.logged(/left in the middle of a head code=client-left .*client=127/);
  await halfway.flush(LINE);
  assert.equal((await halfway.readResponse()).status, 408);
  await rig.gate.logged(/code=head-timeout .*client=203\.0\.113\.7:4711/);
  assert.equal((await silent.readToEnd()).length, 0);
  assert.equal(rig.gate.logs.filter((line) => line.includes('client-left')).length, 1);
});

test("stud's prefix: the client it names, over https", { timeout: 20_000 }, async () => {
  await using rig = await withBackend(tellsClient, { 'http-stud-prefix': '127.0.0.1' });
  for (const [prefix, address] of [
    ['\x02\xcb\0\x71\x07', '203.0.113.7'],
    [`\x0a\x20\x01\x0d\xb8${'\0'.repeat(11)}\x07`, '2001:db8::7'],
  ]) {
    for (let at = 0; at <= prefix.length; at++) {
      await using connection = await rig.gate.connect();
      await connection.flush(prefix.slice(0, at));
      await sleep(10);
      connection.write(prefix.slice(at));
      for (let i = 0; i < 2; i++) assert.equal((await connection.request(get())).text(), `${address} 0 on`);
    }
  }
  for (const bytes of [get(), '\x03\x01\x02\x03\x04']) {
    const refused = await exchange(rig.gate.targets[0], bytes + get());
    assert.equal(refused.text(), '400 Bad Request: bad-proxy-header\n');
  }
  // Other peers send none.
  await using other = await withBackend(tellsClient, { 'http-stud-prefix': '192.0.2.1' });
  assert.match((await exchange(other.gate.targets[0], get())).text(), /^127\.0\.0\.1 \d+ -$/);
  // Behind stud's prefix stands what the client wrote.
  await using both = await withBackend(tellsClient, { ...ON, 'http-stud-prefix': '127.0.0.1' });
  assert.equal((await exchange(both.gate.targets[0], `\x02\xcb\0\x71\x07${LINE}${get()}`)).text(), '203.0.113.7 0 on');
  const forged = await exchange(both.gate.targets[0], `\x02\x06\x06\x06\x06${LINE}${get()}`);
  assert.equal(forged.text(), '400 Bad Request: bad-proxy-header\n');
});

test('HTTP nodes get who a header tells in X-Forwarded-For', { timeout: 20_000 }, async () => {
  await using backend = await HttpBackend.listen(reply('ok'));
  await using gate = await startGate({ ...ON, 'http-to': backend.address });
  await using connection = await gate.connect();
  connection.write(LINE);
  for (let i = 0; i < 2; i++) assert.equal((await connection.request(get('/', 'X-Forwarded-For: 6.6.6.6'))).text(), 'ok');
  for (const received of backend.requests) assert.equal(received.field('x-forwarded-for'), '6.6.6.6, 203.0.113.7');
});

/** Connects to the port, sends the bytes and resets, all before its caller gets to accept. */
const RESETS = `
import socket, struct, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.sendall(sys.argv[2].encode())
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
s.close()`;

peerTest('a peer that has reset before it is looked at is not taken for a unix peer', { needs: ['uwsgi'] }, async () => {
  const settings = { ...ON, 'http-proxy-from': '192.0.2.0/24', 'http-trusted-proxies': '192.0.2.0/24' };
  await using rig = await behind(settings);
  const leave = (bytes: string): void => {
    const { status, stderr } = spawnSync(python(), ['-c', RESETS, String(rig.gate.port), bytes]);
    assert.equal(status, 0, String(stderr));
  };
  for (let i = 0; i < 5; i++) {
    leave(LINE + get());
    leave(get('/', 'X-Forwarded-For: 6.6.6.6'));
    assert.match((await exchange(rig.gate.targets[0], get())).text(), /^127\.0\.0\.1 /);
  }
  assert.deepEqual(
    rig.gate.logs.filter((line) => /unix|203\.0\.113\.7|6\.6\.6\.6/.test(line)),
    [],
  );
  assert.equal(rig.backend.requests.filter(({ vars }) => vars.get('REMOTE_ADDR') !== '127.0.0.1').length, 0);
});

const SENDS = {
  v1: 'send-proxy',
  v2: 'send-proxy-v2',
  tlvs: 'send-proxy-v2 proxy-v2-options crc32c,unique-id',
  ssl: 'send-proxy-v2-ssl-cn',
} as const;

peerTest('HAProxy passes connections on with v1 and v2, TLVs too, to TCP and unix listeners', { needs: ['haproxy'] }, async () => {
  await using folder = temporaryFolder();
  await using rig = await behind({ http: ['127.0.0.1:0', folder.file('a.sock')] });
  const places = Object.entries(SENDS).flatMap(([name, sends]) => [
    [name, `server a 127.0.0.1:${rig.gate.port} ${sends}`],
    [`${name}-unix`, `server a unix@${folder.file('a.sock')} ${sends}`],
  ]);
  await using haproxy = await startHaproxy(
    Object.fromEntries(places.map(([name, server]) => [name, { lines: ['unique-id-format %ci-%cp', server] }])),
  );
  for (const port of Object.values(haproxy.ports)) {
    for (const host of ['127.0.0.1', '::1']) {
      await using connection = await RawClient.connect({ port, host });
      const client = `${host} ${connection.localPort} -`;
      for (let i = 0; i < 3; i++) assert.equal((await connection.request(get(`/${i}`))).text(), client);
      connection.write(get() + get());
      for (let i = 0; i < 2; i++) assert.equal((await connection.readResponse()).text(), client);
      // The bytes are the client's, and HAProxy passes them on.
      assert.equal((await connection.request(`${LINE}${get()}`)).text(), '400 Bad Request: bad-proxy-header\n');
    }
  }
});

peerTest('HAProxy as an HTTP proxy: one header for each client, whatever its connections carry', { needs: ['haproxy'] }, async () => {
  await using rig = await behind();
  const server = `server a 127.0.0.1:${rig.gate.port}`;
  await using haproxy = await startHaproxy({
    v1: { lines: ['mode http', 'http-reuse always', `${server} send-proxy`] },
    // Checks send a header and leave.
    v2: { lines: ['mode http', 'http-reuse always', `${server} send-proxy-v2 check inter 100`] },
  });
  for (const port of Object.values(haproxy.ports)) {
    const clients = Array.from({ length: 5 }, () => RawClient.connect({ port }));
    for (const connecting of clients) {
      const connection = await connecting;
      for (let i = 0; i < 3; i++) assert.equal((await connection.request(get())).text(), `127.0.0.1 ${connection.localPort} -`);
    }
    for (const connecting of clients) (await connecting).destroy();
  }
  assert.deepEqual(
    rig.gate.logs.filter((line) => /refused|proxy|400|408/.test(line)),
    [],
  );
});

peerTest('curl sends v1', { needs: ['curl'] }, async () => {
  await using rig = await behind();
  const { body, status } = await curl(['--haproxy-protocol', `http://127.0.0.1:${rig.gate.port}/`]);
  assert.equal(status, 200);
  assert.match(body, /^127\.0\.0\.1 \d+ -$/);
});
