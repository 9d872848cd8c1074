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

/** By target. */
export const SEEDS: Readonly<Record<string, readonly string[]>> = {
  request: REQUESTS,
  response: RESPONSES,
  chunked: CHUNKED,
  packet: PACKETS,
  vars: REQUESTS,
  session: REQUESTS,
  answer: RESPONSES,
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
