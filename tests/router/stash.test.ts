import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stash } from '../../src/router/stash.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));

test('a stash gives back in order what it was given, and what is left of that', () => {
  const stash = new Stash();
  assert.equal(stash.take(), null);
  stash.keep(bytesOf('one '));
  stash.keep(bytesOf('two'));
  const bytes = stash.take()!;
  assert.equal(textOf(bytes), 'one two');
  assert.ok(stash.isEmpty);
  stash.keep(bytes.subarray(4));
  stash.keep(bytesOf(' three'));
  assert.equal(textOf(stash.take()), 'two three');
  stash.read();
  stash.keep(bytesOf('four'));
  assert.equal(textOf(stash.take()), 'four');
});

test('it wants no more behind 16 KiB, and grows by doubling', () => {
  const stash = new Stash();
  let expected = '';
  for (let at = 0; at < 20_000; at++) {
    const byte = String.fromCharCode(97 + (at % 26));
    expected += byte;
    assert.equal(stash.keep(bytesOf(byte)), expected.length < 16 * 1024);
  }
  assert.equal(textOf(stash.take()), expected);
});

test('what each of many requests leaves is copied seldom', () => {
  const stash = new Stash();
  stash.keep(new Uint8Array(100_000));
  const buffers = new Set<unknown>();
  for (let left = 100_000; left > 0; left -= 1000) {
    const bytes = stash.take()!;
    buffers.add(bytes.buffer);
    stash.keep(bytes.subarray(1000));
  }
  assert.ok(stash.isEmpty);
  assert.ok(buffers.size < 10, `${buffers.size} buffers`);
});
