/** The chunked coding by RFC 9112 7.1, however it is cut: every refusal of a body, and what is accepted beside it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REQUEST_FAULTS } from '../../src/failure/failures.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { ChunkedReader } from '../../src/http1/chunked-reader.ts';
import { LAST_CHUNK, MAX_CHUNK_SIZE_LINE, writeChunkSize } from '../../src/http1/chunked-writer.ts';
import { bytesOf, dechunk } from './support.ts';

const END = '0\r\n\r\n';
/** A chunk with this behind its size. */
const extended = (extension: string): string => `3${extension}\r\nabc\r\n${END}`;
const trailed = (lines: string): string => `3\r\nabc\r\n0\r\n${lines}\r\n`;
const trailer = (text: string): string => trailed(`${text}\r\n`);

const ACCEPTED: readonly (readonly [title: string, text: string, data: string, trailers?: string])[] = [
  ['nothing', END, ''],
  ['one chunk', `3\r\nabc\r\n${END}`, 'abc'],
  ['several chunks', `1\r\na\r\n2\r\nbc\r\n10\r\n0123456789abcdef\r\n${END}`, 'abc0123456789abcdef'],
  ['hex digits of both cases', `a\r\n0123456789\r\nA\r\n0123456789\r\n0F\r\n0123456789abcde\r\n${END}`, '012345678901234567890123456789abcde'],
  ['line ends in the data', `6\r\n\r\n0\r\n\r\r\n${END}`, '\r\n0\r\n\r'],
  ['zeros before a size', `0000000000000003\r\nabc\r\n${END}`, 'abc'],
  ['several zeros at the end', '3\r\nabc\r\n000\r\n\r\n', 'abc'],
  ['an extension at the end', '3\r\nabc\r\n0;a\r\n\r\n', 'abc'],
  ['an extension', extended(';a'), 'abc'],
  ['an extension with a value', extended(';a=b'), 'abc'],
  ['an extension with a quoted value', extended(';a="b;c\\"\\\\ \t\xff"'), 'abc'],
  ['an extension with an empty quoted value', extended(';a=""'), 'abc'],
  ['several extensions', extended(';a;b=c;d="e";f'), 'abc'],
  ['white space inside extensions', extended('; \ta\t=\t b ; c = "d"\t;e'), 'abc'],
  ['a trailer', trailer('A: b'), 'abc', 'A: b\r\n'],
  ['several trailers', trailer('A: b\r\nC:\r\nDate: x'), 'abc', 'A: b\r\nC:\r\nDate: x\r\n'],
  ['trailers at their most', trailed('a:\r\n'.repeat(100)), 'abc', 'a:\r\n'.repeat(100)],
  ['trailer bytes at their most', trailer(`A: ${'b'.repeat(8192 - 5)}`), 'abc', `A: ${'b'.repeat(8192 - 5)}\r\n`],
  ['extension bytes at their most', extended(`;${'a'.repeat(16 * 1024 - 1)}`), 'abc'],
];

for (const [title, text, data, trailers = ''] of ACCEPTED) {
  test(`a chunked body with ${title}`, () => {
    assert.deepEqual(dechunk(text), { data, code: null, isDone: true, length: text.length, trailers });
    // What follows belongs to the next message.
    for (const next of ['GET / HTTP/1.1\r\n', '\r\n', '0\r\n\r\n', ' ', '\0']) {
      assert.deepEqual(dechunk(text + next), { data, code: null, isDone: true, length: text.length, trailers }, JSON.stringify(next));
    }
  });
}

const REFUSED: Readonly<Record<'badChunk' | 'chunkExtensions' | 'badTrailer' | 'trailersTooLarge', readonly string[]>> = {
  badChunk: [
    `\r\n${END}`,
    `\n3\r\nabc\r\n${END}`,
    `;a\r\n${END}`,
    ` 3\r\nabc\r\n${END}`,
    `\t3\r\nabc\r\n${END}`,
    `+3\r\nabc\r\n${END}`,
    `-3\r\nabc\r\n${END}`,
    `-1\r\n${END}`,
    `0x3\r\nabc\r\n${END}`,
    `0X3\r\nabc\r\n${END}`,
    `x3\r\nabc\r\n${END}`,
    `3h\r\nabc\r\n${END}`,
    `3.0\r\nabc\r\n${END}`,
    `3_0\r\nabc\r\n${END}`,
    `"3"\r\nabc\r\n${END}`,
    `\xb3\r\nabc\r\n${END}`,
    `3,3\r\nabc\r\n${END}`,
    extended(' '),
    extended('\t'),
    extended(' ;a'),
    extended('\t;a'),
    extended('\0'),
    extended('\x0b'),
    extended('\x0c'),
    extended(';'),
    extended('; '),
    extended(';;a'),
    extended(';a;'),
    extended(';a; '),
    extended(';=b'),
    extended(';a='),
    extended(';a= '),
    extended(';a=b=c'),
    extended(';a=b c'),
    extended(';a b'),
    extended(';a '),
    extended(';a=b '),
    extended(';a="b" '),
    extended(';a="b'),
    extended(';a="b\\'),
    extended(';a="b"c'),
    extended(';a="\x7f"'),
    extended(';a="\0"'),
    extended(';a="\\\0"'),
    extended(';a=b"c"'),
    extended(';(a)'),
    extended(';a\x7f'),
    extended(';\xe9'),
    extended(';a\0'),
    // Line ends that only half of all parsers take for one: TERM.EXT, EXT.TERM and their kin.
    `3\nabc\r\n${END}`,
    `3\rabc\r\n${END}`,
    `3\r\r\nabc\r\n${END}`,
    `3;a\nabc\r\n${END}`,
    `3;a\rb\r\nabc\r\n${END}`,
    `3;a="\n"\r\nabc\r\n${END}`,
    `3;a="\r\n"\r\nabc\r\n${END}`,
    `3;\n\r\nabc\r\n${END}`,
    `3\r\nabc\n${END}`,
    `3\r\nabc\r${END}`,
    `3\r\nabc${END}`,
    `3\r\nabcX\n${END}`,
    `3\r\nabc\rX${END}`,
    `3\r\nabcXX${END}`,
    `3\r\nabcd\r\n${END}`,
    `3\r\nab\r\n${END}`,
    `0\n\r\n`,
    `0\r\r\n`,
    `20000000000000\r\n`,
    `ffffffffffffffff\r\n`,
    `10000000000000000\r\n`,
    `00000000000000003\r\nabc\r\n${END}`,
    `${'0'.repeat(1000)}\r\n\r\n`,
  ],
  chunkExtensions: [
    extended(`;${'a'.repeat(16 * 1024)}`),
    extended(`;a="${'b'.repeat(16 * 1024)}"`),
    `3;${'a'.repeat(16 * 1024 + 1)}`,
    `1;${'a'.repeat(99)}\r\nb\r\n`.repeat(164) + END,
  ],
  badTrailer: [
    trailer(' A: b'),
    trailer('A: b\r\n c'),
    trailer('A'),
    trailer(': b'),
    trailer('A : b'),
    trailer('A: b\0'),
    trailer('A: b\nC: d'),
    trailer('A: b\rC: d'),
    trailed('\n'),
    trailed('A: b\n'),
    '3\r\nabc\r\n0\r\n\n',
    '3\r\nabc\r\n0\r\n\rX\n',
    trailer('Content-Length: 3'),
    trailer('transfer-encoding: chunked'),
    trailer('Host: a'),
    trailer('Connection: close'),
    trailer('A: b\r\nCookie: c'),
    trailer('Authorization: a'),
    trailer('Content-Type: a'),
    trailer('Trailer: a'),
    trailer('TE: a'),
    trailer('Upgrade: a'),
    trailer('Expect: a'),
    trailer('Proxy: a'),
  ],
  trailersTooLarge: [
    trailer(`A: ${'b'.repeat(8192 - 4)}`),
    trailed('a:\r\n'.repeat(101)),
    trailer(`A: ${'b'.repeat(20_000)}`),
    `0\r\nA: ${'b'.repeat(20_000)}`,
  ],
};

for (const [name, cases] of Object.entries(REFUSED)) {
  const { code, rule } = REQUEST_FAULTS[name as keyof typeof REFUSED];
  test(`${name}: ${rule}`, () => {
    for (const text of cases) assert.equal(dechunk(text).code, code, JSON.stringify(text.slice(0, 200)));
  });
}

test('a chunked body that has not ended is not done at any byte', () => {
  const text = `3;a="b"\r\nabc\r\n0;c\r\nA: b\r\n\r\n`;
  for (let length = 0; length < text.length; length++) {
    const { isDone, code } = dechunk(text.slice(0, length));
    assert.ok(!isDone && code === null, `${length} bytes`);
  }
});

test('data of the longest chunk is handed on as it comes', () => {
  const reader = new ChunkedReader();
  const size = bytesOf('1fffffffffffff\r\n');
  assert.equal(reader.read(size, 0, size.length), size.length);
  const piece = new Uint8Array(100).fill(0x30);
  for (let i = 0; i < 3; i++) {
    assert.equal(reader.read(piece, 10, 90), 90);
    assert.deepEqual([reader.dataStart, reader.dataEnd, reader.refusal, reader.isDone], [10, 90, null, false]);
  }
});

test('a reader that is done or has refused takes no more bytes', () => {
  for (const text of [END, 'x']) {
    const reader = new ChunkedReader();
    reader.read(bytesOf(text), 0, text.length);
    const { refusal, isDone } = reader;
    assert.equal(reader.read(bytesOf('3\r\nabc\r\n'), 0, 8), 0);
    assert.deepEqual([reader.dataEnd, reader.refusal, reader.isDone], [0, refusal, isDone]);
  }
});

test('chunk sizes are written as they are read', () => {
  for (const size of [1, 9, 10, 15, 16, 255, 256, 4095, 65_535, 65_536, 2 ** 31, 2 ** 32 + 1, 2 ** 53 - 1]) {
    const out = new Uint8Array(MAX_CHUNK_SIZE_LINE + 5).fill(0x21);
    const end = writeChunkSize(out, 3, size);
    assert.equal(latin1(out, 3, end), `${size.toString(16)}\r\n`);
    assert.ok(end <= 3 + MAX_CHUNK_SIZE_LINE);
    assert.equal(latin1(out, end, out.length), '!'.repeat(out.length - end));
  }
  assert.equal(dechunk(latin1(LAST_CHUNK, 0, LAST_CHUNK.length)).isDone, true);
});
