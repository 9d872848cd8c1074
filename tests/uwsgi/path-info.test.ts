import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latin1 } from '../../src/http1/bytes.ts';
import { writeLenientPathInfo, writePathInfo } from '../../src/uwsgi/path-info.ts';
import { bytesOf } from '../http1/support.ts';
import { isWithin } from '../support/wait.ts';

/** What a path becomes: strictly (null when refused), and uWSGI's way, which is the same unless given. */
const CASES: readonly (readonly [raw: string, strict: string | null, lenient?: string])[] = [
  ['', '/'],
  ['/', '/'],
  ['/a/b', '/a/b'],
  ['/a//b', '/a//b'],
  ['//', '//'],
  ['//a', '//a'],
  ['/a/', '/a/'],
  ['/a+b', '/a+b'],
  ['/a;b=c,d', '/a;b=c,d'],
  ['/%41%62', '/Ab'],
  ['/a%20b', '/a b'],
  ['/a%2fb', '/a/b'],
  ['/a%2Fb', '/a/b'],
  ['/%c3%a9%ff', '/\xc3\xa9\xff'],
  ['/%25', '/%'],
  ['/%2525', '/%25'],
  ['/%252e%252e/', '/%2e%2e/'],
  ['/a%3fb', '/a?b'],
  ['/a%23b', '/a#b'],
  ['/a%5cb', '/a\\b'],
  ['/a%0d%0ab', '/a\r\nb'],
  // Malformed escapes
  ['/%', null, '/'],
  ['/%4', null, '/'],
  ['/a%', null, '/a'],
  ['/a%4', null, '/a'],
  ['/%zz', null, '/\0'],
  ['/%4z', null, '/\0'],
  ['/%z4', null, '/\0'],
  ['/%41%zz', null, '/A\0'],
  ['/%%x', null, '/%x'],
  ['/%%', null, '/%'],
  ['/%%41', null, '/%41'],
  ['/%+1', null, '/\0'],
  ['/% 1', null, '/\0'],
  ['/a%00b', null, '/a\0b'],
  ['/%00', null, '/\0'],
  // Dot segments
  ['/.', '/'],
  ['/./', '/'],
  ['/a/.', '/a/'],
  ['/a/./', '/a/'],
  ['/a/./b', '/a/b'],
  ['/..', '/', ''],
  ['/../', '/'],
  ['/../../x', '/x'],
  ['/a/..', '/'],
  ['/a/../', '/'],
  ['/a/../b', '/b'],
  ['/a/b/..', '/a/'],
  ['/a/b/../../../c', '/c'],
  ['/a/b/../../..', '/', ''],
  ['/a%2fb/..', '/a/'],
  ['/a%2fb/../c', '/a/c'],
  ['/%2f/..', '//'],
  ['/foo%20bar//x/../y', '/foo bar//y'],
  ['/a//../b', '/a/b'],
  ['/a//..', '/a/'],
  ['//..', '/'],
  ['//../a', '/a'],
  ['/a/...', '/a/...'],
  ['/a/..b', '/a/..b'],
  ['/a/b..', '/a/b..'],
  ['/a/.x', '/a/.x'],
  ['/a/x.', '/a/x.'],
  ['/a./b', '/a./b'],
  ['/a../b', '/a../b'],
  ['/a/..;/b', '/a/..;/b'],
  // Escapes that make dot segments
  ['/%2e', '/', '/.'],
  ['/%2e%2e', '/', '/..'],
  ['/%2e%2e/x', '/x', '/../x'],
  ['/a/%2e%2E/x', '/x', '/a/../x'],
  ['/a/.%2e/x', '/x', '/a/../x'],
  ['/a/%2e./x', '/x', '/a/../x'],
  ['/a/%2e/x', '/a/x', '/a/./x'],
  ['/a%2f../x', '/x', '/a/../x'],
  ['/a%2f..%2fx', '/x', '/a/../x'],
  ['/a%2f%2e%2e%2fx', '/x', '/a/../x'],
  ['/a/..%2fx', '/x', '/a/../x'],
  ['/a/b%2f..', '/a/', '/a/b/..'],
  ['/..%00', null, '/..\0'],
  ['/..%', null, '/..'],
];

function write(writer: typeof writePathInfo, raw: string): string | null {
  const before = 5;
  const bytes = bytesOf(`/../%41${raw}41/..`);
  const out = new Uint8Array(before + raw.length + 8).fill(0x2f);
  const end = writer(out, before, bytes, 7, 7 + raw.length);
  // What stands before belongs to others, even when the path climbs; and it never gets longer, but for the empty one.
  assert.equal(latin1(out, 0, before), '/////');
  if (end === -1) return null;
  assert.ok(end - before <= Math.max(raw.length, 1) && end >= before);
  return latin1(out, before, end);
}

test('a path is decoded first and then loses its dot segments', () => {
  for (const [raw, strict] of CASES) assert.equal(write(writePathInfo, raw), strict, raw);
});

test('a path in the lenient mode is what uWSGI makes of it', () => {
  for (const [raw, strict, lenient = strict] of CASES) assert.equal(write(writeLenientPathInfo, raw), lenient, raw);
});

test('no strict path holds a dot segment or a NUL, however it is escaped', () => {
  const parts = ['/', '.', '%2e', '%2F', 'a', '%41', '%25', '..', '//', '%2E%2e'];
  let state = 12_345;
  for (let i = 0; i < 3000; i++) {
    let raw = '/';
    for (let k = 0; k < 8; k++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      raw += parts[(state >>> 16) % parts.length];
    }
    const path = write(writePathInfo, raw);
    assert.ok(path?.startsWith('/') && !/\/\.\.?(\/|$)|\0/.test(path), `${raw} became ${path}`);
  }
});

test('a path that climbs all the way is linear work', () => {
  const raw = bytesOf(`${'/a'.repeat(4000)}${'/..'.repeat(4000)}`.slice(0, 16_384));
  const out = new Uint8Array(20_000);
  for (const writer of [writePathInfo, writeLenientPathInfo]) {
    const start = performance.now();
    for (let i = 0; i < 20; i++) writer(out, 0, raw, 0, raw.length);
    assert.ok(isWithin(2000, start));
  }
});
