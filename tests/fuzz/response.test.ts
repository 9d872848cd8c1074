/** Answers of every shape: read back, written for the client, and relayed, against the model and a strict reader. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddedFields, fieldName } from '../../src/http1/added-fields.ts';
import { CONNECTION, MAX_ADDED_BYTES, writeResponseHead } from '../../src/http1/response-writer.ts';
import { acceptResponse, responseHead } from '../http1/support.ts';
import { check, fc } from '../support/fast-check.ts';
import { parseResponse } from '../support/http-message.ts';
import * as made from './messages.ts';
import { Random } from './random.ts';
import { TARGETS } from './targets.ts';

test('the head of an answer is read back part by part, however it is cut', () => {
  check(
    fc.property(made.response, made.bytes, (response, behind) => {
      const text = made.responseText(response);
      const head = acceptResponse(text + behind);
      assert.deepEqual([head.end, head.status, head.reason], [text.length, response.status, response.reason === null ? '' : ` ${response.reason}`]);
      assert.deepEqual(
        head.lines.map(({ name, value }) => [name, value]),
        response.fields.map(({ name, value }) => [name, value]),
      );
    }),
    150,
  );
});

test('what is written for the client is read strictly, says the same, and stays within its room', () => {
  const more = fc.constantFrom(
    '',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: x-a, close\r\nX-A: b\r\n',
    'Keep-Alive: 5\r\n',
  );
  const says = fc.constantFrom(...Object.values(CONNECTION));
  check(
    fc.property(made.response, more, says, (response, fields, connection) => {
      const text = made.responseText(response, fields);
      const head = responseHead(text);
      const room = text.length + MAX_ADDED_BYTES;
      const out = new Uint8Array(room + 50).fill(0x21);
      const keepLength = head.contentLength >= 0 && response.status !== 204;
      const end = writeResponseHead(out, 0, head, false, keepLength, connection, new AddedFields().add(fieldName('Date'), 'x'));
      assert.ok(end <= room && out.subarray(end).every((byte) => byte === 0x21));
      const read = parseResponse(Buffer.from(out.subarray(0, end)), 'GET', true)!.response;
      assert.deepEqual([read.status, read.reason], [response.status, response.reason ?? '']);
      const own = ['content-length', 'date', 'connection', 'x-a'];
      assert.deepEqual(
        read.headerList.filter(([name]) => !own.includes(name.toLowerCase())),
        response.fields.filter(({ name }) => !own.includes(name.toLowerCase())).map(({ name, value }) => [name, value]),
      );
    }),
  );
});

test('one broken byte in a good head: the parser and the model say the same', () => {
  check(
    fc.property(made.response, fc.nat(), fc.nat(255), made.seed, (response, at, byte, seed) => {
      const text = made.responseText(response, 'Content-Length: 3\r\n');
      const place = at % text.length;
      TARGETS.response!(text.slice(0, place) + String.fromCharCode(byte) + text.slice(place + 1), new Random(seed));
    }),
  );
});

test('anything at all is accepted or refused as the model has it, and never thrown at', () => {
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.response!(text, new Random(seed))),
    1500,
  );
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.response!(`HTTP/1.1 200 OK\r\n${text}\r\n\r\n`, new Random(seed))),
    1500,
  );
});

test('whatever a backend sends, the client gets one answer by the rules or is cut off', () => {
  const body = fc.oneof(
    made.bytes.map((data) => `Content-Length: ${data.length}\r\n\r\n${data}`),
    made.bytes.map((data) => `\r\n${data}`),
    fc
      .tuple(made.chunks, fc.array(made.field, { maxLength: 2 }))
      .map(([chunks, trailers]) => `Transfer-Encoding: chunked\r\n\r\n${made.chunkedText(chunks, trailers)}`),
    made.soup,
  );
  const interim = fc.constantFrom('', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early\nLink: a\n\n');
  check(
    fc.property(interim, fc.integer({ min: 100, max: 700 }), body, made.seed, (before, status, rest, seed) => {
      TARGETS.answer!(`${before}HTTP/1.1 ${status} x\r\n${rest}`, new Random(seed));
    }),
    2000,
  );
});
