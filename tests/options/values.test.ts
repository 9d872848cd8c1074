import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/options/config.ts';
import { iniConfig, iniErrors } from './support.ts';

const READ: readonly (readonly [lines: string, field: keyof Config, value: unknown])[] = [
  ['http-timeout = 5', 'timeout', 5000],
  ['http-timeout = 500ms', 'timeout', 500],
  ['http-timeout = 30s', 'timeout', 30_000],
  ['http-timeout = 2M', 'timeout', 120_000],
  ['http-timeout = 1 h', 'timeout', 3_600_000],
  ['http-timeout = 0', 'timeout', 60_000],
  ['http-timeout = 5\nhttp-timeout = 0', 'timeout', 60_000],
  ['http-timeout = 2147483', 'timeout', 2_147_483_000],
  ['http-timeout = 007', 'timeout', 7000],
  ['http-timeout = 5', 'headersTimeout', 5000],
  ['http-timeout = 5', 'connectTimeout', 5000],
  ['http-timeout = 5', 'keepalive', 5000],
  ['http-timeout = 5\nhttp-headers-timeout = 0', 'headersTimeout', 5000],
  ['http-headers-timeout = 3', 'headersTimeout', 3000],
  ['http-connect-timeout = 4', 'connectTimeout', 4000],
  ['http-gracetime = 0', 'graceTime', 30_000],
  ['http-gracetime = 1', 'graceTime', 1000],
  ['reload-mercy = 0', 'reloadMercy', 0],
  ['http-keepalive = 2', 'keepalive', 2000],
  ['http-keepalive = 1', 'keepalive', 60_000],
  ['http-keepalive = 1s', 'keepalive', 1000],
  ['http-keepalive = 500ms', 'keepalive', 500],
  ['http-keepalive = 0', 'keepalive', 0],
  ['http-keepalive = 0s', 'keepalive', 0],
  ['http-keepalive = False', 'keepalive', 0],
  ['http-manage-expect = 0', 'manageExpect', false],
  ['http-manage-expect = 0k', 'manageExpect', false],
  ['http-manage-expect = 1', 'manageExpect', true],
  ['http-manage-expect = 1', 'expectMaxBody', Number.POSITIVE_INFINITY],
  ['http-manage-expect', 'expectMaxBody', Number.POSITIVE_INFINITY],
  ['http-manage-expect = 2', 'expectMaxBody', 2],
  ['http-manage-expect = 10m', 'expectMaxBody', 10 * 1024 ** 2],
  ['http-manage-expect = 10m', 'manageExpect', true],
  ['http-body-buffer = 16384', 'bodyBuffer', 16384],
  ['http-body-buffer = 64K', 'bodyBuffer', 65536],
  ['http-body-buffer = 64 KiB', 'bodyBuffer', 65536],
  ['http-body-buffer-max = 2MiB', 'bodyBufferMax', 2 * 1024 ** 2],
  ['http-body-buffer-total = 3gb', 'bodyBufferTotal', 3 * 1024 ** 3],
  ['http-max-body = 0', 'maxBody', Number.POSITIVE_INFINITY],
  ['http-max-body = 1', 'maxBody', 1],
  ['http-modifier1 = 255', 'modifier1', 255],
  ['http-modifier2 = 9', 'modifier2', 9],
  ['http-max-connections = 1000', 'maxConnections', 1000],
  ['chmod-socket = 660', 'socketMode', 0o660],
  ['log-level = debug', 'logLevel', 'debug'],
  ['http-chunked-input = yes', 'chunkedInput', true],
  ['http-chunked-input = ON', 'chunkedInput', true],
  ['http-chunked-input = 1\nhttp-chunked-input = No', 'chunkedInput', false],
  ['http-lenient-path = true', 'lenientPath', true],
  ['http-allow-underscore-headers = true', 'allowUnderscoreHeaders', true],
  ['http-server-name-as-http-host = 1', 'serverNameAsHttpHost', true],
  [
    'http-var = A=\nhttp-var = B=1=2\nhttp-var = A=x y',
    'vars',
    [
      ['A', ''],
      ['B', '1=2'],
      ['A', 'x y'],
    ],
  ],
];

for (const [lines, field, value] of READ) {
  test(`${lines.replaceAll('\n', '\\n')} → ${field}`, () => assert.deepEqual(iniConfig(lines)[field], value));
}

const TIME = 'write whole seconds, or a number with ms, s, m or h, such as 60, 500ms or 2m';
const SIZE = 'write bytes, or a number with k, m or g, such as 65536 or 64k';
const FLAG = 'write true, on, yes or 1, or false, off, no or 0';
const WRONG: readonly (readonly [line: string, problem: string, hint: string | null])[] = [
  ['http-timeout = -1', '"-1" is no time', TIME],
  ['http-timeout = 1.5', '"1.5" is no time', TIME],
  ['http-timeout = true', '"true" is no time', TIME],
  ['http-timeout = 1d', '"1d" is no time', TIME],
  ['http-timeout = 2147484', '"2147484" is too long', 'the longest time is 2147483 seconds, a little under 25 days'],
  ['http-timeout = 999999999999999999h', '"999999999999999999h" is too long', 'the longest time is 2147483 seconds, a little under 25 days'],
  ['http-keepalive = maybe', '"maybe" is neither on, off nor a number of seconds', 'write true, false or a number of seconds'],
  ['http-keepalive = 3x', '"3x" is no time', TIME],
  ['http-manage-expect = -3', '"-3" is neither on, off nor a number of bytes', 'write true, false or a number of bytes'],
  ['http-manage-expect = 3x', '"3x" is no size', SIZE],
  ['http-body-buffer = 16383', '"16383" is too little', 'write 16384 bytes or more'],
  ['http-body-buffer = 0', '"0" is too little', 'write 16384 bytes or more'],
  ['http-body-buffer = 64kk', '"64kk" is no size', SIZE],
  ['http-body-buffer = 64ib', '"64ib" is no size', SIZE],
  ['http-max-body = 0x10', '"0x10" is no size', SIZE],
  ['http-max-body = 99999999999g', '"99999999999g" is too much', 'write fewer bytes'],
  ['http-modifier1 = 256', '"256" is out of range', 'write a value from 0 to 255'],
  ['http-modifier1 = -1', '"-1" is out of range', 'write a value from 0 to 255'],
  ['http-modifier2 = 0x1', '"0x1" is no number', 'write a decimal number from 0 to 255'],
  ['http-modifier2 = true', '"true" is no number', 'write a decimal number from 0 to 255'],
  ['http-max-connections = 0', '"0" is out of range', 'write a value from 1 to 10000000'],
  ['http-quiet = maybe', '"maybe" is neither on nor off', FLAG],
  ['http-quiet = 2', '"2" is neither on nor off', FLAG],
  ['master = "true"', `'"true"' is neither on nor off`, FLAG],
  ['log-level = worn', '"worn" is none of error, warn, info, debug', 'did you mean "warn"?'],
  ['log-level = verbose', '"verbose" is none of error, warn, info, debug', null],
  ['chmod-socket = 0660', '"0660" is no mode', 'write exactly three octal digits, such as 660'],
  ['chmod-socket = 668', '"668" is no mode', 'write exactly three octal digits, such as 660'],
  ['http-var = A', '"A" has no "="', 'write KEY=VALUE'],
  ['http-var = =b', '"=b" has no key before the "="', 'write KEY=VALUE'],
  ['http-var = A = b', 'the key "A " has a blank in it', 'write KEY=VALUE without blanks around the "="'],
  ['http-to = :0', '":0": port 0 is no place to connect to', null],
  ['http-to = 3031', '"3031" would be a socket file; for a port write ":3031"', null],
  ['http = http://localhost:80/', '"http://localhost:80/" is no address', 'write only host and port: "localhost:80"'],
  ['http = unix:///tmp/x', '"unix:///tmp/x" is no address', 'a path is enough: "/tmp/x"'],
  ['http = "/tmp/x"', `'"/tmp/x"' is no address`, 'quotes are part of the value here; leave them out: /tmp/x'],
  ['http = :1, :2', '":1, :2" is no address', 'give the option once for each address'],
  ['http = 10.0.0.1', '"10.0.0.1" is no address', 'add a port: "10.0.0.1:8080"'],
  ['http = ::1', '"::1" is no address', 'add a port: "[::1]:8080"'],
  ['http = localhost', '"localhost" is no address', 'add a port: "localhost:8080"; for a socket file of that name write "./localhost"'],
  ['http = =0', '"=0" is no address', 'shared sockets (=N) are not available yet; write the address itself, or fd://N for an inherited descriptor'],
];

for (const [line, problem, hint] of WRONG) {
  const name = line.split(' ')[0];
  test(`wrong: ${line}`, () => assert.equal(iniErrors(line), `u.ini:3: ${name}: ${problem}${hint === null ? '' : `\n  hint: ${hint}`}`));
}

test('wrong: http = 8080 and http = *:80', () => {
  assert.equal(iniErrors('http = 8080'), 'u.ini:3: http: "8080" would be a socket file; for a port write ":8080"');
  assert.equal(iniErrors('http = *:81'), 'u.ini:3: http: "*:81" is no address\n  hint: for all IPv4 addresses write ":81"');
});
