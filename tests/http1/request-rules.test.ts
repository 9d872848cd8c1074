/** The rules of meaning, asked of a request of HTTP/2: a head that no parser of lines has filled. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldName } from '../../src/http1/added-fields.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { PROTOCOL, RequestHead } from '../../src/http1/request-head.ts';
import { checkRequest } from '../../src/http1/request-rules.ts';
import { bytesOf } from './support.ts';

/** As a decoder of HPACK fills it. @param authority of `:authority`; empty for none */
function filled(authority: string, fields: readonly (readonly [name: string, value: string])[]): RequestHead {
  const head = new RequestHead();
  const text = [authority, ...fields.flat()].join('');
  head.bytes = bytesOf(text);
  head.protocol = PROTOCOL.http2;
  head.isAbsolute = authority !== '';
  head.hostEnd = authority.length;
  let at = authority.length;
  head.fields.reset(at);
  for (const [name, value] of fields) {
    const nameEnd = at + name.length;
    const { kind, hash } = fieldName(name);
    head.fields.add(at, nameEnd, nameEnd, nameEnd + value.length, kind, hash);
    at = nameEnd + value.length;
  }
  return head;
}

function codeOf(authority: string, ...fields: readonly (readonly [name: string, value: string])[]): string | null {
  return checkRequest(filled(authority, fields), true)?.code ?? null;
}

test('one host: the authority, or a Host field in its place', () => {
  assert.equal(codeOf('a.test'), null);
  assert.equal(codeOf(''), 'no-host');
  assert.equal(codeOf('', ['host', 'b c']), 'bad-host');
  assert.equal(codeOf('a.test', ['host', 'a'], ['host', 'a']), 'many-hosts');
  for (const [authority, host] of [
    ['a.test', 'a.test'],
    ['', 'b.test'],
  ] as const) {
    const head = filled(authority, [['host', host]]);
    assert.equal(checkRequest(head, true), null);
    assert.equal(latin1(head.bytes, head.hostStart, head.hostEnd), host);
  }
});

test('one length, 100-continue alone, and trailers, as in HTTP/1.1', () => {
  assert.equal(codeOf('a', ['content-length', '1'], ['content-length', '1']), 'bad-content-length');
  assert.equal(codeOf('a', ['content-length', '+1']), 'bad-content-length');
  assert.equal(codeOf('a', ['expect', 'more']), 'bad-expect');
  const head = filled('a', [
    ['content-length', '12'],
    ['expect', '100-continue'],
    ['te', 'trailers'],
    ['proxy', 'evil'],
    ['x-ugate-client', '- 0 - 0 https'],
    ['accept', '*/*'],
  ]);
  assert.equal(checkRequest(head, true), null);
  assert.deepEqual([head.contentLength, head.expectsContinue, head.acceptsTrailers, head.wantsUpgrade], [12, true, true, false]);
  const passed = Array.from({ length: head.fields.count }, (_, i) => !head.fields.isDropped(i));
  assert.deepEqual(passed, [true, false, false, false, false, true]);
});
