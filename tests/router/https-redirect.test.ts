/** `http-to-https`: where clients are sent, and what becomes of their connection. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../src/options/read-config.ts';
import { curl } from '../support/curl.ts';
import type { HttpResponse } from '../support/http-message.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { answer } from '../support/uwsgi-backend.ts';
import { type Gate, get, request, startGate, withBackend } from './support.ts';

/** Nothing but a listener that redirects. */
const redirecting = (settings: Settings = {}): Promise<Gate> => startGate({ http: [], 'http-to-https': '127.0.0.1:0', ...settings });
const summary = (response: HttpResponse): string => `${response.status} ${response.header('location') ?? response.text().trim()}`;

test('where a request is sent', { timeout: 20_000 }, async () => {
  await using gate = await redirecting({ 'http-to-https': ['127.0.0.1:0', '127.0.0.1:0,8443'] });
  const [plain, ported] = gate.targets;
  const line = (text: string, ...fields: string[]): string => `${[text, ...fields].join('\r\n')}\r\n\r\n`;
  const cases: readonly (readonly [head: string, status: number, location: string])[] = [
    [line('GET / HTTP/1.1', 'Host: a.test'), 301, 'https://a.test/'],
    [line('HEAD /a%20b?c=d&e HTTP/1.1', 'Host: a.test:80'), 301, 'https://a.test/a%20b?c=d&e'],
    [line('GET / HTTP/1.1', 'Host: a.test:'), 301, 'https://a.test/'],
    [line('GET / HTTP/1.1', 'Host: [2001:db8::1]:8080'), 301, 'https://[2001:db8::1]/'],
    [line('GET / HTTP/1.1', 'Host: [::1]'), 301, 'https://[::1]/'],
    [line('GET //evil.test/x HTTP/1.1', 'Host: a.test'), 301, 'https://a.test//evil.test/x'],
    [line('GET http://b.test:81/x?y HTTP/1.1', 'Host: a.test'), 301, 'https://b.test/x?y'],
    [line('GET http://b.test HTTP/1.1', 'Host: a.test'), 301, 'https://b.test/'],
    [line('GET http://b.test?y HTTP/1.0'), 301, 'https://b.test/?y'],
    [line('GET / HTTP/1.0', 'Host: a.test'), 301, 'https://a.test/'],
    [line('OPTIONS * HTTP/1.1', 'Host: a.test'), 308, 'https://a.test/'],
    [line('DELETE /x HTTP/1.1', 'Host: a.test'), 308, 'https://a.test/x'],
    [line('POST /x HTTP/1.1', 'Host: a.test', 'Content-Length: 0'), 308, 'https://a.test/x'],
  ];
  for (const [head, status, location] of cases) {
    const method = head.split(' ')[0];
    assert.equal(summary(await exchange(plain, head, { method })), `${status} ${location}`, head);
    const host = /^https:\/\/(\[.*\]|[^/:?]+)/.exec(location)?.[0] ?? '';
    assert.equal(summary(await exchange(ported, head, { method })), `${status} ${location.replace(host, `${host}:8443`)}`, head);
  }
  const bad = [line('GET / HTTP/1.0'), line('GET / HTTP/1.0', 'Host:'), line('GET / HTTP/1.1'), line('GET / HTTP/1.1', 'Host:')];
  const odd = ['a b', 'a.test/x', 'a@b', 'a:b', 'a:99999', '[::1', 'a.test, b.test', '"', ':80'].map((host) =>
    line('GET / HTTP/1.1', `Host: ${host}`),
  );
  for (const head of [...bad, ...odd, line('GET / HTTP/1.1', 'Host: a', 'Host: b')]) {
    await using client = await RawClient.connect(plain);
    const refused = await client.request(head);
    assert.equal(refused.status, 400, head);
    assert.equal(refused.header('location'), null);
    assert.equal(refused.header('connection'), 'close');
    client.end();
    assert.equal((await client.readToEnd()).length, 0);
  }
});

test('the connection is kept, for pipelined requests too', { timeout: 20_000 }, async () => {
  await using gate = await redirecting();
  await using client = await gate.connect();
  for (let i = 0; i < 3; i++) {
    const response = await client.request(get(`/${i}`));
    assert.equal(summary(response), `301 https://test/${i}`);
    assert.equal(response.header('connection'), null);
    assert.equal(response.header('content-length'), '0');
    assert.match(response.header('date') ?? '', /GMT$/);
  }
  client.write(Array.from({ length: 50 }, (_, i) => request(i % 2 === 0 ? 'GET' : 'PUT', `/${i}`)).join(''));
  for (let i = 0; i < 50; i++) assert.equal(summary(await client.readResponse()), `${i % 2 === 0 ? 301 : 308} https://test/${i}`);
  const old = await client.request('GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n');
  assert.equal(old.header('connection'), 'keep-alive');
  const last = await client.request(get('/', 'Connection: close'));
  assert.equal(last.header('connection'), 'close');
  await client.readToEnd();
  await using off = await redirecting({ 'http-keepalive': 0 });
  assert.equal((await exchange(off.targets[0], get())).header('connection'), 'close');
});

test('a body is not waited for: the answer is read, whatever of it comes', { timeout: 20_000 }, async () => {
  await using gate = await redirecting();
  for (const [head, body] of [
    [request('POST', '/up', 'Content-Length: 5000000'), 'x'.repeat(5_000_000)],
    [request('POST', '/up', 'Content-Length: 5', 'Expect: 100-continue'), ''],
    [request('POST', '/up', 'Transfer-Encoding: chunked'), `3\r\nabc\r\n0\r\n\r\n${get('/next')}`],
  ] as const) {
    await using client = await gate.connect();
    client.write(head);
    client.write(body);
    const response = await client.readResponse({ interim: true });
    assert.equal(summary(response), '308 https://test/up');
    assert.equal(response.header('connection'), 'close');
    client.end();
    assert.equal((await client.readToEnd()).length, 0);
    assert.equal(client.error, null);
  }
});

test('settings for what is passed on change nothing', { timeout: 20_000 }, async () => {
  await using gate = await redirecting({ 'http-raw-body': true, 'http-manage-source': true, 'http-post-buffering': 1000, 'http-to': '127.0.0.1:9' });
  await using client = await gate.connect();
  for (const method of ['GET', 'SOURCE', 'PUT']) assert.match(summary(await client.request(request(method, '/'))), /^30[18] https:\/\/test\/$/);
  assert.equal(summary(await client.request(request('POST', '/', 'Content-Length: 3')).finally(() => client.write('abc'))), '308 https://test/');
});

test('beside others, each with its own port, on unix sockets, and behind PROXY headers', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  await using rig = await withBackend(answer('served'), {
    http: ['127.0.0.1:0', folder.file('a.sock')],
    'http-to-https': ['127.0.0.1:0', `${folder.file('b.sock')},8443`],
    'http-enable-proxy-protocol': true,
  });
  const told: string[] = [];
  for (const target of rig.gate.targets) {
    await using client = await RawClient.connect(target);
    client.write('PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n');
    for (let i = 0; i < 2; i++) told.push(summary(await client.request(get('/x'))));
  }
  const expected = ['200 served', '200 served', '301 https://test/x', '301 https://test:8443/x'];
  assert.deepEqual(
    told,
    expected.flatMap((one) => [one, one]),
  );
  assert.deepEqual(
    rig.backend.requests.map(({ vars }) => vars.get('REMOTE_ADDR')),
    Array(4).fill('203.0.113.7'),
  );
});

peerTest('curl takes the Location as it is meant', { needs: ['curl'] }, async () => {
  await using gate = await redirecting({ 'http-to-https': '127.0.0.1:0,8443' });
  const url = `http://127.0.0.1:${gate.port}/a%20b?c=%2f`;
  const asked = await curl(['-w', '\n%{redirect_url}', url]);
  assert.equal(asked.status, 301);
  assert.match(asked.stdout, /\nhttps:\/\/127\.0\.0\.1:8443\/a%20b\?c=%2f$/);
  // -L goes there, where nobody listens.
  const followed = await curl(['-L', '--connect-to', `127.0.0.1:8443:127.0.0.1:${gate.port}`, '-d', 'body', '-v', url]);
  assert.match(followed.stderr, /Issue another request to this URL: 'https:\/\/127\.0\.0\.1:8443\/a%20b\?c=%2f'/);
  assert.equal(followed.code, 35, followed.stderr);
});
