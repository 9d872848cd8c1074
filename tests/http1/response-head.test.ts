/** Heads of backends' answers: what is tolerated and normalised, and every fault by name. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWER_FAULTS } from '../../src/failure/failures.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { MAX_RESPONSE_HEAD_BYTES, ResponseHead } from '../../src/http1/response-head.ts';
import { acceptResponse, bytesOf, parseResponse, type ResponseSummary, responseHead } from './support.ts';

const ok = (text: string): string => `HTTP/1.1 200 OK\r\n${text}\r\n\r\n`;
const statusLine = (text: string): string => `${text}\r\nA: b\r\n\r\n`;
const lines = (text: string): string => `HTTP/1.1 200 OK\r\n${text}\r\n`;

interface Case {
  readonly refused: readonly string[];
  readonly accepted: readonly string[];
}

/** Faults that a body or a whole connection shows are in upstream-faults.test.ts. */
const FAULTS: Readonly<Record<Exclude<keyof typeof ANSWER_FAULTS, 'answerBadChunk' | 'answerInterimFlood'>, Case>> = {
  answerBadStatusLine: {
    refused: [
      statusLine(''),
      '\r\nHTTP/1.1 200 OK\r\n\r\n',
      'Status: 200 OK\r\n\r\n',
      '<html>',
      '\0',
      statusLine('http/1.1 200 OK'),
      statusLine('HTTP/2.0 200 OK'),
      statusLine('HTTP/0.9 200 OK'),
      statusLine('HTTP/2 200 OK'),
      statusLine('HTTP/1 200 OK'),
      statusLine('HTTP/1.x 200 OK'),
      statusLine('HTTP/1.10 200 OK'),
      statusLine('HTTP/1.1  200 OK'),
      statusLine('HTTP/1.1\t200 OK'),
      statusLine('HTTP/1.1 20 OK'),
      statusLine('HTTP/1.1 2000 OK'),
      statusLine('HTTP/1.1 200OK'),
      statusLine('HTTP/1.1 200\tOK'),
      statusLine('HTTP/1.1 099 OK'),
      statusLine('HTTP/1.1 600 Odd'),
      statusLine('HTTP/1.1 000 OK'),
      statusLine('HTTP/1.1 2x0 OK'),
      statusLine('HTTP/1.1 -20 OK'),
      statusLine('HTTP/1.1 OK'),
      statusLine('HTTP/1.1 '),
      statusLine('HTTP/1.1'),
      statusLine('HTTP/1.'),
      statusLine('HTTP/1.1 200 O\0K'),
      statusLine('HTTP/1.1 200 O\rK'),
      statusLine('HTTP/1.1 200 OK\r'),
      statusLine('HTTP/1.1 200 O\x1bK'),
      statusLine('HTTP/1.1 200 O\x7fK'),
      statusLine(`HTTP/1.1 200 ${'K'.repeat(8 * 1024 - 13)}`),
      statusLine(`HTTP/1.1 200 ${'K'.repeat(8 * 1024)}`),
      `HTTP/1.1 200 ${'K'.repeat(8 * 1024)}`,
    ],
    accepted: [
      statusLine('HTTP/1.1 200 OK'),
      statusLine('HTTP/1.0 200 OK'),
      statusLine('HTTP/1.9 200 OK'),
      statusLine('HTTP/1.1 200'),
      statusLine('HTTP/1.1 200 '),
      statusLine('HTTP/1.1 200  two\tspaces '),
      statusLine('HTTP/1.1 404 \xe9'),
      statusLine('HTTP/1.1 100 Continue'),
      statusLine('HTTP/1.1 599 x'),
      statusLine(`HTTP/1.1 200 ${'K'.repeat(8 * 1024 - 14)}`),
    ],
  },
  answerBadField: {
    refused: [
      ok('A'),
      ok(': b'),
      ok('A : b'),
      ok('A b: c'),
      ok('A: b\0c'),
      ok('A: b\x0bc'),
      ok('A: b\x7f'),
      ok('A: b\rC: d'),
      ok('A: b\r\r'),
      ok(' A: b'),
      ok('A: b\r\n c'),
      ok('A: b\n\tc'),
      ok('\xe9: b'),
      ok('A: b\r\n\rC: d'),
      ok('Connection: a b'),
      ok('Connection: content-length'),
      ok('Connection: transfer-encoding'),
    ],
    accepted: [ok('A: b'), ok('A:b\r\nC:'), ok('A: b\nC: d'), ok('A: \x80\t\xff'), ok('Connection: x-a, close')],
  },
  answerHeadTooLarge: {
    refused: [lines(`A: ${'b'.repeat(65_532)}\r\n`), lines('a:\n'.repeat(1001)), lines(`A: ${'b'.repeat(70_000)}\r\n`)],
    accepted: [lines(`A: ${'b'.repeat(65_531)}\r\n`), lines('a:\n'.repeat(1000)), lines(`A: ${'b'.repeat(65_532)}\n`)],
  },
  answerBadLength: {
    refused: [
      ok('Content-Length:'),
      ok('Content-Length: -1'),
      ok('Content-Length: +1'),
      ok('Content-Length: 1, 1'),
      ok('Content-Length: 1 1'),
      ok('Content-Length: 0x1'),
      ok('Content-Length: 9007199254740992'),
      ok('Content-Length: 1\r\nContent-Length: 1'),
      ok('Content-Length: 1\r\nA: b\r\ncontent-length: 2'),
    ],
    accepted: [ok('Content-Length: 0'), ok('Content-Length: 9007199254740991'), ok('Content_Length: x')],
  },
  answerLengthAndEncoding: {
    refused: [ok('Content-Length: 1\r\nTransfer-Encoding: chunked'), ok('Transfer-Encoding: chunked\r\nContent-Length: 0')],
    accepted: [ok('Transfer-Encoding: chunked\r\nX-Content-Length: 1')],
  },
  answerBadEncoding: {
    refused: [
      ok('Transfer-Encoding:'),
      ok('Transfer-Encoding: identity'),
      ok('Transfer-Encoding: gzip'),
      ok('Transfer-Encoding: gzip, chunked'),
      ok('Transfer-Encoding: chunked, chunked'),
      ok('Transfer-Encoding: chunked,'),
      ok('Transfer-Encoding: chunked;a=b'),
      ok('Transfer-Encoding: xchunked'),
      ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
    ],
    accepted: [ok('Transfer-Encoding: chunked'), ok('transfer-encoding:\tChunked ')],
  },
};

for (const [name, { refused, accepted }] of Object.entries(FAULTS)) {
  const { code, rule } = ANSWER_FAULTS[name as keyof typeof ANSWER_FAULTS];
  test(`${name}: ${rule}`, () => {
    for (const text of refused) assert.deepEqual(parseResponse(text), { state: 'refused', code }, JSON.stringify(text.slice(0, 200)));
    for (const text of accepted) assert.equal(parseResponse(text).state, 'complete', JSON.stringify(text.slice(0, 200)));
  });
}

test('every fault of an answer is a 502 with a code of its own', () => {
  const faults = Object.values(ANSWER_FAULTS);
  assert.ok(faults.every(({ status, code }) => status === 502 && /^upstream-[a-z-]+$/.test(code)));
  assert.equal(new Set(faults.map(({ code }) => code)).size, faults.length);
});

const SAYS: readonly (readonly [title: string, text: string, says: Partial<ResponseSummary>])[] = [
  ['status and reason', statusLine('HTTP/1.1 404 Not Found'), { status: 404, reason: ' Not Found' }],
  ['a missing reason', statusLine('HTTP/1.1 404'), { status: 404, reason: '' }],
  ['an empty reason', statusLine('HTTP/1.1 404 '), { status: 404, reason: ' ' }],
  ['no fields at all', 'HTTP/1.1 200 OK\r\n\r\n', { contentLength: -1, isChunked: false, isClean: true, lines: [] }],
  ['a head that can be copied', ok('A: b\r\nContent-Length: 3'), { contentLength: 3, isClean: true }],
  ['lone LF everywhere', 'HTTP/1.1 200 OK\nA: b\n\n', { isClean: false, lines: [{ name: 'A', value: 'b', dropped: false }] }],
  ['a lone LF behind the status line', 'HTTP/1.1 200 OK\nA: b\r\n\r\n', { isClean: false, reason: ' OK' }],
  ['a lone LF behind the first field', 'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n', { isClean: false }],
  ['a lone LF behind the last field', 'HTTP/1.1 200 OK\r\nA: b\r\nC: d\n\r\n', { isClean: false }],
  ['a lone LF behind an empty field', 'HTTP/1.1 200 OK\r\nA:\n\r\n', { isClean: false }],
  ['a lone LF at the end only', 'HTTP/1.1 200 OK\r\nA: b\r\n\n', { isClean: true }],
  ['a lone LF without fields', 'HTTP/1.1 200\n\n', { isClean: false, status: 200, reason: '' }],
  ['chunked', ok('Transfer-Encoding: Chunked'), { isChunked: true, contentLength: -1, isClean: false }],
  ['Date', ok('dAtE: x'), { hasDate: true }],
  ['a Date that Connection names', ok('Date: x\r\nConnection: date'), { hasDate: false }],
  ['Connection: close', ok('Connection: a, Close'), { wantsClose: true, isClean: false }],
  ['Upgrade', ok('Connection: upgrade\r\nUpgrade: x'), { hasUpgrade: true, wantsUpgrade: true }],
  ['Upgrade that Connection does not name', ok('Upgrade: x'), { hasUpgrade: true, wantsUpgrade: false, isClean: false }],
];

for (const [title, text, says] of SAYS) {
  test(`an answer with ${title}`, () => {
    const head = acceptResponse(text);
    assert.deepEqual(Object.fromEntries(Object.keys(says).map((key) => [key, head[key as keyof ResponseSummary]])), says);
  });
}

test('a body is told from what follows an answer that has none', () => {
  const cases: readonly (readonly [status: number, isHead: boolean, expected: boolean])[] = [
    [200, false, false],
    [200, true, true],
    [404, true, true],
    [100, false, true],
    [199, false, true],
    [204, false, true],
    [205, false, false],
    [304, false, true],
    [206, false, false],
    [500, false, false],
  ];
  for (const [status, isHead, expected] of cases) {
    const head = responseHead(`HTTP/1.1 ${status} x\r\nContent-Length: 5\r\n\r\n`);
    assert.equal(head.hasNoBody(isHead), expected, `${status} ${isHead}`);
  }
});

test('hop-by-hop fields of an answer and those that Connection names are dropped', () => {
  const names = [
    'Connection: x-a',
    'Keep-Alive: 1',
    'Transfer-Encoding: chunked',
    'Trailer: a',
    'TE: b',
    'Upgrade: c',
    'Proxy-Connection: d',
    'X-A: e',
  ];
  const kept = acceptResponse(ok([...names, 'Set-Cookie: f', 'set-cookie: g', 'Via: h'].join('\r\n'))).lines.filter(({ dropped }) => !dropped);
  assert.deepEqual(
    kept.map(({ name }) => name),
    ['Set-Cookie', 'set-cookie', 'Via'],
  );
});

test('an event stream is known by its type, whatever parameters follow', () => {
  for (const [type, isEventStream] of [
    ['text/event-stream', true],
    ['Text/Event-Stream;charset=utf-8', true],
    ['text/event-stream ; charset=utf-8', true],
    ['text/event-streams', false],
    ['text/event', false],
    ['text', false],
    ['x-text/event-stream', false],
    ['', false],
  ] as const) {
    const head = new ResponseHead();
    const bytes = bytesOf(ok(`Content-Type: ${type}`));
    assert.equal(head.parse(bytes, bytes.length), PARSE.complete);
    assert.equal(head.isEventStream, isEventStream, type);
  }
});

test('a head ends where its empty line ends, whatever follows', () => {
  for (const next of ['body', '\r\n', '\n', '\0']) {
    assert.equal(acceptResponse(ok('A: b') + next).end, ok('A: b').length);
    assert.equal(acceptResponse(`HTTP/1.1 200\n\n${next}`).end, 14);
  }
});

test('one head reads answer after answer, and nothing of the last one stays', () => {
  const head = new ResponseHead();
  const first = bytesOf('HTTP/1.1 101 x\r\nConnection: close, keep-alive, upgrade\r\nUpgrade: x\r\nDate: y\r\nContent-Length: 3\r\n\r\n');
  assert.equal(head.parse(first, first.length), PARSE.complete);
  head.reset();
  const broken = bytesOf('HTTP/1.1 200 ');
  assert.equal(head.parse(broken, broken.length), PARSE.incomplete);
  head.reset();
  const plain = 'HTTP/1.1 200\r\nA: b\r\n\r\n';
  assert.equal(head.parse(bytesOf(plain), plain.length), PARSE.complete);
  const fresh = responseHead(plain);
  for (const key of Object.keys(fresh) as (keyof ResponseHead)[]) if (key !== 'fields' && key !== 'bytes') assert.equal(head[key], fresh[key], key);
});

test('a head that is too large is refused before a buffer of MAX_RESPONSE_HEAD_BYTES is full', () => {
  for (const line of ['HTTP/1.1 200\n', `HTTP/1.1 200 ${'K'.repeat(8 * 1024 - 14)}\r\n`, `HTTP/1.1 ${'K'.repeat(80_000)}`]) {
    for (const more of ['X: y\n', `X: ${'y'.repeat(1000)}\r\n`, 'y'.repeat(80_000)]) {
      const text = bytesOf((line + more.repeat(Math.ceil(MAX_RESPONSE_HEAD_BYTES / more.length))).slice(0, MAX_RESPONSE_HEAD_BYTES));
      assert.equal(new ResponseHead().parse(text, text.length), PARSE.refused);
    }
  }
});
