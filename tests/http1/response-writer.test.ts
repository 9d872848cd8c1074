/** Heads as clients get them, read back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddedFields, fieldName } from '../../src/http1/added-fields.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { MAX_FIELDS } from '../../src/http1/fields.ts';
import { CONNECTION, type ConnectionSays, MAX_ADDED_BYTES, writeResponseHead } from '../../src/http1/response-writer.ts';
import { acceptResponse, responseHead } from './support.ts';

interface Says {
  readonly chunked?: boolean;
  readonly keepLength?: boolean;
  readonly connection?: ConnectionSays;
  readonly date?: string;
}

/** Writes into a buffer that is exactly as large as promised to be enough, behind other bytes. */
function write(text: string, { chunked = false, keepLength = true, connection = CONNECTION.silent, date }: Says = {}): string {
  const head = responseHead(text);
  const before = 7;
  const out = new Uint8Array(before + head.end + MAX_ADDED_BYTES).fill(0x21);
  const end = writeResponseHead(
    out,
    before,
    head,
    chunked,
    keepLength,
    connection,
    date === undefined ? null : new AddedFields().add(fieldName('Date'), date),
  );
  assert.ok(end <= out.length, `${end - before} bytes for a head of ${head.end}`);
  assert.equal(latin1(out, 0, before), '!'.repeat(before));
  const written = latin1(out, before, end);
  assert.match(written, /^HTTP\/1\.1 \d{3} .*\r\n([!-~]+:.*\r\n)*\r\n$/);
  return written;
}

const DATE = 'Thu, 01 Jan 1970 00:00:00 GMT';

const CASES: readonly (readonly [title: string, from: string, says: Says, to: string])[] = [
  ['a clean head as it stands', 'HTTP/1.1 200 OK\r\nA:b\r\nC:  d \r\n\r\n', {}, 'HTTP/1.1 200 OK\r\nA:b\r\nC:  d \r\n\r\n'],
  ['always HTTP/1.1', 'HTTP/1.0 200 OK\r\n\r\n', {}, 'HTTP/1.1 200 OK\r\n\r\n'],
  ['the space of a missing reason', 'HTTP/1.1 200\r\n\r\n', {}, 'HTTP/1.1 200 \r\n\r\n'],
  ['an empty reason', 'HTTP/1.1 200 \r\n\r\n', {}, 'HTTP/1.1 200 \r\n\r\n'],
  ['lone LF as CRLF', 'HTTP/1.0 200\nA:b\nC: d \n\n', {}, 'HTTP/1.1 200 \r\nA: b\r\nC: d\r\n\r\n'],
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', {}, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'],
  [
    'no length where it is taken away',
    'HTTP/1.1 204 x\r\nContent-Length: 0\r\nA: b\r\n\r\n',
    { keepLength: false },
    'HTTP/1.1 204 x\r\nA: b\r\n\r\n',
  ],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nA: b\r\n\r\n',
    { chunked: true, keepLength: false },
    'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  [
    'our chunks for theirs',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nA: b\r\n\r\n',
    { chunked: true, keepLength: false },
    'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a Date', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n', { date: DATE }, `HTTP/1.1 200 OK\r\nA: b\r\nDate: ${DATE}\r\n\r\n`],
  ['close', 'HTTP/1.1 200 OK\r\n\r\n', { connection: CONNECTION.close }, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'],
  ['keep-alive', 'HTTP/1.1 200 OK\r\n\r\n', { connection: CONNECTION.keepAlive }, 'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n'],
  [
    'none of the hop-by-hop fields, and none that Connection names',
    'HTTP/1.1 200 OK\r\nConnection: close, x-a\r\nKeep-Alive: 5\r\nX-A: b\r\nUpgrade: c\r\nD: e\r\n\r\n',
    {},
    'HTTP/1.1 200 OK\r\nD: e\r\n\r\n',
  ],
  [
    'Upgrade in a 101',
    'HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-A: b\r\n\r\n',
    { connection: CONNECTION.upgrade },
    'HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-A: b\r\nConnection: upgrade\r\n\r\n',
  ],
  [
    'Upgrade in a 426 before the connection closes',
    'HTTP/1.1 426 x\r\nUpgrade: a\r\nContent-Length: 0\r\n\r\n',
    { connection: CONNECTION.closeAndUpgrade },
    'HTTP/1.1 426 x\r\nUpgrade: a\r\nContent-Length: 0\r\nConnection: close, upgrade\r\n\r\n',
  ],
  [
    'every Upgrade field of a 200',
    'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n',
    { connection: CONNECTION.upgrade },
    'HTTP/1.1 200 OK\r\nUpgrade: a\r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n',
  ],
  ['several cookies', 'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\n\n', {}, 'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n'],
];

for (const [title, from, says, to] of CASES) {
  test(`a client gets ${title}`, () => {
    const written = write(from, says);
    assert.equal(written, to);
    assert.equal(acceptResponse(written).end, written.length);
  });
}

test('a client gets every form of connection in a form of its own', () => {
  const said = Object.values(CONNECTION).map((connection) => {
    const head = acceptResponse(write('HTTP/1.1 200 OK\r\nUpgrade: a\r\n\r\n', { connection }));
    return [head.wantsClose, head.wantsKeepAlive, head.wantsUpgrade, head.hasUpgrade];
  });
  assert.deepEqual(said, [
    [false, false, false, false],
    [true, false, false, false],
    [false, true, false, false],
    [false, false, true, true],
    [true, false, true, true],
  ]);
});

test('the longest additions fit the room that is asked for', () => {
  const says = { chunked: true, keepLength: false, connection: CONNECTION.closeAndUpgrade, date: DATE };
  const most = `HTTP/1.1 200\n${'a:b\n'.repeat(MAX_FIELDS)}\n`;
  assert.equal(write(most, says).split('\r\n').length, 1 + MAX_FIELDS + 3 + 2);
  write(`HTTP/1.1 200\r\n${'a:b\r\n'.repeat(MAX_FIELDS - 1)}TE:\r\n\r\n`, says);
  write(`HTTP/1.1 200\nA: ${'b'.repeat(65_000)}\n\n`, says);
  write('HTTP/1.1 200\n\n', says);
});
