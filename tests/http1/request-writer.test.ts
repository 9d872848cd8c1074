import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddedFields, fieldName } from '../../src/http1/added-fields.ts';
import { latin1 } from '../../src/http1/bytes.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { MAX_EDIT_BYTES, MAX_HEAD_BYTES, RequestHead } from '../../src/http1/request-head.ts';
import { type Hop, MAX_ADDED_BYTES, writeRequestHead } from '../../src/http1/request-writer.ts';
import { bytesOf } from './support.ts';

const HOP: Hop = { host: bytesOf('10.0.0.1:80'), persists: true, trustsForwarded: false, sendsForwarded: false, isSilent: false };

interface Said {
  readonly bodyLength?: number;
  readonly address?: string;
  readonly isSecure?: boolean;
  readonly hop?: Partial<Hop>;
  readonly manageExpect?: boolean;
  /** Fields that somebody dropped, such as who distrusts the peer. */
  readonly drop?: readonly string[];
  /** What else happens to the head on its way. */
  readonly edit?: (head: RequestHead) => void;
  /** Fields for this node alone. */
  readonly own?: AddedFields;
}

/** What becomes of a request, without the empty line. */
function write(text: string, said: Said = {}): string[] {
  const head = new RequestHead();
  const bytes = bytesOf(text);
  assert.equal(head.parse(bytes, bytes.length, said.manageExpect ?? true), PARSE.complete, head.refusal?.code ?? '');
  for (let i = 0; i < head.fields.count; i++) {
    if (said.drop?.includes(latin1(bytes, head.fields.nameStart(i), head.fields.nameEnd(i)))) head.fields.drop(i);
  }
  said.edit?.(head);
  const own = said.own ?? null;
  const out = new Uint8Array(7 + head.end + MAX_ADDED_BYTES + (own?.length ?? 0));
  const peer = { address: said.address ?? '192.0.2.7', port: 7 };
  const client = { peer, isSecure: said.isSecure ?? false };
  const end = writeRequestHead(out, 7, head, said.bodyLength ?? -1, client, { ...HOP, ...said.hop }, own);
  const written = latin1(out, 7, end);
  assert.ok(written.endsWith('\r\n\r\n') && !written.slice(0, -4).includes('\r\n\r\n'), written);
  // Whoever reads it strictly finds one whole request in it.
  const again = new RequestHead();
  assert.equal(again.parse(bytesOf(written), written.length, false), PARSE.complete, again.refusal?.code ?? '');
  assert.equal(again.end, written.length);
  return written.slice(0, -4).split('\r\n');
}

const request = (line: string, ...fields: string[]): string => `${[line, ...fields].join('\r\n')}\r\n\r\n`;
const get = (...fields: string[]): string => request('GET /a?b HTTP/1.1', 'Host: h', ...fields);
const OURS = ['X-Forwarded-For: 192.0.2.7', 'X-Forwarded-Proto: http', 'X-Forwarded-Host: h'];

test('a plain request goes on as it came, with who asked', () => {
  assert.deepEqual(write(get('Accept: */*', 'x-A:b', 'Cookie: a=b')), [
    'GET /a?b HTTP/1.1',
    'Host: h',
    'Accept: */*',
    'x-A:b',
    'Cookie: a=b',
    ...OURS,
  ]);
});

test('the target is origin-form, and Host follows an absolute one (RFC 9112 3.2.2)', () => {
  assert.deepEqual(write(request('GET http://other:8080/x?y HTTP/1.1', 'Host: h')).slice(0, 2), ['GET /x?y HTTP/1.1', 'Host: other:8080']);
  assert.equal(write(request('GET http://other HTTP/1.1', 'Host: h'))[0], 'GET / HTTP/1.1');
  assert.equal(write(request('GET http://other?q HTTP/1.1', 'Host: h'))[0], 'GET /?q HTTP/1.1');
  assert.equal(write(request('OPTIONS * HTTP/1.1', 'Host: h'))[0], 'OPTIONS * HTTP/1.1');
  assert.equal(write(request('OPTIONS http://other HTTP/1.1', 'Host: h'))[0], 'OPTIONS * HTTP/1.1');
  assert.equal(write(request('GET /%2e//a HTTP/1.1', 'Host: h'))[0], 'GET /%2e//a HTTP/1.1');
});

test('HTTP/1.0 becomes 1.1; without a Host it gets the node’s', () => {
  const lines = write(request('GET / HTTP/1.0'));
  assert.deepEqual(lines, ['GET / HTTP/1.1', 'Host: 10.0.0.1:80', 'X-Forwarded-For: 192.0.2.7', 'X-Forwarded-Proto: http']);
});

test('fields of the client’s connection stay behind, and those that Connection names', () => {
  const lines = write(
    get('Connection: keep-alive, X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'Proxy-Connection: close', 'Trailer: x', 'A: b', 'TE: gzip'),
  );
  assert.deepEqual(lines, ['GET /a?b HTTP/1.1', 'Host: h', 'A: b', ...OURS]);
});

test('httpoxy: Proxy is dropped', () => {
  assert.deepEqual(write(get('Proxy: evil', 'A: b')), ['GET /a?b HTTP/1.1', 'Host: h', 'A: b', ...OURS]);
});

test('names with _ go on, but for second spellings of what framing and trust rest on', () => {
  const fields = [
    'my_field: 1',
    'Content_Length: 5',
    'transfer_encoding: chunked',
    'X_Forwarded_For: 1.1.1.1',
    'X_FORWARDED-PROTO: https',
    'HO_ST: a',
    'pro_xy: a',
  ];
  assert.deepEqual(write(get(...fields)), ['GET /a?b HTTP/1.1', 'Host: h', 'my_field: 1', 'HO_ST: a', 'pro_xy: a', ...OURS]);
});

test('Expect goes on only where it is left to the node', () => {
  const text = request('PUT / HTTP/1.1', 'Host: h', 'Content-Length: 3', 'Expect: 100-continue');
  assert.ok(!write(text).some((line) => line.startsWith('Expect')));
  assert.ok(write(text, { manageExpect: false }).includes('Expect: 100-continue'));
});

test('framing: the length as it came, chunks where there is none, the length of what was read whole', () => {
  const framing = (lines: string[]): string[] => lines.filter((line) => /^(content-length|transfer-encoding)/i.test(line));
  assert.deepEqual(framing(write(request('POST / HTTP/1.1', 'Host: h', 'content-length: 3'))), ['content-length: 3']);
  const chunked = request('POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: CHUNKED');
  assert.deepEqual(framing(write(chunked)), ['Transfer-Encoding: chunked']);
  assert.deepEqual(framing(write(chunked, { bodyLength: 123456 })), ['Content-Length: 123456']);
  assert.deepEqual(framing(write(chunked, { bodyLength: 0 })), ['Content-Length: 0']);
  assert.deepEqual(framing(write(get())), []);
});

test('X-Forwarded-For is appended to, in one line', () => {
  const xff = (text: string, said: Said = {}): string[] => write(text, said).filter((line) => /^x-forwarded-for/i.test(line));
  assert.deepEqual(xff(get('x-forwarded-for: 1.1.1.1')), ['X-Forwarded-For: 1.1.1.1, 192.0.2.7']);
  assert.deepEqual(xff(get('X-Forwarded-For: 1.1.1.1, 2.2.2.2', 'A: b', 'X-FORWARDED-FOR: 3.3.3.3')), [
    'X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7',
  ]);
  assert.deepEqual(xff(get('X-Forwarded-For:')), ['X-Forwarded-For: 192.0.2.7']);
  assert.deepEqual(xff(get(), { address: '2001:db8::1' }), ['X-Forwarded-For: 2001:db8::1']);
  assert.deepEqual(xff(get(), { address: '' }), []);
  assert.deepEqual(xff(get('X-Forwarded-For: 1.1.1.1'), { address: '' }), ['X-Forwarded-For: 1.1.1.1']);
  assert.deepEqual(xff(get('X-Forwarded-For: 1.1.1.1'), { drop: ['X-Forwarded-For'] }), ['X-Forwarded-For: 192.0.2.7']);
});

test('X-Forwarded-Proto and -Host are ours, unless they may be believed', () => {
  const told = ['X-Forwarded-Proto: https', 'X-Forwarded-Host: evil'];
  const lines = (said: Said): string[] => write(get(...told), said).filter((line) => /^X-Forwarded-[PH]/.test(line));
  assert.deepEqual(lines({}), ['X-Forwarded-Proto: http', 'X-Forwarded-Host: h']);
  assert.deepEqual(lines({ isSecure: true }), ['X-Forwarded-Proto: https', 'X-Forwarded-Host: h']);
  assert.deepEqual(lines({ hop: { trustsForwarded: true } }), told);
  const distrusted = { hop: { trustsForwarded: true }, drop: ['X-Forwarded-Proto', 'X-Forwarded-Host'] };
  assert.deepEqual(lines(distrusted), ['X-Forwarded-Proto: http', 'X-Forwarded-Host: h']);
});

test('Forwarded (RFC 7239) is appended to by option, and nothing can swallow it', () => {
  const forwarded = (text: string, said: Said = {}): string[] =>
    write(text, { ...said, hop: { sendsForwarded: true } }).filter((line) => line.startsWith('Forwarded'));
  assert.deepEqual(forwarded(get()), ['Forwarded: for=192.0.2.7;proto=http;host="h"']);
  assert.deepEqual(forwarded(request('GET / HTTP/1.1', 'Host: [::1]:80'), { address: '::1', isSecure: true }), [
    'Forwarded: for="[::1]";proto=https;host="[::1]:80"',
  ]);
  assert.deepEqual(forwarded(get(), { address: '' }), ['Forwarded: for=unknown;proto=http;host="h"']);
  const theirs = ['forwarded: for=1.1.1.1', 'Forwarded: for="_x, \\"', 'Forwarded: for="[::2]"'];
  assert.deepEqual(forwarded(get(...theirs)), ['Forwarded: for=1.1.1.1, for="[::2]", for=192.0.2.7;proto=http;host="h"']);
  assert.ok(write(get('Forwarded: for=1.1.1.1')).includes('Forwarded: for=1.1.1.1'));
});

test('Connection: what it says of upgrades, of trailers, and of the end', () => {
  const said = (lines: string[]): string[] => lines.filter((line) => /^(connection|te|upgrade)\b/i.test(line));
  const upgrade = get('Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x');
  assert.deepEqual(said(write(upgrade)), ['Upgrade: websocket', 'Connection: upgrade']);
  assert.deepEqual(said(write(upgrade, { hop: { persists: false } })), ['Upgrade: websocket', 'Connection: upgrade']);
  assert.deepEqual(said(write(get('Connection: Upgrade', 'Upgrade: h2c'))), []);
  assert.deepEqual(said(write(get('Upgrade: websocket'))), []);
  assert.deepEqual(said(write(get('Connection: TE', 'TE: trailers, deflate;q=0.5'))), ['Connection: TE', 'TE: trailers']);
  assert.deepEqual(said(write(get('TE: trailers'), { hop: { persists: false } })), ['Connection: close, TE', 'TE: trailers']);
  assert.deepEqual(said(write(get(), { hop: { persists: false } })), ['Connection: close']);
});

test('the largest head fits where it must', () => {
  const host = `${'h'.repeat(250)}:8080`;
  const fields = Array.from({ length: 900 }, (_, i) => (i % 3 === 0 ? `x-forwarded-for:${i}` : i % 3 === 1 ? `forwarded:for=${i}` : `a_${i}:`));
  fields.push(`b: ${'v'.repeat(64 * 1024 - fields.join('\r\n').length - 400)}`, 'TE:trailers');
  const text = request(`GET /${'t'.repeat(16_000)} HTTP/1.1`, `Host: ${host}`, ...fields);
  const lines = write(text, { address: '2001:0db8:0000:0000:0000:0000:0000:0001', hop: { sendsForwarded: true } });
  assert.ok(lines.join('\r\n').length < MAX_HEAD_BYTES);
  assert.equal(lines.filter((line) => line.startsWith('X-Forwarded-For: ')).length, 1);
});

test('a field of ours takes the place of the client’s of that name, in every spelling of CGI; one for the node alone comes besides', () => {
  const id = fieldName('X-Request-ID');
  const edit = (head: RequestHead): void => head.replace(id, 'ours');
  const own = new AddedFields().add(fieldName('X-Node'), '1');
  const from = get('x-request-id: 1', 'A: b', 'X_Request_Id: 2', 'X-Request-ID: 3', 'X-Request: 4');
  assert.deepEqual(write(from, { edit, own }), ['GET /a?b HTTP/1.1', 'Host: h', 'A: b', 'X-Request: 4', 'X-Request-ID: ours', 'X-Node: 1', ...OURS]);
  const silent = { hop: { isSilent: true } };
  assert.deepEqual(write(get('X-Forwarded-For: 1.1.1.1'), { edit, ...silent }), [
    'GET /a?b HTTP/1.1',
    'Host: h',
    'X-Forwarded-For: 1.1.1.1',
    'X-Request-ID: ours',
  ]);
});

test('fields of ours are bounded, and gone with their request', () => {
  const most = 'x'.repeat(MAX_EDIT_BYTES - 'X-A: \r\n'.length);
  write(request(`GET /${'a'.repeat(5000)} HTTP/1.1`, 'Host: h'), { edit: (head) => head.replace(fieldName('X-A'), most) });
  const head = new RequestHead();
  assert.throws(() => head.replace(fieldName('X-A'), `${most}x`), RangeError);
  head.reset();
  assert.equal(head.added, null);
});
