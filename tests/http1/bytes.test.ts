import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as bytes from '../../src/http1/bytes.ts';
import { FIELD, fieldId, isForbiddenTrailer, isHopByHop } from '../../src/http1/field-names.ts';
import { bytesOf } from './support.ts';

const ALL = Array.from({ length: 256 }, (_, byte) => byte);
const matching = (pattern: RegExp): number[] => ALL.filter((byte) => pattern.test(String.fromCharCode(byte)));

test('byte classes are those of the RFCs', () => {
  const token = ALL.filter((byte) => bytes.TOKEN[byte] !== 0);
  assert.deepEqual(token, matching(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/));
  for (const byte of token) assert.equal(bytes.TOKEN[byte], String.fromCharCode(byte).toLowerCase().charCodeAt(0));
  const value = ALL.filter((byte) => bytes.VALUE[byte] === 1);
  assert.deepEqual(value, matching(/[\t\x20-\x7e\x80-\xff]/));
  const target = ALL.filter((byte) => bytes.TARGET[byte] === 1);
  assert.deepEqual(target, matching(/[!-"$-~]/));
  const hex = ALL.filter((byte) => bytes.HEX[byte] !== 255);
  assert.deepEqual(hex, matching(/[0-9a-fA-F]/));
  for (const byte of hex) assert.equal(bytes.HEX[byte], Number.parseInt(String.fromCharCode(byte), 16));
});

test('decimal numbers are read strictly and written as they are read', () => {
  const read = (text: string): number => bytes.readDecimal(bytesOf(`9${text}9`), 1, 1 + text.length);
  for (const value of [0, 1, 9, 10, 99, 100, 65_535, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
    assert.equal(read(String(value)), value);
    const out = new Uint8Array(20);
    const end = bytes.writeDecimal(out, 2, value);
    assert.equal(bytes.latin1(out, 2, end), String(value));
  }
  assert.equal(read('007'), 7);
  for (const text of ['', '-1', '+1', ' 1', '1 ', '1a', '1.', '9007199254740992', '99999999999999999999', '1'.repeat(400)])
    assert.equal(read(text), -1, text);
});

test('bytes are compared exactly, and names in any case', () => {
  const text = bytesOf('xHoStx');
  assert.ok(bytes.equalsFolded(text, 1, 5, bytes.ascii('host')));
  assert.ok(!bytes.equalsFolded(text, 1, 5, bytes.ascii('hos')));
  assert.ok(!bytes.equalsFolded(text, 1, 5, bytes.ascii('hosts')));
  assert.ok(!bytes.equalsFolded(text, 1, 5, bytes.ascii('hast')));
  assert.ok(bytes.equalsBytes(text, 1, 5, bytes.ascii('HoSt')));
  assert.ok(!bytes.equalsBytes(text, 1, 5, bytes.ascii('host')));
  assert.ok(!bytes.equalsBytes(text, 1, 4, bytes.ascii('HoSt')));
  // 0x40 + 0x20 and 0x60 differ by the bit that folds letters: no table, no trap.
  assert.ok(!bytes.equalsFolded(bytesOf('@'), 0, 1, bytes.ascii('`')));
  assert.ok(!bytes.equalsFolded(bytesOf('\r'), 0, 1, bytes.ascii('-')));
});

test('short and long runs are copied alike', () => {
  for (const length of [0, 1, 47, 48, 49, 50, 1000]) {
    const from = Uint8Array.from({ length: length + 4 }, (_, i) => i);
    const out = new Uint8Array(length + 10);
    assert.equal(bytes.copyBytes(out, 3, from, 2, 2 + length), 3 + length);
    assert.deepEqual(out.subarray(3, 3 + length), from.subarray(2, 2 + length));
    assert.ok(out.subarray(3 + length).every((byte) => byte === 0) && out[2] === 0);
  }
});

test('known names are known in any case, and nothing else is', () => {
  const spelled = (id: string): string => id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  for (const [name, id] of Object.entries(FIELD)) {
    if (id === FIELD.other) continue;
    for (const text of [spelled(name), spelled(name).toUpperCase()]) {
      assert.equal(fieldId(bytesOf(text), 0, text.length), id, text);
      for (const other of [`${text}s`, text.slice(1), text.slice(0, -1), `x${text.slice(1)}`, text.replaceAll('-', '_')]) {
        if (other.toLowerCase() !== text.toLowerCase()) assert.equal(fieldId(bytesOf(other), 0, other.length), FIELD.other, other);
      }
    }
  }
  assert.equal(fieldId(bytesOf('X'.repeat(300)), 0, 300), FIELD.other);
});

test('hop-by-hop fields are those of RFC 9110 7.6.1, and our own', () => {
  const named = (test: (id: (typeof FIELD)[keyof typeof FIELD]) => boolean): string[] =>
    Object.entries(FIELD).flatMap(([name, id]) => (test(id) ? [name] : []));
  assert.deepEqual(named(isHopByHop), ['connection', 'transferEncoding', 'upgrade', 'keepAlive', 'te', 'trailer', 'proxyConnection', 'xUgateClient']);
  assert.deepEqual(
    named((id) => !isForbiddenTrailer(id)),
    ['other', 'date', 'vary', 'etag', 'cacheControl'],
  );
});
