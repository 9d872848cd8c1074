/** `http-raw-target`: targets with bytes and percent signs that RFC 3986 wants escaped. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../../src/main/serve.ts';
import { buildConfig } from '../../src/options/read-config.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { HttpBackend, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, type RecordedRequest, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { startGate } from './support.ts';

/** One character a byte. */
const send = async (client: RawClient, target: string): Promise<number> => {
  client.write(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1'));
  return (await client.readResponse()).status;
};
const VARS = ['PATH_INFO', 'QUERY_STRING', 'REQUEST_URI'];
const varsOf = ({ vars }: RecordedRequest): (string | undefined)[] => VARS.map((name) => vars.get(name));
const CAFE = '/caf\xc3\xa9?q=\xe9\xff';
const RAW = { 'http-raw-target': 'true' };

test('N18: raw bytes and a lone % reach a uwsgi node as they came, and what could be taken for an end does not', async () => {
  await using node = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': node.address, ...RAW });
  const good: [target: string, path: string][] = [
    [CAFE, '/caf\xc3\xa9'],
    ['/\x80\x85\xa0\xff', '/\x80\x85\xa0\xff'],
    ['/100%', '/100%'],
    ['/a%zz', '/a%zz'],
    ['/50%/../%', '/%'],
    ['/%%41%c3%A9', '/%A\xc3\xa9'],
    ['/%2e%2e/\xe9', '/\xe9'],
  ];
  for (const [index, [target, path]] of good.entries()) {
    await using client = await gate.connect();
    assert.equal(await send(client, target), 200, target);
    assert.deepEqual(varsOf(await node.request(index)), [path, target.split('?')[1] ?? '', target]);
  }
  for (const target of ['/a%00', '/a\x7fb', '/a\x00b', '/a b', '/a\tb', '/a\x0bb', '/a\x1fb', '/a#b', 'http://caf\xc3\xa9/', '\xc3\xa9']) {
    await using client = await gate.connect();
    assert.equal(await send(client, target), 400, target);
  }
  assert.equal(node.requests.length, good.length);
});

test('N18: byte by byte it is the same request', async () => {
  await using node = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': node.address, ...RAW });
  await using client = await gate.connect();
  for (const byte of Buffer.from(`GET ${CAFE} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1')) {
    client.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(varsOf(await node.request(0)), ['/caf\xc3\xa9', 'q=\xe9\xff', CAFE]);
});

test('N18: an HTTP node gets the bytes escaped', async () => {
  await using node = await HttpBackend.listen(reply('ok'));
  await using gate = await startGate({ 'http-to': `http://${node.address.replace(/^http:\/\//, '')}`, ...RAW });
  await using client = await gate.connect();
  assert.equal(await send(client, CAFE), 200);
  assert.equal(await send(client, `/${'\xe9'.repeat(16_000)}`), 200);
  assert.equal(node.requests[0]?.target, '/caf%C3%A9?q=%E9%FF');
  assert.equal(node.requests[1]?.target, `/${'%E9'.repeat(16_000)}`);
});

test('N18: a fetch app gets them escaped in its URL', async () => {
  const built = buildConfig({ http: '127.0.0.1:0', ...RAW });
  assert.ok(built.kind === 'config');
  const server = await serve(
    await selectRuntime(),
    built.config,
    () => {},
    (request) => new Response(request.url),
  );
  try {
    const [address] = server.addresses;
    assert.ok(address?.kind === 'tcp');
    await using client = await RawClient.connect({ port: address.port });
    client.write(Buffer.from(`GET /50%/${CAFE.slice(1)} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1'));
    assert.equal((await client.readResponse()).text(), 'http://a/50%/caf%C3%A9?q=%E9%FF');
  } finally {
    server.destroy();
  }
});

test('N18: by default they are 400', async () => {
  await using node = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': node.address });
  for (const target of [CAFE, '/100%', '/a%zz']) {
    await using client = await gate.connect();
    assert.equal(await send(client, target), 400, target);
  }
});

peerTest('N18: raw bytes arrive as by uWSGI’s own router', { needs: ['uwsgi'], timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const socket = folder.file('app.sock');
  await using node = await UwsgiBackend.listen(answer('ok'), socket);
  await using router = await startUwsgiRouter({ to: socket });
  await using gate = await startGate({ 'http-to': socket, ...RAW });
  for (const [index, target] of [CAFE, '/\x80\x85\xa0\xff/x', '/?%', '/%c3\xa9'].entries()) {
    for (const port of [router.port, gate.port]) {
      await using client = await RawClient.connect({ port });
      await send(client, target);
    }
    const [theirs, ours] = [await node.request(2 * index), await node.request(2 * index + 1)];
    assert.deepEqual(varsOf(ours), varsOf(theirs), target);
  }
});
