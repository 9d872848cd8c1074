/** What a request head that is accepted says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARSE } from '../../src/http1/fields.ts';
import { MAX_HEAD_BYTES, RequestHead } from '../../src/http1/request-head.ts';
import { acceptRequest, bytesOf, type RequestSummary, requestHead } from './support.ts';

const field = (text: string, minor = 1): string => `POST / HTTP/1.${minor}\r\nHost: a\r\n${text}\r\n\r\n`;

type Row = readonly [title: string, text: string, says: Partial<RequestSummary>];

function rows(cases: readonly Row[], manageExpect = true): void {
  for (const [title, text, says] of cases) {
    test(title, () => {
      const head = acceptRequest(text, manageExpect);
      assert.deepEqual(Object.fromEntries(Object.keys(says).map((key) => [key, head[key as keyof RequestSummary]])), says);
    });
  }
}

const start = (line: string, host = 'a'): string => `${line}\r\nHost: ${host}\r\n\r\n`;

// Request line and target
rows([
  ['a plain GET', start('GET /a/b HTTP/1.1'), { method: 'GET', target: '/a/b', path: '/a/b', query: null, host: 'a', minor: 1, isGet: true }],
  ['HEAD is told apart', start('HEAD / HTTP/1.1'), { isHead: true, isGet: false }],
  ['methods are case-sensitive', start('get / HTTP/1.1'), { method: 'get', isGet: false }],
  ['a method that starts like another is another', start('GETS / HTTP/1.1'), { isGet: false, isHead: false }],
  ['HTTP/1.0', start('GET / HTTP/1.0'), { minor: 0 }],
  ['HTTP/1.2 to 1.9 are served as 1.1', start('GET / HTTP/1.7'), { minor: 1 }],
  ['the query starts behind the first question mark', start('GET /a?b?c=/d HTTP/1.1'), { path: '/a', query: 'b?c=/d' }],
  ['an empty query is a query', start('GET /a? HTTP/1.1'), { path: '/a', query: '' }],
  ['two slashes are a path, not a host', start('GET //b/c HTTP/1.1'), { path: '//b/c', host: 'a', isAbsolute: false }],
  ['a URL behind a slash is a path', start('GET /http://b/c?d HTTP/1.1'), { path: '/http://b/c', query: 'd', host: 'a' }],
  ['an absolute target replaces Host', start('GET http://b:8/c?d HTTP/1.1'), { path: '/c', query: 'd', host: 'b:8', isAbsolute: true }],
  ['an absolute target stays as the target', start('GET HTTP://b/ HTTP/1.1'), { target: 'HTTP://b/', host: 'b' }],
  ['an absolute target without a path', start('GET http://b HTTP/1.1'), { path: '', query: null, host: 'b', isAsterisk: false }],
  ['an absolute target with a query only', start('GET http://b?c HTTP/1.1'), { path: '', query: 'c', host: 'b' }],
  ['an absolute target to IPv6', start('GET http://[::1]:80/c HTTP/1.1'), { path: '/c', host: '[::1]:80' }],
  ['an absolute target on HTTP/1.0 without Host', 'GET http://b/ HTTP/1.0\r\n\r\n', { host: 'b' }],
  ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', { host: '' }],
  ['HTTP/1.0 with an empty Host', 'GET / HTTP/1.0\r\nHost:\r\n\r\n', { host: '' }],
  ['OPTIONS *', start('OPTIONS * HTTP/1.1'), { isAsterisk: true, path: '*', query: null }],
  ['OPTIONS to an absolute target without a path means *', start('OPTIONS http://b HTTP/1.1'), { isAsterisk: true, host: 'b' }],
  ['OPTIONS to an absolute target with a path', start('OPTIONS http://b/ HTTP/1.1'), { isAsterisk: false, path: '/' }],
  ['OPTIONS to an absolute target with a query', start('OPTIONS http://b?c HTTP/1.1'), { isAsterisk: false, query: 'c' }],
  ['Host keeps its case and port', start('GET / HTTP/1.1', '\tA.B:80 '), { host: 'A.B:80' }],
]);

// Framing
rows([
  ['no framing, no body', start('POST / HTTP/1.1'), { contentLength: -1, isChunked: false, hasBody: false }],
  ['Content-Length: 0', field('Content-Length: 0'), { contentLength: 0, hasBody: false }],
  ['Content-Length at its most', field('Content-Length: 9007199254740991'), { contentLength: 2 ** 53 - 1, hasBody: true }],
  ['Content-Length with zeros before it', field('Content-Length: 0012'), { contentLength: 12 }],
  ['Content-Length on HTTP/1.0', field('content-LENGTH: 3', 0), { contentLength: 3 }],
  ['chunked', field('Transfer-Encoding: chunked'), { contentLength: -1, isChunked: true, hasBody: true }],
  ['Content_Length is no length', field('Content_Length: 3'), { contentLength: -1 }],
]);

// Connection
rows([
  ['nothing said', start('GET / HTTP/1.1'), { wantsClose: false, wantsKeepAlive: false, wantsUpgrade: false }],
  ['close in any case', field('Connection: CLOSE'), { wantsClose: true }],
  ['tokens of a list', field('Connection: keep-alive ,\tClose'), { wantsClose: true, wantsKeepAlive: true }],
  ['empty members are passed over', field('Connection: ,, close ,'), { wantsClose: true }],
  ['several fields', field('Connection: close\r\nConnection: keep-alive'), { wantsClose: true, wantsKeepAlive: true }],
  ['a token that only starts alike', field('Connection: closed, keep-alive-x'), { wantsClose: false, wantsKeepAlive: false }],
  ['keep-alive on HTTP/1.0', field('Connection: Keep-Alive', 0), { wantsKeepAlive: true }],
]);

test('hop-by-hop fields and those that Connection names are not forwarded', () => {
  const names = ['Connection: x-a', 'Transfer-Encoding: chunked', 'Upgrade: b', 'Keep-Alive: c', 'TE: d', 'Trailer: e', 'Proxy-Connection: f'];
  const head = acceptRequest(field([...names, 'X-A: 1', 'x-a: 2', 'X-AB: 3', 'X_A: 4', 'Via: g', 'Cookie: h'].join('\r\n')));
  const kept = head.lines.filter(({ dropped }) => !dropped).map(({ name }) => name);
  assert.deepEqual(kept, ['Host', 'X-AB', 'X_A', 'Via', 'Cookie']);
});

// TE
rows([
  ['trailers are accepted', field('TE: trailers'), { acceptsTrailers: true }],
  ['trailers are accepted in a list', field('TE: gzip;q=0.5, Trailers'), { acceptsTrailers: true }],
  ['other codings are not trailers', field('TE: gzip, xtrailers'), { acceptsTrailers: false }],
  ['trailers of a second field', field('TE: trailers\r\nTE: gzip'), { acceptsTrailers: true }],
]);

// Expect
const expecting = field('Expect: 100-CONTINUE\r\nContent-Length: 3');
rows([
  ['100-continue in any case', expecting, { expectsContinue: true }],
  ['100-continue twice', field('Expect: 100-continue\r\nExpect: 100-continue'), { expectsContinue: true }],
  ['an expectation on HTTP/1.0 is passed over', field('Expect: x', 0), { expectsContinue: false }],
]);
rows(
  [
    ['an expectation that is left to the backend', expecting, { expectsContinue: false }],
    ['an unknown expectation that is left to the backend', field('Expect: x'), { expectsContinue: false }],
  ],
  false,
);

test('Expect is forwarded only where it is left to the backend', () => {
  for (const [text, manageExpect, dropped] of [
    [expecting, true, true],
    [field('Expect: x', 0), true, true],
    [expecting, false, false],
  ] as const) {
    assert.equal(acceptRequest(text, manageExpect).lines.find(({ name }) => name === 'Expect')?.dropped, dropped);
  }
});

// Upgrade
const upgrade = (text: string, minor = 1): string => field(`Connection: keep-alive, Upgrade\r\n${text}`, minor);
rows([
  ['websocket', upgrade('Upgrade: websocket'), { wantsUpgrade: true }],
  ['several protocols with versions', upgrade('Upgrade: a/1.0, b , c/x'), { wantsUpgrade: true }],
  ['an empty body is no body', upgrade('Upgrade: a\r\nContent-Length: 0'), { wantsUpgrade: true }],
  ['without Connection: upgrade it is none', field('Upgrade: websocket'), { wantsUpgrade: false }],
  ['Connection alone is none', field('Connection: upgrade'), { wantsUpgrade: false }],
  ['on HTTP/1.0 it is none', upgrade('Upgrade: websocket', 0), { wantsUpgrade: false }],
  ['with a body it is none', upgrade('Upgrade: websocket\r\nContent-Length: 1'), { wantsUpgrade: false }],
  ['with chunks it is none', upgrade('Upgrade: websocket\r\nTransfer-Encoding: chunked'), { wantsUpgrade: false }],
  ['h2c is refused quietly', upgrade('Upgrade: h2c'), { wantsUpgrade: false }],
  ['h2c in any case', upgrade('Upgrade: H2C'), { wantsUpgrade: false }],
  ['h2c among others', upgrade('Upgrade: websocket , h2c'), { wantsUpgrade: false }],
  ['h2c with a version', upgrade('Upgrade: h2c/2'), { wantsUpgrade: false }],
  ['h2c in the first of two fields', upgrade('Upgrade: h2c\r\nUpgrade: websocket'), { wantsUpgrade: false }],
  ['h2c in the last of two fields', upgrade('Upgrade: websocket\r\nUpgrade: h2c'), { wantsUpgrade: false }],
  ['two fields without h2c', upgrade('Upgrade: websocket\r\nUpgrade: h2cx'), { wantsUpgrade: true }],
  ['an empty one is none', upgrade('Upgrade:'), { wantsUpgrade: false }],
  ['an empty member is malformed', upgrade('Upgrade: a,,b'), { wantsUpgrade: false }],
  ['a malformed protocol', upgrade('Upgrade: a b'), { wantsUpgrade: false }],
  ['a protocol with an empty version', upgrade('Upgrade: a/'), { wantsUpgrade: false }],
  ['a protocol with two versions', upgrade('Upgrade: a/1/2'), { wantsUpgrade: false }],
]);

// Fields
test('values lose the white space around them and keep the rest', () => {
  const head = acceptRequest(field('A:\t b\t c \t\r\nD:\r\nE: \t \r\nF:\xff\x80'));
  assert.deepEqual(
    head.lines.slice(1).map(({ name, value }) => [name, value]),
    [
      ['A', 'b\t c'],
      ['D', ''],
      ['E', ''],
      ['F', '\xff\x80'],
    ],
  );
});

test('a head ends where its empty line ends, whatever follows', () => {
  const text = start('GET / HTTP/1.1');
  for (const next of ['GET', '\r\n', '\n', '\0', ' x', text]) assert.equal(acceptRequest(text + next).end, text.length);
});

test('one head reads request after request, and nothing of the last one stays', () => {
  const head = new RequestHead();
  const busy = bytesOf(upgrade('Upgrade: x\r\nExpect: 100-continue\r\nTE: trailers\r\nX_Y: z').replace('POST /', 'HEAD http://b/c?d'));
  assert.equal(head.parse(busy, busy.length, true), PARSE.complete);
  assert.ok(head.isHead && head.isAbsolute && head.hasQuery && head.wantsUpgrade && head.expectsContinue && head.acceptsTrailers);
  for (const broken of ['GET / HTTP/1.1\r\nHost: a\r\nX', 'BROKEN\r\n', '\r\n\r\nGET /long']) {
    head.reset();
    const bytes = bytesOf(broken);
    head.parse(bytes, bytes.length, true);
  }
  head.reset();
  const plain = bytesOf('GET / HTTP/1.0\r\nA: b\r\n\r\n');
  assert.equal(head.parse(plain, plain.length, true), PARSE.complete);
  const fresh = requestHead('GET / HTTP/1.0\r\nA: b\r\n\r\n');
  for (const key of Object.keys(fresh) as (keyof RequestHead)[]) if (key !== 'fields' && key !== 'bytes') assert.equal(head[key], fresh[key], key);
  assert.equal(head.fields.count, 1);
  assert.equal(head.fields.isDropped(0) || head.fields.hasUnderscore(0), false);
});

test('a head that is too large is refused before a buffer of MAX_HEAD_BYTES is full', () => {
  const line = `${'\r\n'.repeat(4)}${'M'.repeat(64)} /${'p'.repeat(16 * 1024 - 1)} HTTP/1.1\r\n`;
  for (const more of ['X: y\r\n', `X: ${'y'.repeat(70_000)}\r\n`, `X: ${'y'.repeat(1000)}\r\n`]) {
    const text = bytesOf((line + more.repeat(Math.ceil(MAX_HEAD_BYTES / more.length))).slice(0, MAX_HEAD_BYTES));
    const head = new RequestHead();
    assert.equal(head.parse(text, text.length, true), PARSE.refused);
  }
});

/** Bytes that count how often they are looked at, and give up where it is no longer linear. */
function counted(bytes: Uint8Array, most: number): Uint8Array {
  let looks = 0;
  return new Proxy(bytes, {
    get(target, key) {
      if (++looks > most) throw new Error(`more than ${most} looks at ${bytes.length} bytes`);
      return Reflect.get(target, key, target);
    },
  });
}

test('what drips in byte by byte is looked at a few times at most', () => {
  for (const text of [
    field(`X: ${'v'.repeat(60 * 1024)}`),
    field(`${'x'.repeat(60 * 1024)}: v`),
    field(`X:${' '.repeat(60 * 1024)}v`),
    field(Array.from({ length: 900 }, (_, i) => `x-${i}: ${'v'.repeat(50)}`).join('\r\n')),
    start(`GET /${'t'.repeat(16 * 1024 - 1)} HTTP/1.1`),
  ]) {
    const bytes = counted(bytesOf(text), 16 * text.length);
    const head = new RequestHead();
    let state: number = PARSE.incomplete;
    for (let length = 1; length <= text.length; length++) {
      state = head.parse(bytes, length, true);
      if (length < text.length) assert.equal(state, PARSE.incomplete);
    }
    assert.equal(state, PARSE.complete);
  }
});
