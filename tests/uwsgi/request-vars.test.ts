import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldName } from '../../src/http1/added-fields.ts';
import type { RequestHead } from '../../src/http1/request-head.ts';
import { MAX_PACKET_BYTES } from '../../src/uwsgi/packet.ts';
import { fieldVars, makePacket, makeVars, type Settings, type Vars } from './support.ts';

const get = (fields = '', target = '/', minor = 1): string => `GET ${target} HTTP/1.${minor}\r\nHost: a\r\n${fields}\r\n`;
const field = (...lines: string[]): string => get(lines.map((line) => `${line}\r\n`).join(''));

test('vars stand in the order of uWSGI’s router', () => {
  assert.deepEqual(makeVars('POST /a%20b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 3\r\nX-Y: z\r\n\r\n', { vars: [['K', 'v=w']] }), [
    ['REQUEST_METHOD', 'POST'],
    ['REQUEST_URI', '/a%20b'],
    ['PATH_INFO', '/a b'],
    ['QUERY_STRING', ''],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SCRIPT_NAME', ''],
    ['SERVER_NAME', 'gate.example'],
    ['SERVER_PORT', '8080'],
    ['UWSGI_ROUTER', 'http'],
    ['REMOTE_ADDR', '192.0.2.7'],
    ['REMOTE_PORT', '40001'],
    ['HTTP_HOST', 'h:1'],
    ['CONTENT_LENGTH', '3'],
    ['HTTP_X_Y', 'z'],
    ['K', 'v=w'],
  ]);
});

test('with a query PATH_INFO stands before REQUEST_URI', () => {
  for (const [target, query] of [
    ['/a?b=c?d', 'b=c?d'],
    ['/a?', ''],
  ]) {
    assert.deepEqual(makeVars(get('', target)).slice(1, 4), [
      ['PATH_INFO', '/a'],
      ['REQUEST_URI', target],
      ['QUERY_STRING', query],
    ]);
  }
});

const value = (vars: Vars, key: string): string | undefined => vars.find(([name]) => name === key)?.[1];

test('target forms', () => {
  const cases: readonly (readonly [request: string, uri: string, path: string, host: string | undefined])[] = [
    ['GET http://b:8/c%20d?e HTTP/1.1\r\nHost: a\r\n\r\n', 'http://b:8/c%20d?e', '/c d', 'b:8'],
    ['GET http://b HTTP/1.1\r\nHost: a\r\n\r\n', 'http://b', '/', 'b'],
    ['GET http://b?c HTTP/1.1\r\nHost: a\r\n\r\n', 'http://b?c', '/', 'b'],
    ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', '*', '*', 'a'],
    ['OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n', 'http://b', '*', 'b'],
    ['GET http://b/ HTTP/1.0\r\n\r\n', 'http://b/', '/', 'b'],
    ['GET http://b/ HTTP/1.0\r\nHost:\r\n\r\n', 'http://b/', '/', 'b'],
    ['GET / HTTP/1.0\r\n\r\n', '/', '/', undefined],
    ['GET / HTTP/1.0\r\nHost:\r\n\r\n', '/', '/', ''],
  ];
  for (const lenientPath of [false, true]) {
    for (const [request, uri, path, host] of cases) {
      const vars = makeVars(request, { lenientPath });
      assert.deepEqual([value(vars, 'REQUEST_URI'), value(vars, 'PATH_INFO'), value(vars, 'HTTP_HOST')], [uri, path, host], request);
    }
  }
});

test('a malformed path is refused, or mended in the lenient mode', () => {
  assert.equal(makePacket(get('', '/%zz')), 'bad-path');
  assert.equal(makePacket(get('', '/%00')), 'bad-path');
  assert.equal(value(makeVars(get('', '/%zz'), { lenientPath: true }), 'PATH_INFO'), '/\0');
  assert.equal(value(makeVars(get('', '/?%zz%00')), 'QUERY_STRING'), '%zz%00');
});

test('the version is the one that is served', () => {
  for (const [minor, version] of [
    [0, 'HTTP/1.0'],
    [1, 'HTTP/1.1'],
    [5, 'HTTP/1.1'],
  ] as const) {
    assert.equal(value(makeVars(get('', '/', minor)), 'SERVER_PROTOCOL'), version);
  }
});

test('clients of a unix socket, and clients with long addresses', () => {
  const unix = makeVars(get(), { remote: { address: '', port: 0 }, serverPort: '' });
  assert.deepEqual([value(unix, 'REMOTE_ADDR'), value(unix, 'REMOTE_PORT'), value(unix, 'SERVER_PORT')], ['0.0.0.0', '0', '']);
  const address = 'fe80:1111:2222:3333:4444:5555:6666:7777%interface0';
  assert.equal(value(makeVars(get(), { remote: { address, port: 65_535 } }), 'REMOTE_ADDR'), address);
});

type Row = readonly [title: string, request: string, vars: Vars, settings?: Settings];
const HOST = ['HTTP_HOST', 'a'] as const;

const ROWS: readonly Row[] = [
  ['names go upper, dashes under', field("x-a.b!#$%&'*+^`|~9: v"), [HOST, ["HTTP_X_A.B!#$%&'*+^`|~9", 'v']]],
  [
    'Content-Length and Content-Type stand alone',
    field('content-TYPE: t', 'Content-Length: 1', 'Content-Encoding: e'),
    [HOST, ['CONTENT_TYPE', 't'], ['CONTENT_LENGTH', '1'], ['HTTP_CONTENT_ENCODING', 'e']],
  ],
  ['empty values stay', field('X:', 'Y: \t'), [HOST, ['HTTP_X', ''], ['HTTP_Y', '']]],
  [
    'duplicates are joined at their first place',
    field('X: 1', 'Y: 2', 'x: 3', 'Z: 4', 'X:5'),
    [HOST, ['HTTP_X', '1, 3, 5'], ['HTTP_Y', '2'], ['HTTP_Z', '4']],
  ],
  ['empty duplicates too', field('X:', 'X:', 'X: a'), [HOST, ['HTTP_X', ', , a']]],
  [
    'cookies are joined with a semicolon',
    field('Cookie: a=b', 'X: 1', 'cookie: c=d', 'COOKIE: e'),
    [HOST, ['HTTP_COOKIE', 'a=b; c=d; e'], ['HTTP_X', '1']],
  ],
  ['Host keeps its place', 'GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\nY: 2\r\n\r\n', [['HTTP_X', '1'], HOST, ['HTTP_Y', '2']]],
  [
    'names that only start alike stay apart',
    field('X-A: 1', 'X-AB: 2', 'XA: 3', 'X-A-: 4'),
    [HOST, ['HTTP_X_A', '1'], ['HTTP_X_AB', '2'], ['HTTP_XA', '3'], ['HTTP_X_A_', '4']],
  ],
  ['httpoxy: Proxy is dropped', field('Proxy: http://evil', 'PROXY: x', 'Proxy-X: y'), [HOST, ['HTTP_PROXY_X', 'y']]],
  ['Proxy is dropped with underscores allowed too', field('Proxy: x'), [HOST], { allowUnderscores: true }],
  ['names with an underscore are dropped', field('X_A: 1', 'Content_Length: 9', '_: 2', 'X-A: 3', 'Y_: 4'), [HOST, ['HTTP_X_A', '3']]],
  [
    'names with an underscore are one with those with a dash where they are allowed',
    field('X_A: 1', 'X-A: 2', 'x-a: 3', '_: 4', 'X_B: 5', 'X-A-B: 6', 'x_a_b: 7', 'X-A_B: 8'),
    [HOST, ['HTTP_X_A', '1, 2, 3'], ['HTTP__', '4'], ['HTTP_X_B', '5'], ['HTTP_X_A_B', '6, 7, 8']],
    { allowUnderscores: true },
  ],
  [
    'even then no underscore makes a name that ugate itself rests on',
    field('Content_Length: 9', 'content_type: x', 'Transfer_Encoding: chunked', 'Keep_Alive: 1', 'Proxy_Connection: x', 'X_A: 1'),
    [HOST, ['HTTP_X_A', '1']],
    { allowUnderscores: true },
  ],
  [
    'hop-by-hop fields are dropped, and those that Connection names',
    field('Connection: close, x-a', 'Keep-Alive: 1', 'TE: trailers', 'Trailer: x', 'Upgrade: x', 'Proxy-Connection: y', 'X-A: z', 'X-B: w'),
    [HOST, ['HTTP_X_B', 'w']],
  ],
  ['Expect is dropped', field('Expect: 100-continue', 'Content-Length: 1'), [HOST, ['CONTENT_LENGTH', '1']]],
  [
    'an accepted Upgrade is passed on with its Connection',
    field('Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: k'),
    [HOST, ['HTTP_CONNECTION', 'keep-alive, Upgrade'], ['HTTP_UPGRADE', 'websocket'], ['HTTP_SEC_WEBSOCKET_KEY', 'k']],
  ],
  ['an Upgrade to h2c is not, in any of its fields', field('Connection: Upgrade', 'Upgrade: h2c', 'Upgrade: websocket'), [HOST]],
  [
    'a chunked body that was read whole has a length',
    field('Transfer-Encoding: chunked', 'X: 1'),
    [HOST, ['HTTP_X', '1'], ['CONTENT_LENGTH', '12345']],
    { bodyLength: 12_345 },
  ],
  ['an empty chunked body has one too', field('Transfer-Encoding: chunked'), [HOST, ['CONTENT_LENGTH', '0']], { bodyLength: 0 }],
  ['the longest body has one', field('Transfer-Encoding: chunked'), [HOST, ['CONTENT_LENGTH', '9007199254740991']], { bodyLength: 2 ** 53 - 1 }],
  [
    'chunks that go raw say so',
    field('Transfer-Encoding: Chunked', 'X: 1'),
    [HOST, ['HTTP_TRANSFER_ENCODING', 'Chunked'], ['HTTP_X', '1']],
    { chunkedInput: true },
  ],
  [
    'http-var stands last, also behind a field of its name',
    field('X: 1'),
    [HOST, ['HTTP_X', '1'], ['HTTP_X', '2'], ['K', ''], ['K', 'é'.normalize()]].map(([k, v]) => [k, v === 'é' ? '\xc3\xa9' : v] as const),
    {
      vars: [
        ['HTTP_X', '2'],
        ['K', ''],
        ['K', 'é'],
      ],
    },
  ],
];

for (const [title, request, vars, settings] of ROWS) test(title, () => assert.deepEqual(fieldVars(request, settings), vars));

test('SERVER_NAME is Host, and stands before it', () => {
  const vars = makeVars('GET / HTTP/1.1\r\nX: 1\r\nHost: h:1\r\nY: 2\r\n\r\n', { serverNameAsHttpHost: true });
  assert.deepEqual(vars.slice(5), [
    ['SCRIPT_NAME', ''],
    ['SERVER_PORT', '8080'],
    ['UWSGI_ROUTER', 'http'],
    ['REMOTE_ADDR', '192.0.2.7'],
    ['REMOTE_PORT', '40001'],
    ['HTTP_X', '1'],
    ['SERVER_NAME', 'h:1'],
    ['HTTP_HOST', 'h:1'],
    ['HTTP_Y', '2'],
  ]);
  assert.equal(value(makeVars('GET / HTTP/1.0\r\n\r\n', { serverNameAsHttpHost: true }), 'SERVER_NAME'), undefined);
  const absolute = makeVars('GET http://b/ HTTP/1.0\r\nX: 1\r\n\r\n', { serverNameAsHttpHost: true });
  assert.deepEqual(absolute.slice(-3), [
    ['HTTP_X', '1'],
    ['SERVER_NAME', 'b'],
    ['HTTP_HOST', 'b'],
  ]);
});

/**
 * Looks for the border of a request that grows byte by byte: it fits up to a length, is refused from there on, and nothing is
 * ever cut. Returns the size of the largest packet.
 */
function border(title: string, make: (length: number) => readonly [request: string, settings?: Settings], from: number, to: number): number {
  const size = (length: number): number => {
    const packet = makePacket(...make(length));
    if (packet === 'packet-too-large') return -1;
    assert.ok(typeof packet !== 'string', `${title}: ${length} bytes: ${packet}`);
    return packet.length;
  };
  let low = from;
  let high = to;
  assert.notEqual(size(low), -1, `${title}: ${low} bytes must fit`);
  assert.equal(size(high), -1, `${title}: ${high} bytes must not fit`);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (size(middle) === -1) high = middle;
    else low = middle;
  }
  for (const length of [low - 1, low]) makeVars(...make(length));
  return size(low);
}

test('what does not fit 64 KiB is refused, wherever it is too long', () => {
  const path = `/${'p'.repeat(16_000)}`;
  const cases: readonly (readonly [title: string, make: (length: number) => readonly [string, Settings?], from: number, to: number])[] = [
    ['one value', (n) => [field(`X: ${'v'.repeat(n)}`)], 1000, 65_500],
    ['one name', (n) => [field(`${'x'.repeat(n)}: v`)], 1000, 65_500],
    ['many fields', (n) => [field(...Array.from({ length: 900 }, (_, i) => `x${i}: ${'v'.repeat(50)}`), `X: ${'v'.repeat(n)}`)], 1, 12_500],
    ['duplicates', (n) => [field(`X: ${'v'.repeat(20_000)}`, `X: ${'v'.repeat(20_000)}`, `X: ${'v'.repeat(n)}`)], 1000, 25_500],
    ['many duplicates of nothing', (n) => [get(`${'x:\r\n'.repeat(60)}Y: ${'v'.repeat(n)}\r\n`)], 1000, 65_250],
    ['cookies', (n) => [field(`Cookie: ${'v'.repeat(30_000)}`, 'X: 1', `Cookie: ${'v'.repeat(n)}`)], 1000, 35_490],
    ['a long path, which counts twice', (n) => [get(`X: ${'v'.repeat(n)}\r\n`, path)], 1000, 50_000],
    ['a long query, which counts twice', (n) => [get(`X: ${'v'.repeat(n)}\r\n`, `/?${path}`)], 1000, 50_000],
    ['http-var', (n) => [get(), { vars: [['K', 'v'.repeat(n)]] }], 1000, 65_500],
    ['http-var beside a field', (n) => [field(`X: ${'v'.repeat(30_000)}`), { vars: [['K', 'v'.repeat(n)]] }], 1000, 65_500],
    ['http-var of more than a length holds', (n) => [get(), { vars: [['K', 'v'.repeat(n)]] }], 1000, 70_000],
    ['a server name', (n) => [get(), { serverName: 's'.repeat(n) }], 1000, 65_500],
    ['a Host behind it all', (n) => [`GET / HTTP/1.1\r\nX: ${'v'.repeat(n)}\r\nHost: ${'h'.repeat(255)}\r\n\r\n`], 1000, 65_250],
    [
      'a Host that counts twice',
      (n) => [`GET / HTTP/1.1\r\nX: ${'v'.repeat(n)}\r\nHost: ${'h'.repeat(255)}\r\n\r\n`, { serverNameAsHttpHost: true }],
      1000,
      65_250,
    ],
    ['an authority without Host', (n) => [`GET http://${'h'.repeat(255)}/ HTTP/1.0\r\nX: ${'v'.repeat(n)}\r\n\r\n`], 1000, 65_500],
    ['a length behind it all', (n) => [field('Transfer-Encoding: chunked', `X: ${'v'.repeat(n)}`), { bodyLength: 2 ** 53 - 1 }], 1000, 65_490],
  ];
  for (const [title, make, from, to] of cases) {
    const largest = border(title, make, from, to);
    assert.ok(largest <= MAX_PACKET_BYTES && largest > MAX_PACKET_BYTES - 900, `${title}: ${largest} bytes were the most`);
  }
});

test('a field that was joined does not count again', () => {
  const [, joined] = fieldVars(field(`X: ${'v'.repeat(25_000)}`, `X: ${'v'.repeat(25_000)}`));
  assert.equal(joined[1].length, 50_002);
});

test('a thousand names with one hash of the usual kind cost no more than others', () => {
  const prefix = 'x'.repeat(30);
  const name = (i: number): string => [...i.toString(2).padStart(10, '0')].map((digit) => (digit === '0' ? 'an' : 'c0')).join('');
  const time = (names: readonly string[]): number => {
    const request = get(names.map((text) => `${text}:\r\n`).join(''));
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      makePacket(request);
      best = Math.min(best, performance.now() - start);
    }
    return best;
  };
  const usual = time(Array.from({ length: 990 }, (_, i) => `${prefix}${'a'.repeat(15)}${String(i).padStart(5, '0')}`));
  const crafted = time(Array.from({ length: 990 }, (_, i) => prefix + name(i)));
  assert.ok(crafted < 5 * usual + 10, `${crafted} ms against ${usual} ms`);
});

test('a field of ours is a var in the place of all that would make the same one', () => {
  const edit = (head: RequestHead): void => head.replace(fieldName('X-Request-ID'), 'ours');
  const settings = { edit, allowUnderscores: true };
  const vars = fieldVars(field('X-Request-Id: 1', 'x_request-id: 2', 'X-Request: 3'), settings);
  assert.deepEqual(vars, [HOST, ['HTTP_X_REQUEST', '3'], ['HTTP_X_REQUEST_ID', 'ours']]);
  // It counts among what must fit.
  for (const [size, fits] of [
    [60_000, true],
    [65_000, false],
  ] as const) {
    const packet = makePacket(field(`A: ${'v'.repeat(30_000)}`, `B: ${'v'.repeat(size - 30_000)}`), {
      edit: (head) => head.replace(fieldName('X-A'), 'x'.repeat(4000)),
    });
    assert.equal(packet === 'packet-too-large', !fits);
  }
});
