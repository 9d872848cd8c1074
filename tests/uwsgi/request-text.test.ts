/** From vars to a head: what a web server says in a packet is one request, the one it had. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latin1 } from '../../src/http1/bytes.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { headOfVars } from '../../src/uwsgi/request-text.ts';
import { Random } from '../fuzz/random.ts';
import { makeVars, type Vars } from './support.ts';

/** The head's text, or the code of its refusal. */
function textOf(vars: Vars): string {
  const bytes = headOfVars({ vars: vars as [string, string][] }, new Map(vars));
  return 'status' in bytes ? bytes.code : latin1(bytes, 0, bytes.length);
}

test('a request that became vars, and a head again, becomes the same vars', () => {
  const requests = [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /a%20b/%C3%A4?q=%20+&r HTTP/1.1\r\nHost: a.example:81\r\nAccept: */*\r\nX-One: 1\r\nCookie: a=b; c=d\r\n\r\n',
    'POST /x HTTP/1.0\r\nContent-Type: text/x; y="z"\r\nContent-Length: 12\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    "M!#$%&'*+ / HTTP/1.1\r\nHost: [::1]:80\r\nX!#$%&'*+.^`|~: \x80\xff\t y\r\n\r\n",
    'GET http://b.example/x?y HTTP/1.1\r\nHost: b.example\r\n\r\n',
  ];
  for (const request of requests) {
    const vars = makeVars(request);
    const again = makeVars(textOf(vars));
    assert.deepEqual(new Map(again), new Map(vars), request);
  }
});

test('one spelling of a field is as good as another, and none gets around what is left out', () => {
  const vars: Vars = [
    ['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', '/'],
    ['HTTP_HOST', 'a'],
    ['HTTP_host', 'b'],
    ['HTTP_CONTENT-LENGTH', '3'],
    ['HTTP_Transfer_Encoding', 'chunked'],
    ['HTTP_X_Y', 'z'],
    ['HTTPS', 'on'],
    ['http_x', 'y'],
  ];
  assert.equal(textOf(vars), 'GET / HTTP/1.1\r\nhost: a\r\nx-y: z\r\n\r\n');
});

test('whatever stands in the vars, one head comes of it or a refusal', () => {
  const random = new Random(5);
  const keys = ['REQUEST_METHOD', 'REQUEST_URI', 'PATH_INFO', 'QUERY_STRING', 'SERVER_PROTOCOL', 'SERVER_NAME', 'CONTENT_TYPE', 'CONTENT_LENGTH'];
  const names = ['HTTP_HOST', 'HTTP_X', 'HTTP_', 'HTTP_A B', 'HTTP_A:', 'HTTP_A\r\nB'];
  const values = [
    'GET',
    '/',
    '/a?b',
    'a',
    '1',
    '\r\n',
    '\n',
    'x\r\nHost: y',
    '\r\n\r\nGET / HTTP/1.1',
    ' ',
    '\0',
    '\xff',
    '%',
    '*',
    'http://h/',
    'HTTP/1.0',
  ];
  let whole = 0;
  for (let turn = 0; turn < 3000; turn++) {
    const vars = Array.from({ length: random.below(8) }, (): [string, string] => [
      random.pick(random.below(3) === 0 ? names : keys),
      `${random.pick(values)}${random.below(3) === 0 ? random.pick(values) : ''}`,
    ]);
    if (random.below(4) > 0) vars.push(['REQUEST_METHOD', 'GET'], ['REQUEST_URI', '/']);
    const text = textOf(vars);
    if (!text.includes('\r\n')) continue;
    const head = new RequestHead();
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    const state = head.parse(bytes, bytes.length, true);
    assert.notEqual(state, PARSE.incomplete, text);
    if (state === PARSE.refused) continue;
    whole++;
    assert.equal(head.end, text.length, JSON.stringify(vars));
    const asked = vars.filter(([key]) => key.startsWith('HTTP_') && key !== 'HTTP_HOST').length;
    assert.ok(head.fields.count <= asked + 3, JSON.stringify(vars));
    assert.equal(head.isChunked, false);
  }
  assert.ok(whole > 300, `${whole}`);
});
