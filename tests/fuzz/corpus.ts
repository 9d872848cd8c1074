/** What mutations start from: one good message of every kind and the traps around it, the hostile corpus, and what was found before. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { encodeVars } from '../../src/uwsgi/request-vars.ts';

export const FINDINGS = new URL('./findings/', import.meta.url);
const CORPUS = new URL('../corpus/', import.meta.url);

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\r\n\r\nGET /a/./b/../c%2e%2f?d=e?f HTTP/1.1\r\nHost: a.b:80\r\nAccept: */*\r\nCookie: a=b\r\ncookie: c=d\r\nX-A: 1\r\nx_a: 2\r\nX-a:\t3 \r\n\r\n',
  'POST http://[::1]:80/x?y HTTP/1.1\r\nHost: [1:2::3.4.5.6]\r\nContent-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\nHost: b\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n5;a=b;c="d\\"e"\r\nhello\r\n0\r\nX-T: u\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, X-A, Upgrade\r\nX-A: b\r\nUpgrade: websocket/13, h2c\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET http://b HTTP/1.0\r\n\r\n',
  'PUT /%00 HTTP/1.1\r\nHost: %41\r\nExpect: 100-continue\r\nContent-Length: 3\r\nProxy: x\r\n\r\nabc',
  'OPTIONS http://a HTTP/1.1\r\nHost: b\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n',
  `GET /${'a'.repeat(200)} HTTP/1.1\r\nHost: a\r\n${'X-Long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(30)}\r\n`,
];

const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.0 404\n\n<p>gone',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: u\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 304 Not Modified\nETag: "a"\nDate: x\nConnection: close, date\n\n',
  'HTTP/1.1 426 Upgrade Required\r\nUpgrade: x/1\r\nConnection: upgrade\r\nKeep-Alive: 5\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes',
  'HTTP/1.1 500 \xe9\t\xff\r\nContent-Length: 009\r\nX:\r\n\r\n123456789more',
];

const CHUNKED = [
  '0\r\n\r\n',
  '5\r\nhello\r\n00a;x\r\n0123456789\r\n0\r\n\r\nGET /',
  '3 ;a\r\nabc\r\n0\r\n\r\n',
  '1;a="b\\"c;d";e=f ; g\t=\th\r\nx\r\n0;last\r\nX-A: b\r\nDate:c\r\n\r\n',
  '1fffffffffffff\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
];

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function packet(vars: readonly (readonly [string, string])[], more = ''): string {
  const block = latin1(encodeVars(vars));
  return `\x00${String.fromCharCode(block.length & 255, block.length >> 8)}\x00${block}${more}`;
}

const PACKETS = [
  packet([]),
  packet([['A', 'b']]),
  packet(
    [
      ['REQUEST_METHOD', 'GET'],
      ['EMPTY', ''],
      ['A', 'b'.repeat(300)],
    ],
    'body',
  ),
  packet([['', 'x']]),
];

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const HEADERS = [
  'PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\nGET / HTTP/1.1\r\n',
  'PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 0 65535\r\n',
  'PROXY UNKNOWN ffff:: x\r\n\r\nGET',
  `${SIGNATURE}\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x9c\x40\0\x50GET /`,
  `${SIGNATURE}\x21\x21\0\x29${'\x20\x01\r\n'.repeat(8)}\x9c\x40\0\x50\x05\0\x02ab`,
  `${SIGNATURE}\x20\0\0\x03abcGET /`,
  `${SIGNATURE}\x21\x31\0\xd8${'/'.repeat(216)}`,
  '\r\n\r\nGET / HTTP/1.1\r\n',
];

const asked = (...lines: readonly string[]): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const FORWARDED = [
  asked('X-Forwarded-For: 198.51.100.1, 203.0.113.7:80, 10.0.0.1', 'x-forwarded-for: [::1]:_x', 'X-Forwarded-Proto: https,http'),
  asked('X-Forwarded-For: unknown, 10.1.1.1', 'X_Forwarded_For: 1.1.1.1', 'X-Real-IP: 1.1.1.1', 'X-Forwarded-Host: b'),
  asked('Forwarded: for=198.51.100.1;proto=https;by=x, for="[2001:db8::1]:_p"; host="a, b", for=10.0.0.1'),
  asked('Forwarded: for="\\"unknown\\"", for=_hidden;proto=http', 'Forwarded: For=127.0.0.1', 'Via: 1.1 x'),
];

const ENCODINGS = [
  asked('Accept-Encoding: gzip, deflate, br;q=0.5, zstd'),
  asked('Accept-Encoding: *;q=0.1, X-GZIP ; Q=0.000', 'accept-encoding: gzip;q=1.000'),
  asked('Accept-Encoding: identity;q=1, *;q=0', 'Accept-Encoding:'),
  asked('Accept-Encoding: gzip;level=9, gzipped, gzip;q=1.001'),
];

/** Several on one connection. */
const KEPT = [
  `${RESPONSES[0]}${RESPONSES[2]}${RESPONSES[3]}${RESPONSES[0]}`,
  `${RESPONSES[5]}HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok${RESPONSES[1]}`,
  `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=10\r\nContent-Length: 0\r\n\r\n${RESPONSES[6]}`,
];

/** By target. */
export const SEEDS: Readonly<Record<string, readonly string[]>> = {
  request: REQUESTS,
  response: RESPONSES,
  chunked: CHUNKED,
  packet: PACKETS,
  vars: REQUESTS,
  session: REQUESTS,
  answer: RESPONSES,
  proxy: HEADERS,
  forwarded: FORWARDED,
  gzip: ENCODINGS,
  writer: [...REQUESTS, ...FORWARDED],
  reader: [...RESPONSES, ...KEPT],
};

/** Pieces of the grammar, and of what others have been tricked with. */
export const WORDS = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\n\n',
    ' ',
    '\t',
    ':',
    ': ',
    ',',
    ', ',
    ';',
    '=',
    '"',
    '\\',
    '\0',
    '\x7f',
    '\x80',
    '\xff',
    '\x0b',
    '\x0c',
    '_',
    '-',
  ],
  ...[
    '%',
    '%2e',
    '%2F',
    '%00',
    '%zz',
    '/',
    '//',
    '/.',
    '/..',
    '/../',
    '?',
    '#',
    '*',
    '@',
    '[',
    ']',
    '[::1]',
    '::',
    ':80',
    ':65536',
    '1.2.3.4',
    'http://',
    'https://',
  ],
  ...[
    'GET',
    'HEAD',
    'OPTIONS',
    'CONNECT',
    'get',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/1.9',
    'HTTP/2.0',
    'HTTP/1.',
    '0',
    '1',
    '9',
    'a',
    'f',
    'F',
    '00',
    '0x',
    '+',
    '-1',
  ],
  ...[
    'Host: a\r\n',
    'Host:\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'content-length: 18446744073709551617\r\n',
    'Content_Length: 1\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'transfer-encoding:\tChunked \r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer_Encoding: chunked\r\n',
    'chunked',
  ],
  ...[
    'Connection: close\r\n',
    'Connection: keep-alive\r\n',
    'Connection: upgrade\r\n',
    'Connection: ,,\r\n',
    'Connection: host\r\n',
    'Connection: x-a\r\n',
  ],
  ...[
    'Upgrade: websocket\r\n',
    'Upgrade: h2c\r\n',
    'Expect: 100-continue\r\n',
    'Expect: x\r\n',
    'TE: trailers\r\n',
    'Trailer: a\r\n',
    'Date: x\r\n',
    'Proxy: a\r\n',
  ],
  ...[
    'X-A: b\r\n',
    ' X-A: b\r\n',
    'X-A : b\r\n',
    'X-A:b\n',
    ':b\r\n',
    '0\r\n\r\n',
    '0\r\n',
    '1\r\nx\r\n',
    '5\r\n',
    'ffffffffffffffff\r\n',
    '1;a=b\r\n',
    ' 204 ',
    ' 101 ',
    ' 100 ',
  ],
  ...[
    'PROXY ',
    'TCP4 ',
    'TCP6 ',
    'UNKNOWN',
    '\r\n\r\n\0\r\nQUIT\n',
    '\x21\x11\0\x0c',
    '10.0.0.1',
    '::ffff:10.0.0.1',
    'unknown',
    'for=',
    'for="[::1]:1"',
    ';proto=https',
    'X-Forwarded-For: ',
    'Forwarded: ',
    'Accept-Encoding: ',
    'gzip',
    ';q=',
    '0.',
    '1.0',
    'Keep-Alive: timeout=1\r\n',
  ],
];

export interface Finding {
  readonly name: string;
  readonly target: string;
  readonly text: string;
}

/** Inputs that once showed something wrong: `TARGET-ANYTHING.txt`, the bytes as they are. */
export function findings(): Finding[] {
  return readdirSync(FINDINGS)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => ({ name, target: name.split('-', 1)[0]!, text: readFileSync(new URL(name, FINDINGS), 'latin1') }));
}

/** Every text of the hostile corpus that looks like a message, whatever the shape of its files. */
export function hostileCorpus(): string[] {
  if (!existsSync(CORPUS)) return [];
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string' && value.includes('\n') && value.length < 4096) texts.push(value);
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) walk(each);
  };
  for (const name of readdirSync(CORPUS, { recursive: true }).map(String)) {
    if (name.endsWith('.json')) walk(JSON.parse(readFileSync(new URL(name, CORPUS), 'utf8')));
  }
  return texts;
}
