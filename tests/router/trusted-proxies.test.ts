/** `http-trusted-proxies`, from the client's bytes to what nodes are told. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../src/options/read-config.ts';
import { HttpBackend, type HttpRequest, reply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient, type Target } from '../support/raw-client.ts';
import { get, startGate, withBackend } from './support.ts';
import { tellsClient } from './tells-client.ts';

const TRUSTED = { 'http-trusted-proxies': '127.0.0.0/8,10.0.0.0/8' };
const STRANGER = { 'http-trusted-proxies': '192.0.2.0/24' };

/** What a uwsgi node is told when a peer sends these fields. */
async function told(settings: Settings, ...fields: string[]): Promise<string> {
  await using rig = await withBackend(tellsClient, settings);
  const response = await exchange(rig.gate.targets[0], get('/', ...fields));
  return response.status === 200 ? response.text() : String(response.status);
}

test('a uwsgi node gets the client that trusted proxies tell', { timeout: 20_000 }, async () => {
  const tells: readonly (readonly [fields: readonly string[], client: string])[] = [
    [['X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3', 'X-Forwarded-Proto: https'], '203.0.113.7 0 on'],
    [['X-Forwarded-For: 203.0.113.7:81', 'X-Forwarded-Proto: http'], '203.0.113.7 81 -'],
    [['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 2001:db8::7'], '2001:db8::7 0 -'],
    [['Forwarded: for=6.6.6.6;proto=http, for="[2001:db8::7]:81";proto=https'], '2001:db8::7 81 on'],
    // A quote that a client left open swallows nothing of what the proxy added.
    [['Forwarded: for="6.6.6.6, for=203.0.113.7;proto=https'], '203.0.113.7 0 on'],
    [['X-Forwarded-For: 10.0.0.9'], '10.0.0.9 0 -'],
    // CGI takes the two spellings for one: the disguised is nobody's.
    [['X-Forwarded-For: 203.0.113.7', 'X_Forwarded_For: 6.6.6.6', 'X_Forwarded_Proto: https'], '203.0.113.7 0 -'],
    // To have a field dropped is to forge its absence.
    [['X-Forwarded-For: 203.0.113.7', 'Connection: x-forwarded-for'], '400'],
    [['Forwarded: for=203.0.113.7', 'Connection: close, Forwarded'], '400'],
  ];
  for (const [fields, client] of tells) assert.equal(await told(TRUSTED, ...fields), client, fields.join(' | '));
  assert.match(await told(TRUSTED, 'X-Forwarded-For: unknown'), /^127\.0\.0\.1 [1-9]\d* -$/);
  assert.match(await told({ ...TRUSTED, 'http-allow-underscore-headers': true }, 'X_Forwarded_For: 6.6.6.6'), /^127\.0\.0\.1 [1-9]\d* -$/);
});

test('each request of a connection has its own client', { timeout: 20_000 }, async () => {
  await using rig = await withBackend(tellsClient, TRUSTED);
  await using proxy = await rig.gate.connect();
  const peer = `127.0.0.1 ${proxy.localPort} -`;
  for (const [field, client] of [
    ['X-Forwarded-For: 203.0.113.7', '203.0.113.7 0 -'],
    ['X-Forwarded-Proto: https', peer.replace('-', 'on')],
    ['Other: x', peer],
    ['X-Forwarded-For: 203.0.113.8', '203.0.113.8 0 -'],
  ]) {
    assert.equal((await proxy.request(get('/', field ?? ''))).text(), client);
  }
  // Whoever broke the next one is not the client of the last.
  assert.equal((await proxy.request('GET / HTTP/1.1\r\nbad\r\n\r\n')).status, 400);
  const line = await rig.gate.logged(/status=400/);
  assert.match(line, new RegExp(`client=127\\.0\\.0\\.1:${proxy.localPort}`));
});

const FIELDS = [
  'Forwarded: for=6.6.6.6;proto=https',
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil',
  'X-Real-IP: 6.6.6.6',
];

test('what others say is dropped; without the option all passes as it came', { timeout: 20_000 }, async () => {
  for (const [settings, passes] of [
    [STRANGER, false],
    [{}, true],
  ] as const) {
    await using rig = await withBackend(tellsClient, settings);
    await using client = await rig.gate.connect();
    assert.equal((await client.request(get('/', ...FIELDS))).text(), `127.0.0.1 ${client.localPort} -`);
    const names = [...(rig.backend.requests[0]?.vars.keys() ?? [])].filter((name) => /FORWARDED|REAL_IP/.test(name)).sort();
    const all = ['HTTP_FORWARDED', 'HTTP_X_FORWARDED_FOR', 'HTTP_X_FORWARDED_HOST', 'HTTP_X_FORWARDED_PROTO', 'HTTP_X_REAL_IP'];
    assert.deepEqual(names, passes ? all : []);
  }
});

test('unix peers are trusted, and PROXY headers say whom else to trust', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const settings = { ...STRANGER, http: ['127.0.0.1:0', folder.file('a.sock')], 'http-enable-proxy-protocol': true };
  await using rig = await withBackend(tellsClient, settings);
  const [tcp, unix] = rig.gate.targets;
  const fields = ['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https'];
  const ask = async (target: Target, opening: string): Promise<string> => {
    await using client = await RawClient.connect(target);
    return (await client.request(opening + get('/', ...fields))).text();
  };
  assert.equal(await ask(unix, ''), '203.0.113.7 0 on');
  for (const target of [tcp, unix]) {
    assert.equal(await ask(target, 'PROXY TCP4 192.0.2.9 192.0.2.1 99 80\r\n'), '203.0.113.7 0 on');
    // The peer is who came to that proxy: not the proxy, and not a unix peer either.
    assert.equal(await ask(target, 'PROXY TCP4 198.51.100.9 192.0.2.1 99 80\r\n'), '198.51.100.9 99 -');
  }
});

/** What an HTTP node is told when a peer sends these fields. */
async function forwarded(settings: Settings, fields: readonly string[], opening = ''): Promise<HttpRequest> {
  await using backend = await HttpBackend.listen(reply('ok'));
  await using gate = await startGate({ 'http-to': backend.address, ...settings });
  await using client = await gate.connect();
  assert.equal((await client.request(opening + get('/', ...fields))).text(), 'ok');
  assert.deepEqual(backend.errors, []);
  return await backend.request();
}

test('HTTP nodes get the peer appended, whoever the client is', { timeout: 20_000 }, async () => {
  const list = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 203.0.113.7, 10.1.2.3', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: site'];
  const trusted = await forwarded(TRUSTED, list);
  assert.equal(trusted.field('x-forwarded-for'), '6.6.6.6, 203.0.113.7, 10.1.2.3, 127.0.0.1');
  assert.equal(trusted.field('x-forwarded-proto'), 'https');
  assert.equal(trusted.field('x-forwarded-host'), 'site');
  for (const settings of [STRANGER, {}]) {
    const others = await forwarded(settings, [...list, 'X_Forwarded_For: 6.6.6.6']);
    assert.equal(others.field('x-forwarded-for'), settings === STRANGER ? '127.0.0.1' : '6.6.6.6, 203.0.113.7, 10.1.2.3, 127.0.0.1');
    assert.equal(others.field('x-forwarded-proto'), 'http');
    assert.equal(others.field('x-forwarded-host'), 'test');
    assert.equal(others.field('x_forwarded_for'), null);
  }
  const proxied = await forwarded({ 'http-enable-proxy-protocol': true }, [], 'PROXY TCP6 2001:db8::7 ::1 1 2\r\n');
  assert.equal(proxied.field('x-forwarded-for'), '2001:db8::7');
  assert.equal(proxied.field('forwarded'), null);
});

test('http-forwarded: the standard field, the peer appended', { timeout: 20_000 }, async () => {
  const on = { 'http-forwarded': true };
  const ours = 'for=127.0.0.1;proto=http;host="test"';
  assert.equal((await forwarded(on, [])).field('forwarded'), ours);
  assert.equal((await forwarded({ ...on, ...STRANGER }, FIELDS)).field('forwarded'), ours);
  // The scheme is the one the client spoke.
  const told = await forwarded({ ...on, ...TRUSTED }, ['Forwarded: for=203.0.113.7;proto=https']);
  assert.equal(told.field('forwarded'), `for=203.0.113.7;proto=https, ${ours.replace('http', 'https')}`);
  // Left open, a quote would swallow ours.
  assert.equal((await forwarded(on, ['Forwarded: for="6.6.6.6'])).field('forwarded'), ours);
  const proxied = await forwarded({ ...on, 'http-enable-proxy-protocol': true }, [], 'PROXY TCP6 2001:db8::7 ::1 1 2\r\n');
  assert.equal(proxied.field('forwarded'), ours.replace('127.0.0.1', '"[2001:db8::7]"'));
});
