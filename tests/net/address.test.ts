import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AddressError,
  type ConnectAddress,
  formatAddress,
  isIpLiteral,
  isIpv4,
  isIpv6,
  type ListenAddress,
  parseConnectAddress,
  parseListenAddress,
} from '../../src/net/address.ts';
import { formatPeer, peerAddress, UNIX_PEER } from '../../src/net/peer.ts';

const tcp = (host: string, port: number): ConnectAddress => ({ kind: 'tcp', host, port });
const unix = (path: string, abstract = false): ConnectAddress => ({ kind: 'unix', path, abstract });

/** Read alike for listening and connecting, and written as they are read unless said otherwise. */
const BOTH: readonly (readonly [text: string, address: ConnectAddress, written?: string])[] = [
  ['127.0.0.1:3031', tcp('127.0.0.1', 3031)],
  ['0.0.0.0:1', tcp('0.0.0.0', 1)],
  ['[::1]:65535', tcp('::1', 65_535)],
  ['[::]:80', tcp('::', 80)],
  ['[fe80::1%eth0]:80', tcp('fe80::1%eth0', 80)],
  ['[::ffff:1.2.3.4]:80', tcp('::ffff:1.2.3.4', 80)],
  ['localhost:8080', tcp('localhost', 8080)],
  ['backend.example:3031', tcp('backend.example', 3031)],
  ['backend.example.:3031', tcp('backend.example.', 3031)],
  ['a_b-c.d:1', tcp('a_b-c.d', 1)],
  ['app:00080', tcp('app', 80), 'app:80'],
  ['/run/app.sock', unix('/run/app.sock')],
  ['/run/a:80', unix('/run/a:80')],
  ['./a:80', unix('./a:80')],
  ['../a:80', unix('../a:80')],
  ['app.sock', unix('app.sock')],
  ['/run/a b', unix('/run/a b')],
  ['@name', unix('name', true)],
  ['@a:80', unix('a:80', true)],
  [`/${'a'.repeat(106)}`, unix(`/${'a'.repeat(106)}`)],
  [`@${'a'.repeat(107)}`, unix('a'.repeat(107), true)],
];

for (const [text, address, written = text] of BOTH) {
  test(`${text} is read and written`, () => {
    assert.deepEqual(parseListenAddress(text), address);
    assert.deepEqual(parseConnectAddress(text), address);
    assert.equal(formatAddress(address), written);
    assert.deepEqual(parseConnectAddress(formatAddress(address)), address);
  });
}

test('what only listens, and what both read in their own way', () => {
  const listens: readonly (readonly [string, ListenAddress])[] = [
    [':8080', tcp('0.0.0.0', 8080)],
    ['127.0.0.1:0', tcp('127.0.0.1', 0)],
    [':0', tcp('0.0.0.0', 0)],
    ['fd://3', { kind: 'fd', fd: 3 }],
    ['fd://0', { kind: 'fd', fd: 0 }],
  ];
  for (const [text, address] of listens) {
    assert.deepEqual(parseListenAddress(text), address);
    assert.deepEqual(parseListenAddress(formatAddress(address)), address);
  }
  assert.deepEqual(parseConnectAddress(':3031'), tcp('127.0.0.1', 3031));
  assert.throws(() => parseConnectAddress('127.0.0.1:0'), AddressError);
});

const ERRORS: readonly (readonly [text: string, says: RegExp])[] = [
  ['', /empty/],
  ['a\0b', /NUL/],
  ['@a\0b', /NUL/],
  ['@', /name behind the @/],
  ['8080', /write ":8080"/],
  ['a:', /no port/],
  ['a:b', /no port/],
  ['a:-1', /no port/],
  ['a:+1', /no port/],
  ['a: 1', /no port/],
  ['a:1 ', /no port/],
  ['a:65536', /no port/],
  ['a:100000', /no port/],
  ['a:1e3', /no port/],
  ['::1:80', /in brackets/],
  ['1:2:3', /in brackets/],
  ['[::1', /no port|in brackets/],
  ['[::1]', /no port/],
  ['[]:80', /no IPv6/],
  ['[1.2.3.4]:80', /no IPv6/],
  ['[::g]:80', /no IPv6/],
  ['[::1%]:80', /no IPv6/],
  ['[::1%a%b]:80', /no IPv6/],
  ['1.2.3:80', /no IPv4/],
  ['1.2.3.4.5:80', /no IPv4/],
  ['1.2.3.256:80', /no IPv4/],
  ['01.2.3.4:80', /no IPv4/],
  ['-a:80', /no host name/],
  ['a-:80', /no host name/],
  ['a..b:80', /no host name/],
  ['a b:80', /no host name/],
  ['u@a:80', /no host name/],
  ['http://a:80', /in brackets/],
  ['*:80', /no host name/],
  [`${'a'.repeat(64)}:80`, /no host name/],
  [`${'a.'.repeat(127)}aa:80`, /no host name/],
  [`/${'a'.repeat(107)}`, /107 bytes/],
  [`/${'é'.repeat(54)}`, /107 bytes/],
  [`@${'a'.repeat(108)}`, /107 bytes/],
];

test('what cannot be read says why, and quotes what was written', () => {
  for (const [text, says] of [...ERRORS, ['fd://', /number/], ['fd://-1', /number/], ['fd://x', /number/], ['fd://99999', /number/]] as const) {
    assert.throws(
      () => parseListenAddress(text),
      (error) => error instanceof AddressError && says.test(error.message) && (text === '' || error.message.includes(text.replaceAll('\0', '\\0'))),
      text,
    );
  }
  for (const [text, says] of ERRORS) assert.throws(() => parseConnectAddress(text), says, text);
});

test('IP literals are told from names', () => {
  const v4 = ['0.0.0.0', '255.255.255.255', '1.20.103.4'];
  const v6 = [
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
    'FE80::a%eth0',
    '1::8',
  ];
  const none = [
    ...['', 'a', '1', '1.2.3', '1.2.3.4.', '.1.2.3.4', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.-4', '1.2.3.4 ', '0x1.2.3.4', '١.2.3.4'],
    ...[':', ':::', '1', '1:2', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '1::2::3', ':1::', '1::2:', '12345::', 'g::', '[::1]'],
    ...['1.2.3.4::', '::1.2.3.4:5', '1.2.3.4::1', '::1.2.3', '1:2:3:4:5:6:7:1.2.3.4', '::1%', '::1%a%b', '::1%/', '%eth0'],
  ];
  for (const text of v4) assert.ok(isIpv4(text) && !isIpv6(text) && isIpLiteral(text), text);
  for (const text of v6) assert.ok(isIpv6(text) && !isIpv4(text) && isIpLiteral(text), text);
  for (const text of none) assert.ok(!isIpLiteral(text), text);
});

test('peers are shown as people write them', () => {
  const shown: readonly (readonly [address: string, family: string, text: string])[] = [
    ['1.2.3.4', 'ipv4', '1.2.3.4:5'],
    ['::1', 'ipv6', '[::1]:5'],
    ['::ffff:1.2.3.4', 'ipv4', '1.2.3.4:5'],
    ['::ffff:0:1.2.3.4', 'ipv6', '[::ffff:0:1.2.3.4]:5'],
    ['::ffff:102:304', 'ipv6', '[::ffff:102:304]:5'],
    ['64:ff9b::1.2.3.4', 'ipv6', '[64:ff9b::1.2.3.4]:5'],
    ['fe80::1%eth0', 'ipv6', '[fe80::1%eth0]:5'],
  ];
  for (const [address, family, text] of shown) {
    const peer = peerAddress(address, 5);
    assert.deepEqual([peer.family, formatPeer(peer)], [family, text]);
  }
  assert.equal(formatPeer(UNIX_PEER), 'unix');
});
