import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createRouter, defineConfig } from '../../mod.ts';
import { VERSION } from '../../src/main/version.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle } from '../support/wait.ts';

test('a program can run a router of its own', async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  const lines: string[] = [];
  const server = await createRouter(defineConfig({ http: '127.0.0.1:0', 'http-to': [backend.address] }), { sink: (text) => lines.push(text) });
  const [address] = server.addresses;
  assert.ok(address.kind === 'tcp' && address.port > 0);
  await using client = await RawClient.connect({ port: address.port });
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).text(), 'ok');
  await server.stop();
  assert.equal((await client.readToEnd()).length, 0);
});

test('a program can answer requests itself, and names no module in its config', async () => {
  const server = await createRouter(defineConfig({ http: '127.0.0.1:0' }), {
    sink: () => {},
    app: (request, { remoteAddress }) => new Response(`${new URL(request.url).pathname} for ${remoteAddress}`),
  });
  const [address] = server.addresses;
  assert.ok(address.kind === 'tcp');
  await using client = await RawClient.connect({ port: address.port });
  assert.equal((await client.request('GET /x HTTP/1.1\r\nHost: a\r\n\r\n')).text(), '/x for 127.0.0.1');
  await server.stop();
  await assert.rejects(createRouter(defineConfig({ http: '127.0.0.1:0', module: 'app.ts' })), /give createRouter the handler/);
});

test('a program gets every fault of its config at once', () => {
  const wrong = { http: '8080', 'http-timeout': 'soon' };
  assert.throws(
    () => defineConfig(wrong),
    ({ message }: Error) => /:8080/.test(message) && /soon/.test(message),
  );
});

test('a listener that cannot be had is told, and what was opened before it is closed again', async () => {
  const first = await createRouter(defineConfig({ http: '127.0.0.1:0' }), { sink: () => {} });
  const [taken] = first.addresses;
  assert.ok(taken.kind === 'tcp');
  await assert.rejects(createRouter(defineConfig({ http: ['127.0.0.1:0', `127.0.0.1:${taken.port}`] }), { sink: () => {} }), /in use/);
  await first.stop();
  // Deno lets go of a listener a turn later.
  await settle();
  const again = await createRouter(defineConfig({ http: `127.0.0.1:${taken.port}` }), { sink: () => {} });
  await again.stop();
});

test('package.json has the version that --version tells', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal(version, VERSION);
});
