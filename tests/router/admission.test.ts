/** The rules by which requests are let in, whatever protocol they came by. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { admission, isRaw } from '../../src/router/admission.ts';
import { makeFront } from '../../src/router/front.ts';
import { bytesOf } from '../http1/support.ts';
import { DEFAULTS } from '../support/defaults.ts';
import { get, request } from './support.ts';

function headOf(text: string): RequestHead {
  const head = new RequestHead();
  const bytes = bytesOf(text);
  assert.equal(head.parse(bytes, bytes.length, true, { manageRtsp: true, manageSource: true }), PARSE.complete);
  return head;
}

test('a request is let in, refused by a limit, or turned down in a pause', () => {
  const settings = { ...DEFAULTS, tempDirectory: null, maxBody: 10, expectMaxBody: 5 };
  const says = (text: string, isPaused = false): string => {
    const found = admission(headOf(text), settings, isPaused);
    return found.kind !== 'admitted' ? `${found.kind} ${found.failure.code}` : found.kind;
  };
  const post = (length: number, ...fields: string[]): string => request('POST', '/', `Content-Length: ${length}`, ...fields);
  const expect = 'Expect: 100-continue';
  assert.equal(says(get()), 'admitted');
  assert.equal(says(post(10)), 'admitted');
  assert.equal(says(post(11)), 'refused body-too-large');
  assert.equal(says(post(5, expect)), 'admitted');
  assert.equal(says(post(6, expect)), 'refused expect-too-large');
  // How long it will be nobody knows.
  assert.equal(says(request('POST', '/', 'Transfer-Encoding: chunked', expect)), 'admitted');
  assert.equal(says(get(), true), 'turned-down paused');
  assert.equal(says(post(11), true), 'refused body-too-large', 'what follows cannot be skipped');
});

test('what is followed by bytes both ways', () => {
  const raw = (text: string, settings = {}, front = makeFront(0)): boolean =>
    isRaw(headOf(text), front, { ...DEFAULTS, tempDirectory: null, ...settings });
  assert.equal(raw(get()), false);
  assert.equal(raw(get(), { rawBody: true }), true);
  assert.equal(raw(request('POST', '/', 'Content-Length: 3'), { rawBody: true }), false, 'a length is kept');
  assert.equal(raw('SOURCE / HTTP/1.0\r\n\r\n'), false);
  assert.equal(raw('SOURCE / HTTP/1.0\r\n\r\n', { manageSource: true }), true);
  assert.equal(raw('PLAY rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n'), true);
  assert.equal(raw(get(), { rawBody: true }, makeFront(0, { redirect: { port: null } })), false, 'nothing is passed on');
});
