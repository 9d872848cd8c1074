import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/options/config.ts';
import { configOf, errorsOf, iniConfig, iniErrors } from './support.ts';

const CHECK = { path: null, host: 'localhost', interval: 5000, fails: 2, passes: 2, timeout: 5000 };
const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port });

/** What one setting becomes, given on the command line and in a file. */
const READ: readonly (readonly [name: string, text: string, field: keyof Config, value: unknown])[] = [
  ['http-to-https', ':81', 'redirects', [{ address: tcp('0.0.0.0', 81), port: null }]],
  ['http-to-https', ':81,8443', 'redirects', [{ address: tcp('0.0.0.0', 81), port: 8443 }]],
  ['http-to-https', '[::1]:81, 443', 'redirects', [{ address: tcp('::1', 81), port: null }]],
  ['http-to-https', '/run/a,b/x.sock', 'redirects', [{ address: { kind: 'unix', path: '/run/a,b/x.sock', abstract: false }, port: null }]],
  ['http-auto-chunked', '0', 'autoChunked', false],
  ['http-auto-chunked', 'true', 'autoChunked', true],
  ['http-auto-gzip', '1', 'autoGzip', true],
  ['http-gzip-engine', 'native', 'gzipEngine', 'native'],
  ['http-gzip-engine', 'fflate', 'gzipEngine', 'fflate'],
  ['http-gzip-level', '9', 'gzipLevel', 9],
  ['http-response-buffer', '0', 'responseBuffer', 0],
  ['http-response-buffer', '1m', 'responseBuffer', 1_048_576],
  ['http-min-rate', '0', 'minRate', 0],
  ['http-min-rate', '1k', 'minRate', 1024],
  ['http-raw-body', 'true', 'rawBody', true],
  ['http-manage-source', 'true', 'manageSource', true],
  ['http-manage-rtsp', 'true', 'manageRtsp', true],
  ['http-post-buffering', '4096', 'postBuffering', 4096],
  ['http-post-buffering', '0', 'postBuffering', 0],
  ['http-post-buffering-dir', '/var/tmp', 'postBufferingDir', '/var/tmp'],
  ['http-tunnel-timeout', '10m', 'tunnelTimeout', 600_000],
  ['http-tunnel-timeout', '0', 'tunnelTimeout', 3_600_000],
  ['http-enable-proxy-protocol', 'true', 'proxyProtocol', true],
  ['enable-proxy-protocol', '1', 'proxyProtocol', true],
  ['http-proxy-from', 'any', 'proxyFrom', 'any'],
  ['http-proxy-from', '10.0.0.0/8, ::1', 'proxyFrom', ['10.0.0.0/8', '::1']],
  ['http-stud-prefix', '127.0.0.1', 'studPrefix', ['127.0.0.1']],
  ['http-stud-prefix', '::1', 'studPrefix', ['::1']],
  ['http-backend-proxy-protocol', 'v1', 'backendProxyProtocol', 1],
  ['http-backend-proxy-protocol', 'v2', 'backendProxyProtocol', 2],
  ['http-trusted-proxies', '10.0.0.0/8,192.0.2.1,fd00::/8', 'trustedProxies', ['10.0.0.0/8', '192.0.2.1', 'fd00::/8']],
  ['http-backend-http', 'true', 'backendHttp', true],
  ['http-forwarded', 'on', 'forwarded', true],
  ['http-upstream-idle', '500ms', 'upstreamIdle', 500],
  ['http-upstream-idle', '0', 'upstreamIdle', 0],
  ['http-upstream-connections', '0', 'upstreamConnections', 0],
  ['http-algo', 'wlrc', 'algorithm', 'wlrc'],
  ['http-algo', 'iphash', 'algorithm', 'iphash'],
  ['http-slow-start', '0', 'slowStart', 0],
  ['http-slow-start', '30', 'slowStart', 30_000],
  ['http-check', 'true', 'check', CHECK],
  ['http-check', 'off', 'check', null],
  ['http-check', 'path=/healthz', 'check', { ...CHECK, path: '/healthz' }],
  ['http-check', 'path=/h?a=1%20b', 'check', { ...CHECK, path: '/h?a=1%20b' }],
  ['http-check', 'path=/x,host=www.example.test:8080', 'check', { ...CHECK, path: '/x', host: 'www.example.test:8080' }],
  ['http-check', 'host=[::1],path=/x', 'check', { ...CHECK, path: '/x', host: '[::1]' }],
  [
    'http-check',
    'path=/healthz,interval=1,fails=3,passes=4,timeout=500ms',
    'check',
    { ...CHECK, path: '/healthz', interval: 1000, fails: 3, passes: 4, timeout: 500 },
  ],
  ['http-use-pattern', '/run/%s/100%%.sock', 'usePattern', '/run/%s/100%%.sock'],
  ['http-use-pattern', '/run/%%s.sock', 'usePattern', '/run/%s.sock'],
  ['http-use-base', '/run/apps/', 'useBase', '/run/apps/'],
  ['http-use-cache', '/etc/nodes.map', 'useCache', '/etc/nodes.map'],
  ['http-use-code-string', 'route.ts', 'useCodeString', 'route.ts'],
  ['http-use-code-string', '/etc/route.mjs:nodeOf', 'useCodeString', '/etc/route.mjs:nodeOf'],
  ['http-use-code-string', '0:route.js:nodeOf', 'useCodeString', '0:route.js:nodeOf'],
  ['http-strict-mapping', '1', 'strictMapping', true],
  ['http-cheap', 'true', 'cheap', true],
];

for (const [name, text, field, value] of READ) {
  test(`${name} = ${text} → ${field}`, () => {
    const fromFile = iniConfig(`${name} = ${text}`);
    assert.deepEqual(fromFile[field], value);
    assert.deepEqual(fromFile.notices, []);
    assert.deepEqual(configOf(['--http', ':80', `--${name}=${text}`])[field], value);
  });
}

test('flags and optional values stand alone', () => {
  const flags = 'auto-gzip raw-body manage-source manage-rtsp enable-proxy-protocol backend-http forwarded strict-mapping cheap check';
  const fields = 'autoGzip rawBody manageSource manageRtsp proxyProtocol backendHttp forwarded strictMapping cheap check'.split(' ');
  const names = flags.split(' ').map((flag) => `http-${flag}`);
  for (const config of [iniConfig(names.join('\n')), configOf(['--http', ':80', ...names.map((name) => `--${name}`)])]) {
    for (const field of fields) assert.deepEqual(config[field as keyof Config], field === 'check' ? CHECK : true, field);
  }
});

test('the keys of http-check may stand behind a blank, other words may not', () => {
  assert.equal(configOf(['--http-check', 'path=/x', '--http', ':80']).check?.path, '/x');
  assert.equal(configOf(['--http-check', '--http', ':80']).check?.path, null);
  assert.match(
    errorsOf(['--http-check', '/x', '--http', ':80']),
    /^command line: --http-check takes a value only behind "="\n {2}hint: write --http-check=\/x/,
  );
});

test('lists add up', () => {
  assert.deepEqual(iniConfig('http-trusted-proxies = 10.0.0.0/8,::1\nhttp-trusted-proxies = 192.0.2.0/24').trustedProxies, [
    '10.0.0.0/8',
    '::1',
    '192.0.2.0/24',
  ]);
  assert.deepEqual(iniConfig('http-proxy-from = 10.0.0.0/8\nhttp-proxy-from = ::1').proxyFrom, ['10.0.0.0/8', '::1']);
  assert.equal(iniConfig('http-proxy-from = any\nhttp-proxy-from = any').proxyFrom, 'any');
  assert.deepEqual(iniConfig('http-stud-prefix = 127.0.0.1\nhttp-stud-prefix = ::1').studPrefix, ['127.0.0.1', '::1']);
  assert.equal(iniConfig('http-to-https = :81\nhttp-to-https = :82').redirects.length, 2);
});

test('a listener that redirects is something to listen on', () => {
  const config = configOf(['--http-to-https', ':81']);
  assert.deepEqual([config.listen.length, config.redirects.length], [0, 1]);
});

test('there are routes with nodes, with fallbacks and with each mapper, and none with flags', () => {
  const mappers = ['http-use-pattern = /run/%s', 'http-use-base = /run/', 'http-use-cache = f', 'http-use-code-string = f.ts'];
  for (const line of ['http-to = :1', 'http-fallback = :1', ...mappers]) assert.equal(iniConfig(line).hasRoutes, true, line);
  for (const line of ['http-cheap', 'http-strict-mapping', 'http-backend-http', 'http-to-https = :81'])
    assert.equal(iniConfig(line).hasRoutes, false, line);
});

const NETWORKS = 'write networks such as 10.0.0.0/8,fd00::/8';
const MODULE = 'write FILE or FILE:FUNCTION of a TypeScript or JavaScript module, such as /etc/ugate/route.ts:nodeOf';
const KEYS = 'the keys are path, host, interval, fails, passes, timeout, such as path=/healthz,interval=5';
const WRONG: readonly (readonly [line: string, problem: string, hint: string | null])[] = [
  ['http-to-https = 81', '"81" would be a socket file; for a port write ":81"', null],
  ['http-to-https = *:81,443', '"*:81" is no address', 'for all IPv4 addresses write ":81"'],
  ['http-to-https = :81,https', '"https" is no number', 'write a decimal number from 1 to 65535'],
  ['http-to-https = :81,0', '"0" is out of range', 'write a value from 1 to 65535'],
  ['http-gzip-engine = zlib', '"zlib" is none of auto, fflate, native', null],
  ['http-gzip-engine = nativ', '"nativ" is none of auto, fflate, native', 'did you mean "native"?'],
  ['http-gzip-level = 0', '"0" is out of range', 'write a value from 1 to 9'],
  ['http-gzip-level = 10', '"10" is out of range', 'write a value from 1 to 9'],
  ['http-response-buffer = -1', '"-1" is no size', 'write bytes, or a number with k, m or g, such as 65536 or 64k'],
  ['http-post-buffering = true', '"true" is no size', 'write bytes, or a number with k, m or g, such as 65536 or 64k'],
  ['http-algo = wrrr', '"wrrr" is none of wrr, lrc, wlrc, iphash', 'did you mean "wrr"?'],
  ['http-algo = random', '"random" is none of wrr, lrc, wlrc, iphash', null],
  ['http-backend-proxy-protocol = 2', '"2" is none of v1, v2', 'did you mean "v2"?'],
  [
    'http-stud-prefix = localhost',
    '"localhost" is no IP address',
    'write one address without a port, such as 127.0.0.1; give the option once for each',
  ],
  [
    'http-stud-prefix = 127.0.0.1:80',
    '"127.0.0.1:80" is no IP address',
    'write one address without a port, such as 127.0.0.1; give the option once for each',
  ],
  ['http-proxy-from = 10.0.0.0/8,,::1', '"10.0.0.0/8,,::1" has nothing between its commas', NETWORKS],
  ['http-proxy-from = any,::1', '"any" stands beside networks', 'write any alone, or leave it out'],
  ['http-proxy-from = ::1\nhttp-proxy-from = any', '"any" stands beside networks', 'write any alone, or leave it out'],
  ['http-trusted-proxies = any', '"any" would let every client choose its address', 'name the networks that the proxies are in'],
  ['http-check = /healthz', '"/healthz" is no key=value', 'write path=/healthz'],
  ['http-check = fast', '"fast" is no key=value', KEYS],
  ['http-check = path=healthz', 'the path "healthz" does not begin with "/"', 'write path=/healthz'],
  ['http-check = path=/a b', 'the path "/a b" has characters that a request line cannot hold', 'write them as %XX escapes'],
  ['http-check = intervall=5', 'the check has no key "intervall"', 'did you mean "interval"?'],
  ['http-check = toString=5', 'the check has no key "toString"', KEYS],
  ['http-check = fails=1,fails=2', '"fails" is there twice', 'keep one of them'],
  ['http-check = path=/x,host=a b', '"a b" is no host', 'write what clients send as Host, such as host=www.example.com'],
  ['http-check = path=/x,host=', '"" is no host', 'write what clients send as Host, such as host=www.example.com'],
  ['http-check = host=a', 'host= asks for nothing without path=', 'write path=/healthz,host=…'],
  ['http-check = fails=0', '"0" is out of range', 'write a value from 1 to 1000'],
  ['http-check = interval=0', 'interval=0 is too short', 'write 100ms or more'],
  ['http-check = timeout=x', '"x" is no time', 'write whole seconds, or a number with ms, s, m or h, such as 60, 500ms or 2m'],
  ['http-use-pattern = /run/app.sock', '"/run/app.sock" has no place for the key', 'write %s where it shall stand, such as /run/apps/%s.sock'],
  ['http-use-pattern = /run/%s%', '"/run/%s%" has "%" in it', 'write %s for the key and %% for a percent sign'],
  ['http-use-pattern = /run/%s-%-', '"/run/%s-%-" has "%-" in it', 'write %s for the key and %% for a percent sign'],
  ['http-use-pattern = %d/%s', 'not available yet: the placeholder "%d"', 'write the value itself, or $(NAME) for the environment variable NAME'],
  ['http-use-code-string = 0:cs.py:f', '"cs.py" is no TypeScript or JavaScript module', MODULE],
  ['http-use-code-string = 5:cs.ts:f', `"5:cs.ts:f" asks for uWSGI's plugin 5`, MODULE],
  ['http-use-code-string = a.ts:b:c', '"a.ts:b:c" names no module', MODULE],
  ['http-use-code-string = a.ts:b-c', '"b-c" is no name of a function', MODULE],
  ['http-use-cache', 'wants a value', 'such as "http-use-cache = /etc/ugate/nodes.map"'],
  [
    'http-use-cache = /etc/map ; nodes',
    '"/etc/map ; nodes" seems to end in a comment, but that is part of the value',
    'write comments on lines of their own',
  ],
];

for (const [lines, problem, hint] of WRONG) {
  const last = lines.split('\n');
  const name = last[0].split(' ')[0];
  test(`wrong: ${lines.replaceAll('\n', '\\n')}`, () =>
    assert.equal(iniErrors(lines), `u.ini:${2 + last.length}: ${name}: ${problem}${hint === null ? '' : `\n  hint: ${hint}`}`));
}

test('wrong: networks that are none', () => {
  for (const name of ['http-proxy-from', 'http-trusted-proxies'])
    for (const text of ['10.0.0.0/33', '10.0.0.1/8', 'example.org', '10.0.0.0/8,x'])
      assert.match(iniErrors(`${name} = ${text}`), new RegExp(`^u\\.ini:3: ${name}: "${text.split(',').at(-1)}".* write .*$`), text);
});

test('wrong: the same address to serve and to redirect', () => {
  assert.equal(
    iniErrors('http-to-https = 0.0.0.0:80,443'),
    'u.ini:3: http-to-https: 0.0.0.0:80 is there already\n  hint: it was first given here: u.ini:2; keep one of them',
  );
  assert.equal(
    iniErrors('http-to-https = :81\nhttp-to-https = :81,8443'),
    'u.ini:4: http-to-https: 0.0.0.0:81 is there already\n  hint: it was first given here: u.ini:3; keep one of them',
  );
});
