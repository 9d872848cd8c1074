/** Fields of ours: as lines, and as names and values for who writes no lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddedFields, fieldName } from '../../src/http1/added-fields.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { FIELD } from '../../src/http1/field-names.ts';
import { CONNECTION, MAX_ADDED_BYTES, writeOwnHead, writeResponseHead } from '../../src/http1/response-writer.ts';
import { acceptResponse, requestHead, responseHead } from './support.ts';

const A = fieldName('X-A_b');
const VARY = fieldName('vary');
const DATE = new AddedFields().add(fieldName('Date'), 'Thu, 01 Jan 1970 00:00:00 GMT');

function read({ bytes, fields }: AddedFields): [name: string, value: string][] {
  return Array.from({ length: fields.count }, (_, i) => [
    latin1(bytes, fields.nameStart(i), fields.nameEnd(i)),
    latin1(bytes, fields.valueStart(i), fields.valueEnd(i)),
  ]);
}

test('fields are lines, and known by name, value, id and hash as if they had come as such', () => {
  const added = new AddedFields();
  for (let round = 0; round < 2; round++) {
    added.clear();
    added.add(A, 'one').add(VARY, '').add(A, 'x'.repeat(1000));
    assert.equal(latin1(added.bytes, 0, added.length), `X-A_b: one\r\nvary: \r\nX-A_b: ${'x'.repeat(1000)}\r\n`);
    assert.deepEqual(read(added), [
      ['X-A_b', 'one'],
      ['vary', ''],
      ['X-A_b', 'x'.repeat(1000)],
    ]);
  }
  const { fields } = responseHead('HTTP/1.1 200 OK\r\nx-a-b: c\r\nX-A_B: d\r\nVary: e\r\n\r\n');
  assert.deepEqual([added.fields.id(1), added.fields.hash(1)], [FIELD.vary, fields.hash(2)]);
  assert.deepEqual([added.fields.hasUnderscore(0), added.fields.hash(0)], [fields.hasUnderscore(1), fields.hash(0)]);
});

test('an edited head is written without what was dropped and with what was added, and is itself again behind a reset', () => {
  const head = responseHead('HTTP/1.1 200 OK\r\nETag: "a"\r\nB: c\r\n\r\n');
  assert.equal(head.isEdited, false);
  head.drop(0);
  head.add(VARY, 'accept');
  assert.equal(head.isEdited, true);
  const out = new Uint8Array(1000);
  const end = writeResponseHead(out, 0, head, false, false, CONNECTION.silent, DATE);
  const date = 'Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n';
  assert.equal(latin1(out, 0, end), `HTTP/1.1 200 OK\r\nB: c\r\n${date}vary: accept\r\n\r\n`);
  head.reset();
  assert.deepEqual([head.isEdited, head.added], [false, null]);
});

test('an answer of our own says what it is given, its length, the date, and what becomes of the connection', () => {
  const rtsp = requestHead('OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1234567890\r\n\r\n', { manageRtsp: true, manageSource: false });
  const fields = new AddedFields().add(A, 'b'.repeat(300));
  const out = new Uint8Array(fields.length + MAX_ADDED_BYTES);
  const write = (status: number, request: typeof rtsp | null): string => {
    const end = writeOwnHead(out, 0, status, fields, Number.MAX_SAFE_INTEGER, request, CONNECTION.closeAndUpgrade, DATE);
    assert.ok(end <= out.length);
    return latin1(out, 0, end);
  };
  const head = acceptResponse(write(431, null));
  assert.deepEqual([head.status, head.contentLength, head.hasDate, head.wantsClose], [431, Number.MAX_SAFE_INTEGER, true, true]);
  assert.match(write(431, rtsp), /^RTSP\/1\.0 431 Request Header Fields Too Large\r\nCSeq: 1234567890\r\nX-A_b: b+\r\nContent-Length: \d+\r\nDate: /);
  assert.match(write(599, null), /^HTTP\/1\.1 599 Error\r\n/);
});
