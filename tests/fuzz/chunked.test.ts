/** The chunked coding: what was chunked comes out whole, and only what the model takes is taken. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dechunk } from '../http1/support.ts';
import { check, fc } from '../support/fast-check.ts';
import * as made from './messages.ts';
import { Random } from './random.ts';
import { TARGETS } from './targets.ts';

const trailers = fc.array(made.field, { maxLength: 3 });

test('what was chunked comes out whole, with its trailers, however it is cut, and what follows stays', () => {
  check(
    fc.property(made.chunks, trailers, made.bytes, (chunks, fields, behind) => {
      const text = made.chunkedText(chunks, fields);
      assert.deepEqual(dechunk(text + behind), {
        data: chunks.map(({ data }) => data).join(''),
        code: null,
        isDone: true,
        length: text.length,
        trailers: fields.map((field) => made.fieldLine(field)).join(''),
      });
    }),
    150,
  );
});

test('one broken byte in a good body: the reader and the model say the same', () => {
  check(
    fc.property(made.chunks, trailers, fc.nat(), fc.nat(255), made.seed, (chunks, fields, at, byte, seed) => {
      const text = made.chunkedText(chunks, fields);
      const place = at % text.length;
      TARGETS.chunked!(text.slice(0, place) + String.fromCharCode(byte) + text.slice(place + 1), new Random(seed));
    }),
    2000,
  );
});

test('anything at all is accepted or refused as the model has it, and never thrown at', () => {
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.chunked!(text, new Random(seed))),
    1500,
  );
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.chunked!(`1;${text}\r\nx\r\n0\r\n\r\n`, new Random(seed))),
    1500,
  );
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.chunked!(`1\r\nx\r\n0\r\n${text}\r\n\r\n`, new Random(seed))),
    1500,
  );
});

test('chunk extensions of any shape: the reader and the model say the same', () => {
  const piece = fc.constantFrom(';', ';', '=', ' ', '\t', 'a', 'b=c', '"', '"d"', '\\', '\xff', '\r', '\n');
  check(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.constantFrom('\r\n', ' \r\n', '\n'), made.seed, (pieces, end, seed) => {
      TARGETS.chunked!(`1${pieces.join('')}${end}x\r\n0\r\n\r\n`, new Random(seed));
      TARGETS.chunked!(`1;a${pieces.join('')}${end}x\r\n0\r\n\r\n`, new Random(seed));
    }),
    1500,
  );
});
