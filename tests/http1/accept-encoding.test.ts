import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptsGzip } from '../../src/http1/accept-encoding.ts';
import { requestHead } from './support.ts';

function accepts(...values: readonly string[]): boolean {
  const lines = values.map((value) => `Accept-Encoding: ${value}\r\n`).join('');
  return acceptsGzip(requestHead(`GET / HTTP/1.1\r\nHost: a\r\n${lines}X-After: gzip\r\n\r\n`));
}

const YES = [
  'gzip',
  'GZip',
  'x-gzip',
  'X-GZIP',
  '*',
  'gzip, deflate, br, zstd',
  'deflate,gzip',
  'deflate ,\tgzip\t',
  ',, gzip ,',
  'gzip;q=1',
  'gzip;q=1.',
  'gzip;q=1.000',
  'gzip;q=0.001',
  'gzip;q=0.5',
  'gzip ; Q=0.8',
  'gzip;\tq=1',
  'br;q=1.0, gzip;q=0.1, *;q=0',
  '*;q=0, gzip',
  'identity;q=0, *;q=0.2',
  'br;q=0, *',
];

const NO = [
  '',
  ',',
  'br',
  'identity',
  'gzip;q=0',
  'gzip;q=0.',
  'gzip;q=0.000',
  'gzip;q=0, *',
  '*, gzip;q=0',
  '*;q=0',
  'x-gzip;q=0, gzip',
  'gzip, x-gzip;q=0',
  '*, *;q=0',
  'gzipped',
  'agzip',
  'x-gzip2',
  '**',
  'gzip gzip',
  'gzip br',
  'br;gzip',
  '"gzip"',
  'deflate;q=1;gzip',
];

/** A member that is not what the grammar allows is as good as absent; it takes back what `*` would give. */
const MALFORMED = [
  'gzip;',
  'gzip;q',
  'gzip;q=',
  'gzip;q=.5',
  'gzip;q=2',
  'gzip;q=1.001',
  'gzip;q=0.0001',
  'gzip;q=0.1234',
  'gzip;q=-1',
  'gzip;q=0,5',
  'gzip;q="1"',
  'gzip;q =1',
  'gzip;q= 1',
  'gzip;q=1 x',
  'gzip;q=1;q=1',
  'gzip;level=9',
  'gzip q=1',
  'gzip;q=0x1',
  'gzip;q=1e0',
];

test('gzip is accepted when it is named, or meant by *, with a weight above 0', () => {
  for (const value of YES) assert.equal(accepts(value), true, value);
});

test('gzip is not accepted with weight 0, nor by likeness', () => {
  for (const value of NO) assert.equal(accepts(value), false, value);
});

test('a malformed member accepts nothing', () => {
  for (const value of MALFORMED) {
    assert.equal(accepts(value), false, value);
    assert.equal(accepts(`*, ${value}`), false, `*, ${value}`);
    assert.equal(accepts('*', value), false, value);
  }
});

test('all lines count as one list', () => {
  assert.equal(accepts('br', 'gzip'), true);
  assert.equal(accepts('gzip', 'br'), true);
  assert.equal(accepts('gzip', 'gzip;q=0'), false);
  assert.equal(accepts('*', 'gzip;q=0'), false);
  assert.equal(accepts('gzip;q=0', '*'), false);
  assert.equal(accepts('', 'gzip'), true);
});

test('without the field nothing is accepted, and no other field is taken for it', () => {
  assert.equal(accepts(), false);
  for (const name of ['Accept', 'TE', 'Accept-Charset', 'X-Accept-Encoding', 'Accept_Encoding', 'Content-Encoding']) {
    assert.equal(acceptsGzip(requestHead(`GET / HTTP/1.1\r\nHost: a\r\n${name}: gzip\r\n\r\n`)), false, name);
  }
  assert.equal(acceptsGzip(requestHead('GET / HTTP/1.1\r\nHost: a\r\nACCEPT-encoding:gzip\r\n\r\n')), true);
});
