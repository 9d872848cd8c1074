/** Every refusal of a request head by name, with what is accepted right beside its border. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REQUEST_FAULTS } from '../../src/failure/failures.ts';
import { parseRequest } from './support.ts';

/** Refusals of a body: in chunked-reader.test.ts. */
type OfBody = 'badChunk' | 'chunkExtensions' | 'badTrailer' | 'trailersTooLarge';

interface Case {
  readonly refused: readonly string[];
  readonly accepted: readonly string[];
}

const line = (start: string): string => `${start}\r\nHost: a\r\n\r\n`;
const target = (text: string, method = 'GET'): string => line(`${method} ${text} HTTP/1.1`);
const version = (text: string): string => line(`GET / ${text}`);
const fields = (text: string, minor = 1): string => `POST / HTTP/1.${minor}\r\nHost: a\r\n${text}\r\n`;
const field = (text: string, minor = 1): string => fields(`${text}\r\n`, minor);
const host = (text: string, minor = 1): string => `GET / HTTP/1.${minor}\r\nHost:${text}\r\n\r\n`;
const NAMES = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const names = (count: number): string => Array.from({ length: count }, (_, i) => `n${NAMES[i % NAMES.length]}${i}`).join(', ');
/** A field line that makes all fields, with Host and its CRLF, `bytes` long. */
const filler = (bytes: number): string => field(`X: ${'v'.repeat(bytes - 'Host: a\r\nX: \r\n'.length)}`);
const MAX = 2 ** 53 - 1;

const CASES: Readonly<Record<Exclude<keyof typeof REQUEST_FAULTS, OfBody>, Case>> = {
  badMethod: {
    refused: [
      line(' GET / HTTP/1.1'),
      line('\tGET / HTTP/1.1'),
      line('GET\t/ HTTP/1.1'),
      line('G@T / HTTP/1.1'),
      line('G\0T / HTTP/1.1'),
      line('(GET) / HTTP/1.1'),
      line('GET: / HTTP/1.1'),
      line('G\xc9T / HTTP/1.1'),
      line('GET'),
      line('GET\x0b/ HTTP/1.1'),
      '\x15\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'G\x16\x03\x01',
      '\xef\xbb\xbfGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    accepted: [target('/', "!#$%&'*+-.^_`|~09azAZ"), target('/', 'get'), target('/', 'X')],
  },
  tls: {
    refused: ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '\x16\x03\x03', '\x16', '\r\n\x16\x03\x01'],
    accepted: [],
  },
  methodTooLong: {
    refused: [target('/', 'M'.repeat(65)), target('/', 'M'.repeat(70_000)), 'M'.repeat(65)],
    accepted: [target('/', 'M'.repeat(64)), target('/', 'M'.repeat(63)), `\r\n${target('/', 'M'.repeat(64))}`],
  },
  badTarget: {
    refused: [
      target(''),
      target(' /'),
      target('/a#f'),
      target('/#'),
      target('/a\tb'),
      target('/a\0b'),
      target('/a\x1fb'),
      target('/a\x7fb'),
      target('/a\x80b'),
      target('/\xc3\xa9'),
      target('/\xff'),
      target('#', 'OPTIONS'),
    ],
    accepted: [
      target(
        `/${Array.from({ length: 0x5e }, (_, i) => String.fromCharCode(0x21 + i))
          .join('')
          .replace('#', '')}`,
      ),
      target('//'),
      target('/?'),
      target('/?a?b'),
      target('/%zz'),
    ],
  },
  targetTooLong: {
    refused: [target(`/${'a'.repeat(16 * 1024)}`), target(`/?${'a'.repeat(16 * 1024)}`), `GET ${'/'.repeat(16 * 1024 + 1)}`],
    accepted: [target(`/${'a'.repeat(16 * 1024 - 1)}`), target(`/${'a'.repeat(16 * 1024 - 2)}`), target(`http://a/${'b'.repeat(16 * 1024 - 9)}`)],
  },
  targetForm: {
    refused: [
      target('*'),
      target('*', 'options'),
      target('**', 'OPTIONS'),
      target('*?a', 'OPTIONS'),
      target('*/', 'OPTIONS'),
      target('foo'),
      target('foo', 'OPTIONS'),
      target('?a=b'),
      target('a:80'),
      target('ftp://a/'),
      target('httpx://a/'),
      target('xhttp://a/'),
      target('http'),
      target('http:'),
      target('http:/'),
      target('http:/a/'),
      target('http:a'),
      target('http://'),
      target('http:\\\\a/'),
      target('ws://a/'),
      target('://a/'),
      target(':'),
    ],
    accepted: [target('*', 'OPTIONS'), target('/', 'OPTIONS'), target('http://a/'), target('HtTp://a'), target('http://a?b'), target('/http://b/')],
  },
  targetUserinfo: {
    refused: [
      target('http://u@a/'),
      target('http://u:p@a/'),
      target('http://@a/'),
      target('http://a\\@b/'),
      target('http://a@'),
      target('https://u@a/'),
    ],
    accepted: [target('http://a/@b'), target('http://a?@b'), target('/@')],
  },
  misdirected: {
    refused: [target('https://a/'), target('HTTPS://a'), target('https://a?b')],
    accepted: [target('/https://a/'), target('http://https/')],
  },
  connect: {
    refused: [target('a:443', 'CONNECT'), target('/', 'CONNECT'), target('http://a/', 'CONNECT')],
    accepted: [target('/', 'connect'), target('/', 'CONNECTX'), target('/', 'CONNEC')],
  },
  badVersion: {
    refused: [
      line('GET /'),
      line('GET / '),
      version('http/1.1'),
      version('Http/1.1'),
      version('HTTP/1'),
      version('HTTP/1.'),
      version('HTTP/.1'),
      version('HTTP/1,1'),
      version('HTTP/11'),
      version('HTTP/1.10'),
      version('HTTP/01.1'),
      version('HTTP/10.1'),
      version('HTTP/1.1 '),
      version(' HTTP/1.1'),
      version('\tHTTP/1.1'),
      version('b HTTP/1.1'),
      version('HTTP/-1.1'),
      version('HTTP/a.b'),
      version('HTTP/1.a'),
      version('HTTP/2'),
      version('HTTP/2.0.0'),
      version('HTTPS/1.1'),
      version('ICY/1.1'),
      version('HTTP 1.1'),
      version('HTTP/1.\n\nx'),
      version('HTTP/1.1\0'),
      'GET / HTTP/1.1\x0b\r\nHost: a\r\n\r\n',
    ],
    accepted: [version('HTTP/1.1'), version('HTTP/1.0'), version('HTTP/1.2'), version('HTTP/1.9')],
  },
  versionNotSupported: {
    refused: [version('HTTP/0.9'), version('HTTP/2.0'), version('HTTP/3.0'), version('HTTP/9.9')],
    accepted: [version('HTTP/1.1')],
  },
  http2Preface: { refused: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], accepted: [] },
  emptyLines: {
    refused: [`${'\r\n'.repeat(5)}${target('/')}`, '\r\n'.repeat(100)],
    accepted: [`\r\n${target('/')}`, `${'\r\n'.repeat(4)}${target('/')}`],
  },
  bareLineEnd: {
    refused: [
      `\n${target('/')}`,
      `\r${target('/')}`,
      `\r\n\n${target('/')}`,
      'GET /\nHost: a\n\n',
      'GET / HTTP/1.1\nHost: a\r\n\r\n',
      'GET / HTTP/1.1\r\rHost: a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\r\n',
      field('X: a\nb: c'),
      field('X: a\rb: c'),
      field('X: a\r\r'),
      field('X: a\r'),
      field('X:\nY: b'),
      field('X\n: b'),
      field('X: a\n\nGET /admin HTTP/1.1'),
    ],
    accepted: [field('X: a'), field('X:'), field('X: ')],
  },
  obsFold: {
    refused: [field('X: a\r\n b'), field('X: a\r\n\tb'), field(' X: a'), field('\t'), 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', fields(' \r\n')],
    accepted: [field('X:\t a \t')],
  },
  badFieldName: {
    refused: [
      field('X : a'),
      field('X\t: a'),
      field(': a'),
      field(':'),
      field('X'),
      field('X a: b'),
      field('X\0: a'),
      field('X\xe9: a'),
      field('X\x7f: a'),
      field('X(: a'),
      field('"X": a'),
      field('X[0]: a'),
      field('X/Y: a'),
      field('Content-Length\x00: 1'),
      'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost\r\n\r\n',
    ],
    accepted: [field("!#$%&'*+-.^_`|~09azAZ: a"), field('X::a'), field('0: 1')],
  },
  badFieldValue: {
    refused: [
      field('X: a\0b'),
      field('X: \x01'),
      field('X: a\x0bb'),
      field('X: a\x0cb'),
      field('X: a\x1bb'),
      field('X: a\x1f'),
      field('X: a\x7f'),
      field('X:\0'),
      field('Transfer-Encoding: \x0bchunked'),
      field('Content-Length: 1\0'),
      host(' a\0'),
    ],
    accepted: [field('X: a\tb'), field('X: \x80\xff'), field('X: \x20!~'), field('X: "\\\\;,=()<>@[]?{}"')],
  },
  headTooLarge: {
    refused: [filler(65_537), filler(65_538), filler(65_539), filler(80_000), fields(`${'a: b\r\n'.repeat(900)}X: ${'v'.repeat(65_000)}\r\n`)],
    accepted: [filler(65_536), filler(65_535)],
  },
  tooManyFields: {
    refused: [fields('a:\r\n'.repeat(1000)), fields('a: b\r\n'.repeat(2000))],
    accepted: [fields('a:\r\n'.repeat(999)), fields('a: b\r\n'.repeat(998))],
  },
  noHost: {
    refused: [
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.9\r\n\r\n',
      'GET / HTTP/1.1\r\nHosts: a\r\nX-Host: a\r\n\r\n',
      'GET http://a/ HTTP/1.1\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\n\r\n',
    ],
    accepted: ['GET / HTTP/1.0\r\n\r\n', 'GET http://a/ HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nhOsT: a\r\n\r\n'],
  },
  manyHosts: {
    refused: [field('Host: a'), field('host: b'), field('HOST:'), field('Host: a', 0), 'GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    accepted: [field('X-Host: b'), field('Hos_t: b')],
  },
  badHost: {
    refused: [
      host(''),
      host(' '),
      host(' a b'),
      host(' a, b'),
      host(' u@a'),
      host(' a/b'),
      host(' a?b'),
      host(' a#b'),
      host(' a\\b'),
      host(' http://a'),
      host(' a:b'),
      host(' a:80:80'),
      host(' a:65536'),
      host(' a:-1'),
      host(' a:+80'),
      host(' a: 80'),
      host(' :80'),
      host(' a%'),
      host(' a%4'),
      host(' a%zz'),
      host(' \xe9'),
      host(' a"'),
      host(' <a>'),
      host(' a|b'),
      host(' ['),
      host(' []'),
      host(' [:]'),
      host(' [::1'),
      host(' ::1'),
      host(' [::1]x'),
      host(' [::1]:x'),
      host(' [::1]:65536'),
      host(' [1.2.3.4]'),
      host(' [:::]'),
      host(' [1::2::3]'),
      host(' [1:2:3:4:5:6:7]'),
      host(' [1:2:3:4:5:6:7:8:9]'),
      host(' [1:2:3:4:5:6:7:8::]'),
      host(' [1:2:3:4:5:6:7:]'),
      host(' [1:2:3:4:5:6:7:8:]'),
      host(' [1::2:]'),
      host(' [12345::]'),
      host(' [g::]'),
      host(' [::1.2.3]'),
      host(' [::1.2.3.4.5]'),
      host(' [::1.2.3.256]'),
      host(' [::01.2.3.4]'),
      host(' [::1.2.3.4:5]'),
      host(' [1:2:3:4:5:6:7:1.2.3.4]'),
      host(' [fe80::1%25eth0]'),
      host(' [v1.a]'),
      host(` ${'a'.repeat(256)}`),
      host(' a b', 0),
      target('http:///p'),
      target('http://?q'),
      target('http://a:b/'),
      target('http://[::1/'),
      target('http://a:65536/'),
      'GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n',
      'GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n',
      'GET http://a/ HTTP/1.0\r\nHost: b c\r\n\r\n',
    ],
    accepted: [
      host(' a'),
      host('a'),
      host('\ta\t'),
      host(' a:'),
      host(' a:0'),
      host(' a:65535'),
      host(' a:000080'),
      host(' A.Example.COM.'),
      host(' 1.2.3.4:80'),
      host(' a_b'),
      host(" !$&'()*+,;=-._~"),
      host(' %c3%a9'),
      host(' [::]'),
      host(' [::1]'),
      host(' [::1]:'),
      host(' [::1]:443'),
      host(' [1::]'),
      host(' [1:2:3:4:5:6:7:8]'),
      host(' [1:2:3:4:5:6:7::]'),
      host(' [::2:3:4:5:6:7:8]'),
      host(' [1:2:3:4:5:6:1.2.3.4]'),
      host(' [::ffff:255.0.10.9]'),
      host(' [ABCD:ef01::]'),
      host(` ${'a'.repeat(255)}`),
      host('', 0),
      'GET http://a/ HTTP/1.0\r\nHost:\r\n\r\n',
    ],
  },
  badConnection: {
    refused: [
      field('Connection: Host'),
      field('Connection: content-length'),
      field('Connection: Content-Type'),
      field('Connection: transfer-encoding'),
      field('Connection: COOKIE'),
      field('Connection: authorization'),
      field('Connection: Forwarded'),
      field('Connection: Via'),
      field('Connection: x-real-ip'),
      field('Connection: X-Forwarded-For'),
      field('Connection: x-forwarded-proto'),
      field('Connection: X-Forwarded-X'),
      field('Connection: close, X-Forwarded-For'),
      field('Connection: close\r\nConnection: host'),
      field('Connection: close', 0).replace('close', 'host'),
      field('Connection: a b'),
      field('Connection: "close"'),
      field('Connection: close;q=1'),
      field('Connection: a/b'),
      field('Connection: \xe9'),
      field(`Connection: ${names(65)}`),
      field(`Connection: ${names(33)}\r\nConnection: ${names(32)}`),
    ],
    accepted: [
      field('Connection:'),
      field('Connection: ,, ,'),
      field('Connection: close, keep-alive, upgrade'),
      field('Connection: X-Forwarded'),
      field('Connection: X-Hosts, Cookie2, Content'),
      field(`Connection: close, ${names(64)}, keep-alive`),
    ],
  },
  badLength: {
    refused: [
      field('Content-Length:'),
      field('Content-Length: -1'),
      field('Content-Length: +1'),
      field('Content-Length: 1x'),
      field('Content-Length: x1'),
      field('Content-Length: 0x1'),
      field('Content-Length: 1.0'),
      field('Content-Length: 1e3'),
      field('Content-Length: 1_0'),
      field('Content-Length: 1 1'),
      field('Content-Length: 1,1'),
      field('Content-Length: 1, 1'),
      field('Content-Length: 1,'),
      field('Content-Length: "1"'),
      field('Content-Length: \xb2'),
      field(`Content-Length: ${MAX + 1}`),
      field('Content-Length: 9007199254740993'),
      field('Content-Length: 18446744073709551616'),
      field(`Content-Length: ${'9'.repeat(400)}`),
      field('Content-Length: 1\r\nContent-Length: 1'),
      field('Content-Length: 1\r\ncontent-length: 2'),
      field('Content-Length:\r\nContent-Length: 1'),
      field('Content-Length: -1', 0),
    ],
    accepted: [
      field('Content-Length: 0'),
      field('Content-Length: 1'),
      field('Content-Length:1'),
      field('Content-Length: \t1\t '),
      field('Content-Length: 0001'),
      field(`Content-Length: ${MAX}`),
      field(`Content-Length: ${MAX - 1}`),
      field('Content_Length: x'),
    ],
  },
  lengthAndEncoding: {
    refused: [
      field('Content-Length: 1\r\nTransfer-Encoding: chunked'),
      field('Transfer-Encoding: chunked\r\nContent-Length: 1'),
      field('Transfer-Encoding: chunked\r\nContent-Length: 0'),
      // Checked before what either says, and before the version.
      field('Transfer-Encoding: nonsense\r\nContent-Length: 1'),
      field('Transfer-Encoding: gzip, chunked\r\nContent-Length: 1'),
      field('Transfer-Encoding:\r\nContent-Length: 1'),
      field('Transfer-Encoding: chunked\r\nContent-Length: x'),
      field('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 1'),
      field('Transfer-Encoding: chunked\r\nContent-Length: 1', 0),
    ],
    accepted: [field('Transfer-Encoding: chunked\r\nContent_Length: 1'), field('Content-Length: 1\r\nTransfer_Encoding: chunked')],
  },
  badEncoding: {
    refused: [
      field('Transfer-Encoding:'),
      field('Transfer-Encoding: ,'),
      field('Transfer-Encoding: ,chunked'),
      field('Transfer-Encoding: chunked,'),
      field('Transfer-Encoding: gzip,,chunked'),
      field('Transfer-Encoding: chunked, chunked'),
      field('Transfer-Encoding: chunked, gzip'),
      field('Transfer-Encoding: chunked, gzip, chunked'),
      field('Transfer-Encoding: chunked, identity'),
      field('Transfer-Encoding: gzip'),
      field('Transfer-Encoding: identity'),
      field('Transfer-Encoding: chunked;a=b'),
      field('Transfer-Encoding: chunked;a=b, chunked'),
      field('Transfer-Encoding: chunked ;'),
      field('Transfer-Encoding: "chunked"'),
      field('Transfer-Encoding: chunked\tx'),
      field('Transfer-Encoding: x chunked'),
      field('Transfer-Encoding: xchunked'),
      field('Transfer-Encoding: chunke'),
      field('Transfer-Encoding: chunked\xa0'),
      field('Transfer-Encoding: \xffchunked'),
      field('Transfer-Encoding: gzip;, chunked'),
      field('Transfer-Encoding: gzip;a, chunked'),
      field('Transfer-Encoding: gzip;a=, chunked'),
      field('Transfer-Encoding: gzip;=b, chunked'),
      field('Transfer-Encoding: g/zip, chunked'),
      field('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
      field('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked'),
      field('Transfer-Encoding: chunked\r\ntransfer-encoding: identity'),
    ],
    accepted: [field('Transfer-Encoding: chunked'), field('transfer-encoding:\tCHUNKED \t'), field('Transfer_Encoding: x')],
  },
  encodingOn10: {
    refused: [
      field('Transfer-Encoding: chunked', 0),
      field('Transfer-Encoding: gzip, chunked', 0),
      field('Transfer-Encoding:', 0),
      field('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 0),
    ],
    accepted: [field('Transfer-Encoding: chunked', 1), field('Transfer-Encoding: chunked', 2), field('Content-Length: 1', 0)],
  },
  unknownEncoding: {
    refused: [
      field('Transfer-Encoding: gzip, chunked'),
      field('Transfer-Encoding: GZIP ,\tchunked'),
      field('Transfer-Encoding: a, b, c, chunked'),
      field('Transfer-Encoding: identity, chunked'),
      field('Transfer-Encoding: x;a=b;c=d, chunked'),
      field('Transfer-Encoding: x ; a = b, chunked'),
    ],
    accepted: [field('Transfer-Encoding: chunked')],
  },
  badExpect: {
    refused: [
      field('Expect: 200-ok'),
      field('Expect:'),
      field('Expect: 100-continue, x'),
      field('Expect: 100-continue;a=b'),
      field('Expect: 100'),
      field('Expect: 100-continue\r\nExpect: x'),
      field('Expect: 200-ok', 2),
    ],
    accepted: [field('Expect: 100-continue'), field('Expect: 100-CONTINUE'), field('expect:100-Continue\t'), field('Expect: 200-ok', 0)],
  },
};

for (const [name, { refused, accepted }] of Object.entries(CASES)) {
  const { code } = REQUEST_FAULTS[name as keyof typeof REQUEST_FAULTS];
  test(`${name}: ${REQUEST_FAULTS[name as keyof typeof REQUEST_FAULTS].rule}`, () => {
    for (const text of refused) assert.deepEqual(parseRequest(text), { state: 'refused', code }, JSON.stringify(text.slice(0, 200)));
    for (const text of accepted) {
      const outcome = parseRequest(text);
      assert.equal(outcome.state, 'complete', `${JSON.stringify(text.slice(0, 200))}: ${JSON.stringify(outcome).slice(0, 200)}`);
    }
  });
}

test('statuses and codes are what clients, logs and metrics rely on', () => {
  const statuses: Readonly<Record<string, number>> = {
    methodTooLong: 501,
    targetTooLong: 414,
    misdirected: 421,
    connect: 501,
    versionNotSupported: 505,
    http2Preface: 505,
    headTooLarge: 431,
    tooManyFields: 431,
    unknownEncoding: 501,
    badExpect: 417,
  };
  for (const [name, { status, code }] of Object.entries(REQUEST_FAULTS)) {
    assert.equal(status, statuses[name] ?? 400, name);
    assert.match(code, /^[a-z0-9.]+(-[a-z0-9.]+)*$/);
  }
  assert.equal(new Set(Object.values(REQUEST_FAULTS).map(({ code }) => code)).size, Object.keys(REQUEST_FAULTS).length);
});

test('a head that has not ended is neither complete nor refused at any byte', () => {
  const text = 'POST http://a/b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX:\t y \r\n\r\n';
  for (let length = 1; length < text.length; length++)
    assert.deepEqual(parseRequest(text.slice(0, length)), { state: 'incomplete' }, `${length} bytes`);
  assert.equal(parseRequest(text).state, 'complete');
});
