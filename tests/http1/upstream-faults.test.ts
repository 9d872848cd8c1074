/** Faults of answers that show only behind their head. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES, type Failure } from '../../src/failure/failures.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { ResponseHead } from '../../src/http1/response-head.ts';
import type { Exchange } from '../../src/router/exchange.ts';
import { ResponseReader } from '../../src/upstream/response-reader.ts';
import { bytesOf } from './support.ts';

interface Told {
  interims: number;
  body: string;
  ended: boolean;
  code: string | null;
}

/** Reads an answer as an exchange would get it, in pieces of `size` bytes. */
function read(text: string, size = text.length): Told {
  const told: Told = { interims: 0, body: '', ended: false, code: null };
  const exchange = {
    request: { isHead: false, expectsContinue: false },
    interim: () => told.interims++,
    head: () => {},
    body: (bytes: Uint8Array, start: number, end: number) => {
      told.body += latin1(bytes, start, end);
    },
    trailers: () => {},
    end: () => {
      told.ended = true;
    },
    failed: (failure: Failure) => {
      told.code = failure.code;
    },
  };
  const reader = new ResponseReader(exchange as unknown as Exchange, new ResponseHead());
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length && !reader.isDone; at += size) reader.read(bytes.slice(at, at + size));
  return told;
}

const chunked = (body: string): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
const interims = (count: number): string =>
  `${'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'.repeat(count)}HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx`;

test(`badChunk: ${FAILURES.answerBadChunk.rule}`, () => {
  for (const body of ['3\nabc', '3\r\nabcd\r\n', 'x\r\n', '-1\r\n', '0x3\r\nabc\r\n', '3 \r\nabc\r\n', '0\r\nContent-Length: 1\r\n\r\n']) {
    for (const size of [1, 1000]) assert.equal(read(chunked(body), size).code, 'upstream-bad-chunk', JSON.stringify(body));
  }
  for (const size of [1, 1000]) {
    assert.deepEqual(read(chunked('3;a\r\nabc\r\n0\r\nA: b\r\n\r\n'), size), { interims: 0, body: 'abc', ended: true, code: null });
  }
});

test(`interimFlood: ${FAILURES.answerInterimFlood.rule}`, () => {
  for (const size of [1, 7, 100_000]) {
    assert.deepEqual(read(interims(32), size), { interims: 32, body: 'x', ended: true, code: null });
    assert.deepEqual(read(interims(33), size), { interims: 32, body: '', ended: false, code: 'upstream-interim-flood' });
  }
});
