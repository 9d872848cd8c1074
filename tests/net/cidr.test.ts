import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import { test } from 'node:test';
import { AddressError, isIpv4 } from '../../src/net/address.ts';
import { CidrSet, PRIVATE_NETWORKS } from '../../src/net/cidr.ts';
import { formatIpv4, formatIpv6, isMappedIpv4, readIp } from '../../src/net/ip.ts';
import { peerOfBytes, peerOfText } from '../../src/net/peer.ts';
import { isIp } from '../fuzz/model.ts';
import { check, fc } from '../support/fast-check.ts';

function ipBytes(text: string): number[] | null {
  const out = new Uint8Array(16).fill(0xaa);
  return readIp(text, out) ? [...out] : null;
}

const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'));
/** Many zeros, as real addresses have them. */
const ipv6Bytes = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
/** Nearly addresses: what the reader and the model must agree on. */
const nearly = fc
  .array(
    fc.constantFrom('::', ':', '.', '0', '1', '255', '256', '01', 'ffff', 'fFfF', '12345', 'g', '1.2.3.4', '%', 'eth0', '-', ' ', '1:2:3:4:5:6:7'),
    {
      maxLength: 10,
    },
  )
  .map((parts) => parts.join(''));

test('a text is read as an address exactly when it is an IP literal', () => {
  const agree = (text: string): void => assert.equal(ipBytes(text) !== null, isIp(text), JSON.stringify(text));
  for (const text of ['', '::', '::1', '1::', ':::', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8::', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:', ':1', '::%'])
    agree(text);
  for (const text of ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4', '1.2.3.4::', '::1.2.3.4:5', 'fe80::1%eth0', '::1%a%b', '١.2.3.4'])
    agree(text);
  check(fc.property(nearly, agree), 3000);
  check(fc.property(fc.string({ maxLength: 12 }), agree));
  check(fc.property(ipv4, (text) => assert.equal(ipBytes(text)?.slice(12).join('.'), text)));
});

test('addresses get the text that RFC 5952 recommends, and are read back from it', () => {
  const spelled: readonly (readonly [text: string, right: string])[] = [
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::ffff:102:304', '::ffff:1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['fe80::1%eth0', 'fe80::1'],
  ];
  for (const [text, right] of spelled) {
    const bytes = Uint8Array.from(ipBytes(text) ?? []);
    assert.equal(formatIpv6(bytes, 0), right);
  }
  assert.equal(formatIpv4(Uint8Array.of(9, 10, 0, 0, 255), 1), '10.0.0.255');
  check(
    fc.property(ipv6Bytes, (bytes) => {
      const text = formatIpv6(bytes, 0);
      assert.deepEqual(ipBytes(text), [...bytes], text);
      // The URL parser of the runtime knows the same recommendation, but for dotted quads.
      if (!isMappedIpv4(bytes, 0)) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
    }),
  );
});

test('a peer is IPv4 whichever way its address is written', () => {
  for (const text of ['1.2.3.4', '::ffff:1.2.3.4', '::FFFF:102:304', '0:0:0:0:0:ffff:1.2.3.4'])
    assert.deepEqual(peerOfText(text, 5), { family: 'ipv4', address: '1.2.3.4', port: 5 });
  assert.deepEqual(peerOfText('::FFFE:1.2.3.4', 5), { family: 'ipv6', address: '::fffe:102:304', port: 5 });
  assert.deepEqual(peerOfBytes(Uint8Array.of(7, 7, ...(ipBytes('FE80::1') ?? [])), 2, 0), { family: 'ipv6', address: 'fe80::1', port: 0 });
  for (const text of ['', 'unknown', '1.2.3', '[::1]', '1.2.3.4:5']) assert.equal(peerOfText(text, 0), null);
});

test('networks hold what lies in them, to the border', () => {
  const held: readonly (readonly [network: string, within: string, outside: string])[] = [
    ['10.0.0.0/8', '10.0.0.0 10.255.255.255 ::ffff:10.1.2.3 ::ffff:a01:203', '9.255.255.255 11.0.0.0 ::a00:1 a00::'],
    ['172.16.0.0/12', '172.16.0.0 172.31.255.255', '172.15.255.255 172.32.0.0'],
    ['192.0.2.128/25', '192.0.2.128 192.0.2.255', '192.0.2.127 192.0.3.128'],
    ['1.2.3.4/31', '1.2.3.4 1.2.3.5', '1.2.3.3 1.2.3.6'],
    ['1.2.3.4', '1.2.3.4 ::ffff:1.2.3.4', '1.2.3.5 ::1.2.3.4 1.2.3.4.5'],
    ['1.2.3.4/32', '1.2.3.4', '1.2.3.5'],
    ['0.0.0.0/0', '0.0.0.0 255.255.255.255 ::ffff:1.2.3.4', '::1 ::'],
    ['::/0', ':: ::1 ffff:: ::fffe:1.2.3.4', '1.2.3.4 ::ffff:1.2.3.4'],
    ['::ffff:10.0.0.0/104', '10.1.2.3 ::ffff:10.1.2.3', '11.1.2.3 ::10.1.2.3'],
    ['::ffff:1.2.3.4', '1.2.3.4', '1.2.3.5'],
    ['fc00::/7', 'fc00:: fdff:ffff::1', 'fbff:: fe00::'],
    ['2001:DB8::/32', '2001:db8:ffff::', '2001:db9::'],
    ['::1', '::1 0:0:0:0:0:0:0:1', '::2 ::'],
    ['fe80::/10', 'fe80::1%eth0 febf::', 'fec0::'],
  ];
  for (const [network, within, outside] of held) {
    const set = new CidrSet(['203.0.113.7', network]);
    for (const address of within.split(' ')) assert.ok(set.contains(address), `${address} in ${network}`);
    for (const address of [...outside.split(' '), '', 'unix', 'localhost', '[::1]'])
      assert.ok(!set.contains(address), `${address} not in ${network}`);
    assert.ok(set.contains('203.0.113.7'));
  }
  assert.ok(!new CidrSet([]).contains('127.0.0.1'));
});

test('the private networks are those nobody from the internet comes from', () => {
  const set = new CidrSet(PRIVATE_NETWORKS);
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '10.0.0.1',
    '172.20.0.1',
    '192.168.1.1',
    '169.254.1.1',
    '::1',
    'fe80::1',
    'fd00::1',
    '::ffff:10.0.0.1',
  ])
    assert.ok(set.contains(address), address);
  for (const address of ['128.0.0.1', '8.8.8.8', '172.32.0.1', '192.169.0.1', '0.0.0.0', '::', '2001:db8::1', 'ff02::1', '::ffff:8.8.8.8', ''])
    assert.ok(!set.contains(address), address);
});

test('a set holds what the block list of node:net holds', () => {
  check(
    fc.property(ipv4, fc.nat(32), fc.array(ipv4), fc.nat(31), (network, prefix, others, flip) => {
      const bits = Number.parseInt(
        network
          .split('.')
          .map((part) => Number(part).toString(2).padStart(8, '0'))
          .join(''),
        2,
      );
      const cleared = prefix === 0 ? 0 : (bits & -(2 ** (32 - prefix))) >>> 0;
      const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
      const model = new BlockList();
      model.addSubnet(dotted(cleared), prefix);
      const set = new CidrSet([`${dotted(cleared)}/${prefix}`]);
      for (const address of [network, dotted(cleared), dotted((bits ^ (1 << flip)) >>> 0), ...others]) {
        assert.ok(isIPv4(address) && isIpv4(address));
        assert.equal(set.contains(address), model.check(address), `${address} in ${dotted(cleared)}/${prefix}`);
        assert.equal(set.contains(`::ffff:${address}`), model.check(address));
      }
    }),
  );
});

test('what is no network says what to write instead', () => {
  const errors: readonly (readonly [text: string, says: RegExp])[] = [
    ['10.0.0.1/8', /write "10\.0\.0\.0\/8", or "10\.0\.0\.1"/],
    ['192.168.1.255/25', /write "192\.168\.1\.128\/25"/],
    ['1.2.3.4/0', /write "0\.0\.0\.0\/0"/],
    ['2001:db8::1/32', /write "2001:db8::\/32", or "2001:db8::1"/],
    ['fc00::1/7', /write "fc00::\/7"/],
    ['::ffff:10.0.0.1/104', /write "::ffff:10\.0\.0\.0\/104"/],
    ['10.0.0.0/33', /"33" is no prefix length \(0–32\)/],
    ['::/129', /\(0–128\)/],
    ['10.0.0.0/', /"" is no prefix/],
    ['10.0.0.0/08', /"08" is no prefix/],
    ['10.0.0.0/-1', /no prefix/],
    ['10.0.0.0/8 ', /no prefix/],
    ['10.0.0.0/8/8', /no prefix/],
    ['10.0.0.0/255.0.0.0', /"255\.0\.0\.0" is no prefix/],
    ['', /starts with an address/],
    ['/8', /starts with an address/],
    ['10/8', /all four numbers/],
    ['10.', /all four numbers/],
    ['[::1]:80', /brackets/],
    ['1.2.3.4:80', /leave out the port: 1\.2\.3\.4$/],
    ['fe80::1%eth0', /zone/],
    ['localhost', /not looked up/],
    ['any', /no IP address/],
    ['010.0.0.1', /no IP address/],
  ];
  for (const [text, says] of errors) {
    const isTold = (error: unknown): boolean => error instanceof AddressError && says.test(error.message) && error.message.startsWith(`"${text}"`);
    assert.throws(() => new CidrSet(['::1', text]), isTold, text);
  }
  check(
    fc.property(fc.oneof(nearly, fc.string()), fc.string({ maxLength: 4 }), (host, prefix) => {
      try {
        new CidrSet([`${host}/${prefix}`]);
      } catch (error) {
        assert.ok(error instanceof AddressError);
      }
    }),
  );
});
