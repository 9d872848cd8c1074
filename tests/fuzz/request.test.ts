/** Requests of every shape: what was put in comes out, what the model refuses is refused, and nothing depends on how they are cut. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptRequest, parseRequest } from '../http1/support.ts';
import { check, fc } from '../support/fast-check.ts';
import * as made from './messages.ts';
import { Random } from './random.ts';
import { TARGETS } from './targets.ts';

test('a request that keeps the rules is read back part by part, however it is cut', () => {
  check(
    fc.property(made.request, made.bytes, (request, behind) => {
      const text = made.requestText(request);
      // Some words are no field of their own but a part of the message's frame.
      const head = acceptRequest(text + behind);
      assert.equal(head.end, text.length);
      assert.equal(head.method, request.method);
      assert.equal(head.path, request.path);
      assert.equal(head.query, request.query);
      assert.equal(head.host, request.host);
      assert.equal(head.minor, Math.min(request.minor, 1));
      const lines = head.lines.map(({ name, value }) => [name, value]);
      assert.deepEqual(lines, [...request.fields.map(({ name, value }) => [name, value]), ['Host', request.host]]);
    }),
    150,
  );
});

test('one broken byte in a good request: the parser and the model say the same', () => {
  check(
    fc.property(made.request, fc.nat(), fc.nat(255), made.seed, (request, at, byte, seed) => {
      const text = made.requestText(request);
      const place = at % text.length;
      TARGETS.request!(text.slice(0, place) + String.fromCharCode(byte) + text.slice(place + 1), new Random(seed));
    }),
  );
});

test('framing fields in any mixture: the parser and the model say the same', () => {
  const framing = fc.constantFrom(
    'Content-Length: 5\r\n',
    'content-length: 0\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: +5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'TRANSFER-ENCODING:Chunked \r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer-Encoding: identity\r\n',
    'Connection: close\r\n',
    'Connection: keep-alive, x-a\r\n',
    'Connection: upgrade\r\n',
    'Connection: transfer-encoding\r\n',
    'Upgrade: websocket\r\n',
    'Upgrade: H2C/1\r\n',
    'Expect: 100-Continue\r\n',
    'Expect: 200\r\n',
    'TE: gzip, Trailers\r\n',
    'X-A: b\r\n',
    'Host: b\r\n',
  );
  check(
    fc.property(made.request, fc.array(framing, { maxLength: 4 }), made.seed, (request, more, seed) => {
      TARGETS.request!(made.requestText(request, more.join('')), new Random(seed));
    }),
  );
});

test('anything at all is accepted or refused as the model has it, and never thrown at', () => {
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.request!(text, new Random(seed))),
    1500,
  );
  check(
    fc.property(made.soup, made.seed, (text, seed) => void TARGETS.request!(`GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`, new Random(seed))),
    1500,
  );
  check(
    fc.property(made.host, made.soup, (host, text) => void TARGETS.request!(`GET / HTTP/1.1\r\nHost: ${host}${text}\r\n\r\n`, new Random(1))),
    500,
  );
});

test('an address literal is a host exactly when the model says so', () => {
  const piece = fc.constantFrom(':', '::', '0', 'ff', '1234', 'fffff', '1.2.3.4', '256.1.1.1', '01.2.3.4', '.', 'g', '%1', 'v1.a');
  check(
    fc.property(
      fc.array(piece, { maxLength: 16 }),
      (parts) => void TARGETS.request!(`GET / HTTP/1.1\r\nHost: [${parts.join('')}]\r\n\r\n`, new Random(1)),
    ),
    1500,
  );
  check(
    fc.property(
      fc.array(fc.constantFrom('1:', 'ffff:', ':'), { minLength: 5, maxLength: 9 }),
      fc.constantFrom('', '1', '1.2.3.4'),
      (parts, end) => void TARGETS.request!(`GET / HTTP/1.1\r\nHost: [${parts.join('')}${end}]\r\n\r\n`, new Random(1)),
    ),
    1000,
  );
});

test('pipelined requests reach the backend one by one, whole, in order, however they come', () => {
  const one = fc.oneof(
    made.request.map((request) => made.requestText(request)),
    fc.tuple(made.request, made.bytes).map(([request, body]) => made.requestText(request, `Content-Length: ${body.length}\r\n`) + body),
    fc
      .tuple(made.request, made.chunks, fc.array(made.field, { maxLength: 2 }))
      .map(([request, chunks, trailers]) => made.requestText(request, 'Transfer-Encoding: chunked\r\n') + made.chunkedText(chunks, trailers)),
    made.soup,
  );
  check(fc.property(fc.array(one, { maxLength: 4 }), made.seed, (texts, seed) => void TARGETS.session!(texts.join(''), new Random(seed))));
});

test('parsing in every way agrees with itself on broken requests too', () => {
  check(
    fc.property(made.soup, (text) => void parseRequest(`GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`)),
    100,
  );
});
