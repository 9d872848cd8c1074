import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConnectAddress } from '../../src/net/address.ts';
import { LOST_PEER, UNIX_PEER } from '../../src/net/peer.ts';
import { AF_INET, AF_INET6, AF_UNIX } from '../../src/runtime/epoll/kernel.ts';
import { decodeAddress, encodeAddress } from '../../src/runtime/epoll/sockaddr.ts';
import { check, fc } from '../support/fast-check.ts';

const tcp = (host: string, port = 8080): ConnectAddress => ({ kind: 'tcp', host, port });
const unix = (path: string, abstract = false): ConnectAddress => ({ kind: 'unix', path, abstract });

function shown(host: string): string {
  return decodeAddress(encodeAddress(tcp(host))!.bytes).address;
}

describe('a socket address in the form of the kernel', () => {
  it('is laid out as struct sockaddr_in and sockaddr_in6 are', () => {
    const four = encodeAddress(tcp('192.0.2.1', 0x1f90))!;
    assert.deepEqual([four.family, four.length, ...four.bytes.subarray(0, 8)], [AF_INET, 16, 2, 0, 0x1f, 0x90, 192, 0, 2, 1]);
    const six = encodeAddress(tcp('2001:db8::1', 80))!;
    assert.deepEqual([six.family, six.length, ...six.bytes.subarray(0, 4)], [AF_INET6, 28, 10, 0, 0, 80]);
    assert.equal(Buffer.from(six.bytes.subarray(8, 24)).toString('hex'), '20010db8000000000000000000000001');
  });

  it('ends a path with a NUL and begins an abstract name with one', () => {
    const path = encodeAddress(unix('/run/a'))!;
    assert.deepEqual([path.family, path.length], [AF_UNIX, 9]);
    assert.equal(Buffer.from(path.bytes.subarray(2, 9)).toString(), '/run/a\0');
    const name = encodeAddress(unix('a', true))!;
    assert.deepEqual([name.length, ...name.bytes.subarray(2, 4)], [4, 0, 97]);
    assert.ok(encodeAddress(unix('x'.repeat(107))));
    assert.equal(encodeAddress(unix('x'.repeat(108))), null);
    assert.equal(decodeAddress(path.bytes), UNIX_PEER);
  });

  it('reads every way to write an IPv6 address', () => {
    for (const [written, short] of [
      ['::', '::'],
      ['::1', '::1'],
      ['1::', '1::'],
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
      ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
      // IPv4 in IPv6 is shown as IPv4.
      ['::ffff:192.0.2.33', '192.0.2.33'],
    ] as const) {
      assert.equal(shown(written), short, written);
    }
  });

  it('gives back what it was given', () => {
    check(
      fc.property(fc.ipV4(), fc.nat(65_535), (host, port) => {
        const { address, port: same, family } = decodeAddress(encodeAddress(tcp(host, port))!.bytes);
        assert.deepEqual([address, same, family], [host, port, 'ipv4']);
      }),
    );
    check(fc.property(fc.ipV6(), (host) => shown(shown(host)) === shown(host)));
  });

  it('of no family that we know counts as lost, not as a trusted unix socket', () => {
    assert.equal(decodeAddress(new Uint8Array(28)), LOST_PEER);
  });
});
