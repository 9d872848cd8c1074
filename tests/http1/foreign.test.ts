/** Heads of RTSP/1.0 and ICE/1.0, where a listener takes them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latin1 } from '../../src/http1/bytes.ts';
import { PARSE, type ParseState } from '../../src/http1/fields.ts';
import { PROTOCOL, RequestHead } from '../../src/http1/request-head.ts';
import { type Hop, MAX_ADDED_BYTES, writeRequestHead } from '../../src/http1/request-writer.ts';
import { bytesOf } from './support.ts';

const BOTH = { manageRtsp: true, manageSource: true };
const HOP: Hop = { host: bytesOf('node:554'), persists: true, trustsForwarded: false, sendsForwarded: false, isSilent: false };
const NOBODY = { address: '', port: 0 };

/** Fed byte by byte, with poison behind what has come. */
function parse(text: string, foreign = BOTH): { state: ParseState; head: RequestHead } {
  const head = new RequestHead();
  const bytes = bytesOf(`${text}\n\n`);
  let state: ParseState = PARSE.incomplete;
  for (let length = 1; length <= text.length && state === PARSE.incomplete; length++) state = head.parse(bytes, length, true, foreign);
  return { state, head };
}

test('RTSP: absolute targets of its own scheme, paths and the asterisk, without Host', () => {
  for (const [target, host, path] of [
    ['rtsp://cam.example:554/live/1?a=b', 'cam.example:554', '/live/1'],
    ['RTSP://cam.example/', 'cam.example', '/'],
    ['rtsp://[::1]:8554', '[::1]:8554', ''],
    ['/live', '', '/live'],
    ['*', '', '*'],
  ]) {
    const { state, head } = parse(`DESCRIBE ${target} RTSP/1.0\r\nCSeq: 1\r\nExpect: 100-continue\r\n\r\n`);
    assert.equal(state, PARSE.complete, target);
    assert.deepEqual([head.protocol, head.isHttp10, head.expectsContinue], [PROTOCOL.rtsp, false, false]);
    assert.equal(latin1(head.bytes, head.hostStart, head.hostEnd), host);
    assert.equal(latin1(head.bytes, head.pathStart, head.pathEnd), path);
  }
});

test('ICE/1.0 is HTTP/1.0 in all but the name, and only for SOURCE', () => {
  const { state, head } = parse('SOURCE /live ICE/1.0\r\nice-name: a\r\n\r\n');
  assert.equal(state, PARSE.complete);
  assert.deepEqual([head.protocol, head.isSource, head.isHttp10], [PROTOCOL.ice, true, true]);
});

test('what is refused, with or without the options', () => {
  const rtsp = { manageRtsp: true, manageSource: false };
  const ice = { manageRtsp: false, manageSource: true };
  for (const [line, foreign, code] of [
    ['GET / ICE/1.0', BOTH, 'bad-version'],
    ['source / ICE/1.0', BOTH, 'bad-version'],
    ['SOURCE / ICE/1.1', BOTH, 'bad-version'],
    ['SOURCE / ICE/1.0', rtsp, 'bad-version'],
    ['PLAY / RTSP/2.0', BOTH, 'bad-version'],
    ['PLAY rtsp://a/ RTSP/1.0', ice, 'bad-version'],
    ['PLAY http://a/ RTSP/1.0', BOTH, 'bad-target-form'],
    ['PLAY rtsp://u@a/ RTSP/1.0', BOTH, 'target-userinfo'],
    ['GET rtsp://a/ HTTP/1.1', BOTH, 'bad-target-form'],
    ['SOURCE / ICE/1.0\n', BOTH, 'bare-line-end'],
  ] as const) {
    const { state, head } = parse(`${line}\r\nHost: a\r\n\r\n`, foreign);
    assert.equal(state, PARSE.refused, line);
    assert.equal(head.refusal?.code, code, line);
  }
});

test('a head is not what the one before it was', () => {
  const { head } = parse('PLAY rtsp://a/ RTSP/1.0\r\n\r\n');
  head.reset();
  const bytes = bytesOf('BAD\x01');
  assert.equal(head.parse(bytes, bytes.length, true, BOTH), PARSE.refused);
  assert.equal(head.isRtsp, false);
});

test('RTSP goes to an HTTP node with its own request line, and without words about the connection', () => {
  const { head } = parse('PLAY rtsp://a/b RTSP/1.0\r\nCSeq: 2\r\nConnection: close\r\nSession: 7\r\n\r\n');
  const out = new Uint8Array(head.end + MAX_ADDED_BYTES);
  const end = writeRequestHead(out, 0, head, -1, { peer: NOBODY, isSecure: false }, HOP);
  assert.equal(latin1(out, 0, end), 'PLAY rtsp://a/b RTSP/1.0\r\nCSeq: 2\r\nSession: 7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n');
});
