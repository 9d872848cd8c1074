/** The packets that ugate makes, byte for byte beside those of uWSGI's own router, which is started for it. */

import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { writePacketHeader } from '../../src/uwsgi/packet.ts';
import { bytesOf } from '../http1/support.ts';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, type RecordedRequest, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { type Change, map, set, swapped, without } from './changes.ts';
import { makePacket, type Settings, type Vars } from './support.ts';

/** Where ugate leaves uWSGI's way, and what that changes in uWSGI's vars. Everything not named here is the same. */
const DIFFERENCES = {
  'hop-by-hop fields are not forwarded': without(
    ...['HTTP_CONNECTION', 'HTTP_KEEP_ALIVE', 'HTTP_TE', 'HTTP_TRAILER', 'HTTP_UPGRADE', 'HTTP_PROXY_CONNECTION', 'HTTP_TRANSFER_ENCODING'],
  ),
  'fields that Connection names are not forwarded': without('HTTP_X_NAMED'),
  'Expect is answered by ugate': without('HTTP_EXPECT'),
  'names with an underscore are dropped': (vars) => vars.filter(([key]) => key !== 'HTTP_UNDER_SCORE'),
  'Proxy is no HTTP_PROXY': without('HTTP_PROXY'),
  'cookies are joined with a semicolon': map((value) => value.replaceAll(', ', '; '), 'HTTP_COOKIE'),
  'white space around values is no part of them': map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''), 'HTTP_SPACED', 'HTTP_TABBED'),
  'HTTP/1.2 to 1.9 are served as 1.1': set('SERVER_PROTOCOL', 'HTTP/1.1'),
  'an absolute target replaces Host': set('HTTP_HOST', 'b.example:81'),
  'the path of an absolute target starts behind its authority': map((value) => value.replace('http://b.example:81', ''), 'PATH_INFO'),
  'an absolute target without a path means /': map((value) => value.replace('http://b.example:81', '/'), 'PATH_INFO'),
  'a path of dots only is /': set('PATH_INFO', '/'),
  'escaped dots are dots': set('PATH_INFO', '/x'),
} as const satisfies Record<string, Change>;

interface Case {
  readonly request: string;
  readonly body?: string;
  readonly differences?: readonly (keyof typeof DIFFERENCES)[];
  readonly settings?: Settings;
}

const get = (target: string, ...lines: string[]): string =>
  `GET ${target} HTTP/1.1\r\nHost: a.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const lenient: Settings = { lenientPath: true };
const path = (target: string, settings: Settings = {}): Case => ({ request: get(target), settings });
const hopByHop = 'hop-by-hop fields are not forwarded';

const CASES: readonly Case[] = [
  path('/'),
  path('/a/b.html'),
  path('/a?b=c&d=%20+e'),
  path('/?'),
  path('/?a?b#'.slice(0, -1)),
  path('/a//b'),
  path('//a'),
  path('/foo%20bar//x/../y?a=1'),
  path('/a%2fb%2Fc'),
  path('/%c3%a9+%ff'),
  path('/a/./b/../c/.'),
  path('/a/b/..'),
  path('/a/../b'),
  path('/../../x'),
  path('/a/...'),
  path('/a/..b/.c/d..'),
  path('/a;b=c,d!$&\'()*+=:@-_~|"<>^`{}[]\\'),
  path(`/${'long/'.repeat(600)}?${'q'.repeat(3000)}`),
  { request: 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n' },
  { request: 'HEAD /x HTTP/1.1\r\nHost: A.Example:8080\r\n\r\n' },
  { request: 'get / HTTP/1.1\r\nHost: a\r\n\r\n' },
  { request: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n' },
  { request: 'GET / HTTP/1.0\r\n\r\n' },
  { request: 'GET / HTTP/1.0\r\nX-A: b\r\n\r\n' },
  { request: 'GET / HTTP/1.1\r\nX-First: 1\r\nhOST: a\r\nX-Last: 2\r\n\r\n' },
  { request: 'POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain; a=b\r\nContent-Length: 5\r\n\r\n', body: 'hello' },
  { request: 'POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\nCONTENT-TYPE:\r\n\r\n' },
  { request: 'DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\n', body: 'abc' },
  { request: get('/', 'Accept: a', 'X-One: 1', 'accept: b', 'X-Two: 2', 'ACCEPT: c', 'x-one:') },
  { request: get('/', "X!#$%&'*+.^`|~9: odd", 'X-Empty:', 'X-Colon: a: b:c', 'X-Bytes: \x80\xff\xc3\xa9', 'X-Inner:a  b\tc') },
  {
    request: get(
      '/',
      'User-Agent: Mozilla/5.0 (X11)',
      'Accept-Language: de-DE,de;q=0.9',
      'Referer: http://a/?b',
      'X-Forwarded-For: 1.2.3.4',
      'Via: 1.1 p',
    ),
  },
  { request: get('/', ...Array.from({ length: 200 }, (_, i) => `X-Field-${i}: ${'v'.repeat(i)}`)) },
  { request: get('/', 'Authorization: Basic abc==', 'Cookie: a=b; c=d', 'If-None-Match: "x"', 'Range: bytes=0-1') },
  { request: get('/', 'Under_Score: 1', 'Under-Score-Not: 2'), differences: ['names with an underscore are dropped'] },
  { request: get('/', 'Under_Score: 1', 'X-A: 2', 'under-score: 3', 'X_A: 4'), settings: { allowUnderscores: true } },
  { request: get('/', 'Proxy: http://evil', 'Proxy-X: 1'), differences: ['Proxy is no HTTP_PROXY'] },
  { request: get('/', 'Cookie: a=b', 'X-A: 1', 'Cookie: c=d'), differences: ['cookies are joined with a semicolon'] },
  {
    request: get(
      '/',
      'Connection: close, X-Named',
      'X-Named: 1',
      'Keep-Alive: 5',
      'TE: trailers',
      'Trailer: a',
      'Proxy-Connection: b',
      'Upgrade: c',
      'X-A: 1',
    ),
    differences: [hopByHop, 'fields that Connection names are not forwarded'],
  },
  { request: get('/', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: eHl6') },
  { request: get('/', 'Transfer-Encoding: chunked'), differences: [hopByHop] },
  { request: get('/', 'Transfer-Encoding: chunked'), settings: { chunkedInput: true } },
  {
    request: 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    body: 'ok',
    differences: ['Expect is answered by ugate'],
  },
  { request: get('/', 'Spaced: a  ', 'Tabbed:\tb'), differences: ['white space around values is no part of them'] },
  { request: 'GET / HTTP/1.3\r\nHost: a\r\n\r\n', differences: ['HTTP/1.2 to 1.9 are served as 1.1'] },
  {
    request: get('http://b.example:81/c%20d/../e?f'),
    differences: ['an absolute target replaces Host', 'the path of an absolute target starts behind its authority'],
  },
  { request: get('http://b.example:81'), differences: ['an absolute target replaces Host', 'an absolute target without a path means /'] },
  { request: get('/..'), differences: ['a path of dots only is /'] },
  { request: get('/%2e%2e/x'), differences: ['escaped dots are dots'] },
  { request: get('/a/%2E%2e/x'), differences: ['escaped dots are dots'] },
  ...['/..', '/a/..', '/a/b/../..', '/%2e%2e/x', '/a%2f../x', '/%41%zz', '/%', '/%4', '/%%x', '/a%', '/a%00b', '/a/..%2fb', '/%4z/./..'].map(
    (target) => path(target, lenient),
  ),
];

/** Header and vars as uWSGI puts them, one character a byte. */
function encode(vars: Vars): Uint8Array {
  const length = (text: string): string => String.fromCharCode(text.length & 0xff, text.length >> 8);
  const packet = bytesOf(`\0\0\0\0${vars.map(([key, value]) => length(key) + key + length(value) + value).join('')}`);
  writePacketHeader(packet, packet.length, 0, 0);
  return packet;
}

function compare(one: Case, theirs: RecordedRequest, port: number, clientPort: number): void {
  const about = JSON.stringify(one.request.slice(0, 300));
  assert.deepEqual(encode(theirs.list), new Uint8Array(theirs.packet), about);
  assert.equal(theirs.vars.get('REMOTE_PORT'), swapped(clientPort));
  let expected = set('REMOTE_PORT', String(clientPort))(theirs.list);
  for (const name of one.differences ?? []) {
    const changed = DIFFERENCES[name](expected);
    assert.notDeepEqual(changed, expected, `${name}: is no difference in ${about}`);
    expected = changed;
  }
  const settings = { serverName: hostname(), serverPort: String(port), remote: { address: '127.0.0.1', port: clientPort }, ...one.settings };
  const ours = makePacket(one.request, settings);
  assert.ok(typeof ours !== 'string', `${about} is refused: ${ours}`);
  assert.deepEqual(list(ours), list(encode(expected)), about);
  assert.deepEqual(ours, encode(expected), about);
}

/** For a readable difference. */
function list(packet: Uint8Array): string[] {
  return String.fromCharCode(...packet.subarray(4)).split(/(?<=[\0-\x08]\0)/);
}

peerTest('packets are those of uWSGI’s router, but for the named differences', { needs: ['uwsgi'], timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const socket = folder.file('app.sock');
  await using backend = await UwsgiBackend.listen(answer('ok'), socket);
  await using router = await startUwsgiRouter({ to: socket });
  const { port } = router;
  for (const [index, one] of CASES.entries()) {
    await using client = await RawClient.connect({ port });
    client.write(one.request + (one.body ?? ''));
    const theirs = await backend.request(index);
    await theirs.complete();
    compare(one, theirs, port, client.localPort);
  }
  assert.deepEqual(backend.errors, []);
});
