import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { type PeerAddress, peerAddress, peerOfBytes, UNIX_PEER } from '../../src/net/peer.ts';
import {
  MAX_PROXY_HEADER_BYTES,
  MAX_PROXY_LINE_BYTES,
  type ProxyHeader,
  readProxyHeader,
  readStudPrefix,
  writeProxyHeader,
} from '../../src/net/proxy-protocol.ts';
import { check, fc } from '../support/fast-check.ts';
import { findTool, freePort, temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { waitFor, within } from '../support/wait.ts';

type Read = typeof readProxyHeader;

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const V4 = '\x0a\x01\x02\x03\xc0\xa8\x00\x01\xdb\xe8\x01\xbb';
const V4_SOURCE = peerAddress('10.1.2.3', 56296);
const V4_DESTINATION = peerAddress('192.168.0.1', 443);

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A header of version 2; its length is that of what follows, unless said otherwise. */
function binary(command: number, family: number, block: string, length = block.length): string {
  return `${SIGNATURE}${String.fromCharCode(command, family, length >> 8, length & 0xff)}${block}`;
}

/**
 * Reads the text in whole, then all its beginnings: once something is known it stays so, and what lies in front of and behind the
 * bytes does not count. Offsets are told from the text's start.
 */
function read(text: string, reader: Read = readProxyHeader): ProxyHeader {
  const front = bytesOf('PROXY \r\n\r\n\0');
  let last: ProxyHeader = { kind: 'incomplete' };
  for (let length = 0; length <= text.length; length++) {
    for (const poison of ['\r\n\r\n', '0 0 0\n', '\0\0\0\0']) {
      const bytes = new Uint8Array([...front, ...bytesOf(text.slice(0, length)), ...bytesOf(poison)]);
      const header = moved(reader(bytes, front.length, front.length + length), front.length);
      if (last.kind !== 'incomplete') assert.deepEqual(header, last, JSON.stringify(text.slice(0, length)));
      else if (poison === '\0\0\0\0') last = header;
    }
  }
  const whole = reader(bytesOf(text), 0, text.length);
  assert.deepEqual(whole, last);
  return whole;
}

function moved(header: ProxyHeader, by: number): ProxyHeader {
  return header.kind === 'complete' ? { ...header, end: header.end - by } : header;
}

/** The number of bytes after which the text is known to be `kind`. */
function knownAfter(text: string, kind: ProxyHeader['kind']): number {
  for (let length = 0; length <= text.length; length++) {
    const header = readProxyHeader(bytesOf(text), 0, length);
    if (header.kind === 'incomplete') continue;
    assert.equal(header.kind, kind, JSON.stringify(text));
    return length;
  }
  return -1;
}

function complete(text: string, source: PeerAddress | null, destination: PeerAddress | null, reader: Read = readProxyHeader): void {
  const expected: ProxyHeader = { kind: 'complete', end: text.length, source, destination };
  assert.deepEqual(read(text, reader), expected, JSON.stringify(text));
  assert.deepEqual(read(text + REQUEST, reader), expected, JSON.stringify(text));
}

function invalid(text: string, rule: RegExp): void {
  const header = read(text);
  assert.ok(header.kind === 'invalid', `${JSON.stringify(text)} is ${header.kind}`);
  assert.match(header.rule, rule, JSON.stringify(text));
}

test('a line of version 1 tells both ends', () => {
  complete('PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n', peerAddress('192.168.0.1', 56324), peerAddress('192.168.0.11', 443));
  complete('PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n', peerAddress('0.0.0.0', 0), peerAddress('255.255.255.255', 65535));
  complete('PROXY TCP6 2001:DB8:0:0::1 ::1 1 2\r\n', peerAddress('2001:db8::1', 1), peerAddress('::1', 2));
  complete('PROXY TCP6 ::ffff:1.2.3.4 ::ffff:506:708 1 2\r\n', peerAddress('1.2.3.4', 1), peerAddress('5.6.7.8', 2));
  const full = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  complete(`PROXY TCP6 ${full} ${full} 65535 65535\r\n`, peerAddress(full, 65535), peerAddress(full, 65535));
  complete('PROXY UNKNOWN\r\n', null, null);
  complete('PROXY UNKNOWN \xff\0  what ever 1 2 3\r\n', null, null);
  const longest = `PROXY UNKNOWN ${full} ${full} 65535 65535\r\n`;
  assert.equal(longest.length, MAX_PROXY_LINE_BYTES);
  complete(longest, null, null);
});

test('a line of version 1 that breaks a rule is told by the rule', () => {
  const rules: readonly (readonly [line: string, rule: RegExp])[] = [
    ['PROXY \r\n', /TCP4, TCP6 or UNKNOWN/],
    ['PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n', /one space/],
    ['PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n', /TCP4, TCP6 or UNKNOWN/],
    ['PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n', /TCP4, TCP6 or UNKNOWN/],
    ['PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n', /TCP4, TCP6 or UNKNOWN/],
    ['PROXY TCP4\r\n', /TCP4, TCP6 or UNKNOWN/],
    ['PROXY /path HTTP/1.1\r\n', /TCP4, TCP6 or UNKNOWN/],
    ['PROXY UNKNOWNS\r\n', /behind UNKNOWN/],
    ['PROXY UNKNOWN\n', /behind UNKNOWN/],
    ['PROXY UNKNOWN x\nGET / HTTP/1.1\r\n', /LF alone/],
    ['PROXY UNKNOWN x\rGET', /CR alone/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n', /LF alone/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n', /CR alone/],
    ['PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n', /one space/],
    ['PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n', /one space/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n', /one space/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n', /two ports/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n', /two ports/],
    ['PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n', /two ports/],
    ['PROXY TCP4 ::1 ::1 1 2\r\n', /two IPv4 addresses/],
    ['PROXY TCP4 1.1.1.1 ::1 1 2\r\n', /two IPv4 addresses/],
    ['PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n', /two IPv6 addresses/],
    ['PROXY TCP6 ::1 2.2.2.2 1 2\r\n', /two IPv6 addresses/],
    ['PROXY TCP6 [::1] [::1] 1 2\r\n', /two IPv6 addresses/],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', /two IPv6 addresses/],
    ['PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n', /two IPv4 addresses/],
    ['PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n', /two IPv4 addresses/],
    ['PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n', /two IPv4 addresses/],
    ['PROXY TCP4 localhost 2.2.2.2 1 2\r\n', /two IPv4 addresses/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n', /leading zeros/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1 00\r\n', /leading zeros/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n', /65535/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n', /a port/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 1e1 2\r\n', /a port/],
    ['PROXY TCP4 1.1.1.1 2.2.2.2 \r\n', /one space|two ports/],
    [`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, /107 bytes/],
    [`PROXY UNKNOWN ${'x'.repeat(93)}\r\n`, /107 bytes/],
    [`PROXY TCP4 ${'1'.repeat(200)}`, /107 bytes/],
  ];
  for (const [line, rule] of rules) invalid(line, rule);
  // As soon as it can be known, and never later than at 107 bytes.
  assert.equal(knownAfter('PROXY TCP5 1.1.1.1', 'invalid'), 10);
  assert.equal(knownAfter(`PROXY UNKNOWN ${'x'.repeat(200)}`, 'invalid'), MAX_PROXY_LINE_BYTES);
  assert.equal(knownAfter(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, 'invalid'), MAX_PROXY_LINE_BYTES);
});

test('what is no header is known for none at the first byte that differs', () => {
  for (const text of [
    'GET / HTTP/1.1',
    'POST',
    'PR',
    'PROXY',
    '\r\n\r\n',
    '\0',
    '\x16\x03\x01',
    'proxy ',
    'PROXY\tTCP4',
    'PROXYS /',
    '\r\n\r\nGET',
    '\n',
  ])
    for (const opening of ['PROXY ', SIGNATURE]) {
      let same = 0;
      while (same < text.length && same < opening.length && text[same] === opening[same]) same++;
      if (same === 0) continue;
      assert.equal(knownAfter(text, 'none'), same === text.length ? -1 : same + 1, JSON.stringify(text));
    }
  for (const text of ['G', '\0', '\x16', 'p', '\n', ' ']) assert.equal(knownAfter(text, 'none'), 1);
  for (let i = 0; i < SIGNATURE.length; i++) assert.equal(knownAfter(`${SIGNATURE.slice(0, i)}\x7f`, 'none'), i + 1);
  assert.equal(readProxyHeader(bytesOf('PROXY '), 3, 3).kind, 'incomplete');
});

test('a header of version 2 tells both ends', () => {
  complete(binary(0x21, 0x11, V4), V4_SOURCE, V4_DESTINATION);
  complete(binary(0x21, 0x12, V4), V4_SOURCE, V4_DESTINATION);
  const [one, two] = [`\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01`, `${'\0'.repeat(15)}\x01`];
  complete(binary(0x21, 0x21, `${one}${two}\0\x01\xff\xff`), peerAddress('2001:db8::1', 1), peerAddress('::1', 65535));
  const mapped = `${'\0'.repeat(10)}\xff\xff\x01\x02\x03\x04`;
  complete(binary(0x21, 0x21, `${mapped}${two}\0\x01\0\x02`), peerAddress('1.2.3.4', 1), peerAddress('::1', 2));
});

test('where version 2 tells no address, the socket keeps its own', () => {
  complete(binary(0x20, 0x00, ''), null, null);
  complete(binary(0x20, 0x11, V4), null, null);
  // Of LOCAL all that follows is discarded unseen.
  complete(binary(0x20, 0x11, 'short'), null, null);
  complete(binary(0x20, 0xff, '\x04\xff\xff'), null, null);
  complete(binary(0x21, 0x00, ''), null, null);
  complete(binary(0x21, 0x00, 'whatever'), null, null);
  complete(binary(0x21, 0x01, V4), null, null);
  complete(binary(0x21, 0x10, V4), null, null);
  complete(binary(0x21, 0x31, '/run/client'.padEnd(216, '\0')), null, null);
  complete(binary(0x21, 0x32, '\0'.repeat(216)), null, null);
});

test('TLVs are skipped, their lengths and checksum checked', () => {
  const tlv = (type: number, value: string, length = value.length): string => String.fromCharCode(type, length >> 8, length & 0xff) + value;
  const withTlvs = (...tlvs: string[]): string => binary(0x21, 0x11, V4 + tlvs.join(''));
  complete(withTlvs(tlv(0x04, '')), V4_SOURCE, V4_DESTINATION);
  complete(withTlvs(tlv(0x01, 'h2'), tlv(0x02, 'example.org'), tlv(0x20, '\x01\0\0\0\0'), tlv(0xee, '\r\n'.repeat(150))), V4_SOURCE, V4_DESTINATION);
  complete(binary(0x21, 0x31, '\0'.repeat(216) + tlv(0x04, 'x')), null, null);
  for (const broken of ['\x04', '\x04\0', tlv(0x04, '', 1), tlv(0x04, 'xx', 3), tlv(0x04, 'x') + tlv(0x05, 'abc', 0xffff)])
    invalid(withTlvs(broken), /a TLV reaches/);
  invalid(binary(0x21, 0x31, `${'\0'.repeat(216)}\x04`), /a TLV reaches/);

  invalid(withTlvs(tlv(0x03, 'abc')), /four bytes/);
  invalid(withTlvs(tlv(0x03, '\0\0\0\0')), /CRC32c of the PROXY header is wrong/);
  const zeros = withTlvs(tlv(0x04, 'pad'), tlv(0x03, '\0\0\0\0'), tlv(0x04, ''));
  const sum = crc32c(bytesOf(zeros));
  const right = withTlvs(
    tlv(0x04, 'pad'),
    tlv(0x03, String.fromCharCode(sum >>> 24, (sum >>> 16) & 0xff, (sum >>> 8) & 0xff, sum & 0xff)),
    tlv(0x04, ''),
  );
  complete(right, V4_SOURCE, V4_DESTINATION);
  invalid(right.replace('pad', 'bad'), /CRC32c of the PROXY header is wrong/);
  assert.equal(crc32c(bytesOf('123456789')), 0xe3069283);
});

/** Another way to the same sum than the reader's: from the most significant bit, over reflected bytes (RFC 9260 Appendix A). */
function crc32c(bytes: Uint8Array): number {
  const reflect = (value: number, width: number): number => Number.parseInt([...value.toString(2).padStart(width, '0')].reverse().join(''), 2);
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc = (crc ^ (reflect(byte, 8) << 24)) >>> 0;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x80000000 ? 0x1edc6f41 : 0)) >>> 0;
  }
  return reflect((crc ^ 0xffffffff) >>> 0, 32);
}

test('a header of version 2 that breaks a rule is told as soon as the byte is there', () => {
  const rules: readonly (readonly [text: string, after: number, rule: RegExp])[] = [
    [binary(0x11, 0x11, V4), 13, /version .* is 2/],
    [binary(0x31, 0x11, V4), 13, /version .* is 2/],
    [binary(0x01, 0x11, V4), 13, /version .* is 2/],
    [binary(0x22, 0x11, V4), 13, /LOCAL or PROXY/],
    [binary(0x2f, 0x11, V4), 13, /LOCAL or PROXY/],
    [binary(0x21, 0x41, V4), 14, /family/],
    [binary(0x21, 0xf1, V4), 14, /family/],
    [binary(0x21, 0x13, V4), 14, /transport/],
    [binary(0x21, 0x1f, V4), 14, /transport/],
    [binary(0x21, 0x11, V4.slice(0, 11)), 16, /covers its addresses/],
    [binary(0x21, 0x11, ''), 16, /covers its addresses/],
    [binary(0x21, 0x21, 'x'.repeat(35)), 16, /covers its addresses/],
    [binary(0x21, 0x31, 'x'.repeat(215)), 16, /covers its addresses/],
    [binary(0x21, 0x11, V4, MAX_PROXY_HEADER_BYTES - 15), 16, /more than 4632 bytes/],
    [binary(0x20, 0x00, '', 0xffff), 16, /more than 4632 bytes/],
  ];
  for (const [text, after, rule] of rules) {
    invalid(text, rule);
    assert.equal(knownAfter(text, 'invalid'), after);
  }
  assert.equal(knownAfter(binary(0x20, 0x00, 'x'.repeat(MAX_PROXY_HEADER_BYTES - 16)), 'complete'), MAX_PROXY_HEADER_BYTES);
});

test("stud's prefix is the address alone", () => {
  complete('\x02\x01\x02\x03\x04', peerAddress('1.2.3.4', 0), null, readStudPrefix);
  complete('\x02\r\nPR', peerAddress('13.10.80.82', 0), null, readStudPrefix);
  complete(`\x0a${'\0'.repeat(15)}\x01`, peerAddress('::1', 0), null, readStudPrefix);
  complete(`\x0a${'\0'.repeat(10)}\xff\xff\x01\x02\x03\x04`, peerAddress('1.2.3.4', 0), null, readStudPrefix);
  for (const text of ['GET', '\0\0\0\0\0', '\x03', '\r\n', '\x1e']) assert.deepEqual(readStudPrefix(bytesOf(text), 0, text.length), { kind: 'none' });
});

const ipv4Peer = fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(0xffff)).map(([bytes, port]) => peerAddress(bytes.join('.'), port));
const ipv6Peer = fc
  .tuple(fc.array(fc.constantFrom(0, 0, 1, 0xff, 0x20), { minLength: 16, maxLength: 16 }), fc.nat(0xffff))
  .map(([bytes, port]) => peerOfBytes(Uint8Array.from(bytes), 0, port));
const ipPeer = fc.oneof(ipv4Peer, ipv6Peer);
const version = fc.constantFrom<1 | 2>(1, 2);

test('what is written is read back, in whatever pieces it comes', () => {
  check(
    fc.property(version, ipPeer, ipPeer, (v, source, destination) => {
      const header = writeProxyHeader(v, source, destination);
      assert.ok(header.length <= (v === 1 ? MAX_PROXY_LINE_BYTES : 52));
      const bytes = new Uint8Array([...header, ...bytesOf(REQUEST)]);
      for (let end = 0; end < header.length; end++) assert.equal(readProxyHeader(bytes, 0, end).kind, 'incomplete');
      for (const end of [header.length, bytes.length])
        assert.deepEqual(readProxyHeader(bytes, 0, end), { kind: 'complete', end: header.length, source, destination });
    }),
    200,
  );
});

test('the writer writes what the standard shows', () => {
  const text = (v: 1 | 2, source: PeerAddress, destination: PeerAddress): string => String.fromCharCode(...writeProxyHeader(v, source, destination));
  assert.equal(text(1, V4_SOURCE, V4_DESTINATION), 'PROXY TCP4 10.1.2.3 192.168.0.1 56296 443\r\n');
  assert.equal(text(2, V4_SOURCE, V4_DESTINATION), binary(0x21, 0x11, V4));
  assert.equal(text(1, V4_SOURCE, peerAddress('::1', 80)), 'PROXY TCP6 ::ffff:10.1.2.3 ::1 56296 80\r\n');
  assert.equal(text(1, peerAddress('fe80::1%eth0', 1), peerAddress('::1', 80)), 'PROXY TCP6 fe80::1 ::1 1 80\r\n');
  assert.equal(
    text(2, peerAddress('::1', 80), V4_SOURCE),
    binary(0x21, 0x21, `${'\0'.repeat(15)}\x01${'\0'.repeat(10)}\xff\xff\x0a\x01\x02\x03\0\x50\xdb\xe8`),
  );
  for (const [source, destination] of [
    [UNIX_PEER, V4_DESTINATION],
    [V4_SOURCE, UNIX_PEER],
    [UNIX_PEER, UNIX_PEER],
  ] as const) {
    assert.equal(text(1, source, destination), 'PROXY UNKNOWN\r\n');
    assert.equal(text(2, source, destination), binary(0x20, 0x00, ''));
  }
});

test('no bytes make a reader throw, go beyond what it was given, or change its mind', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'PROXY ',
      'TCP4 ',
      'TCP6 ',
      'UNKNOWN',
      ' ',
      '\r\n',
      '\r',
      '\n',
      '1.2.3.4',
      '::1',
      '0',
      '65535',
      SIGNATURE,
      '\x21\x11',
      '\0\x0c',
      V4,
      '\x04\0\x01',
    ),
    fc.string({ maxLength: 4 }).map((text) => text.replaceAll(/[^\0-\xff]/g, '\xff')),
  );
  const text = fc.tuple(
    fc.constantFrom('', 'PROXY ', 'PROXY TCP4 1.2.3.4 ', SIGNATURE, `${SIGNATURE}\x21\x11\0\x12`, '\x02', '\x0a'),
    fc.array(piece, { maxLength: 12 }),
  );
  check(
    fc.property(text, ([opening, pieces]) => {
      for (const reader of [readProxyHeader, readStudPrefix]) {
        const whole = opening + pieces.join('');
        const header = read(whole.slice(0, 130), reader);
        if (header.kind === 'complete') assert.ok(header.end > 0 && header.end <= whole.length);
      }
    }),
    200,
  );
});

/** A listener that keeps what each connection sends. */
async function listen(): Promise<{ server: Server; port: number; received: string[]; sockets: Socket[] }> {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const i = received.push('') - 1;
    sockets.push(socket);
    socket.on('data', (bytes) => {
      received[i] += bytes.toString('latin1');
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { server, port: address.port, received, sockets };
}

async function dial(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port });
  socket.on('error', () => {});
  await within(5000, `a connection to ${host}`, new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject)));
  return socket;
}

/** The end of a connection as its socket tells it. */
function localEnd(socket: Socket): PeerAddress {
  return peerAddress(socket.localAddress ?? '', socket.localPort ?? 0);
}

/** Debian keeps it where a user's PATH does not look. */
const HAPROXY = findTool('haproxy') ?? '/usr/sbin/haproxy';
const SENDS = { v1: 'send-proxy', v2: 'send-proxy-v2', tlvs: 'send-proxy-v2 proxy-v2-options crc32c,unique-id' } as const;

peerTest(
  'HAProxy sends headers that are read, and reads headers that were written',
  {
    needs: ['haproxy'],
  },
  async () => {
    await using folder = temporaryFolder();
    const { server, port, received, sockets } = await listen();
    const clients: Socket[] = [];
    const fronts: { name: keyof typeof SENDS; port: number; accepts: number }[] = [];
    for (const name of ['v1', 'v2', 'tlvs'] as const) fronts.push({ name, port: await freePort(), accepts: await freePort() });
    const sections = fronts.map(
      (front) => `
listen ${front.name}
  bind 127.0.0.1:${front.port}
  bind [::1]:${front.port}
  bind 127.0.0.1:${front.accepts} accept-proxy
  unique-id-format %ci-%cp
  server test 127.0.0.1:${port} ${SENDS[front.name]}
`,
    );
    writeFileSync(
      folder.file('haproxy.cfg'),
      `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n${sections.join('')}`,
    );
    const haproxy = startProcess([HAPROXY, '-db', '-f', folder.file('haproxy.cfg')], { lifetime: 50_000 });
    try {
      const open = async (host: string, to: number): Promise<Socket> => {
        const socket = await waitFor('HAProxy to listen', () => dial(host, to).catch(() => null));
        clients.push(socket);
        return socket;
      };
      /** What the listener got for a connection that says `hello`. */
      const relayed = async (socket: Socket, opening: Uint8Array): Promise<string> => {
        const hello = `hello ${socket.localPort} ${received.length}\n`;
        socket.write(new Uint8Array([...opening, ...bytesOf(hello)]));
        const text = await waitFor('the relayed header', () => received.find((one) => one.endsWith(hello)));
        return text.slice(0, -hello.length);
      };
      for (const front of fronts) {
        for (const host of ['127.0.0.1', '::1']) {
          const socket = await open(host, front.port);
          const header = await relayed(socket, new Uint8Array());
          assert.equal(header.startsWith('PROXY '), front.name === 'v1');
          complete(header, localEnd(socket), peerAddress(host, front.port));
          if (front.name === 'tlvs') {
            assert.ok(header.includes('\x03\0\x04') && header.includes(`${host}-${socket.localPort}`));
            invalid(`${header.slice(0, -1)}\x7f`, /CRC32c/);
          } else
            assert.equal(
              header,
              String.fromCharCode(...writeProxyHeader(front.name === 'v1' ? 1 : 2, localEnd(socket), peerAddress(host, front.port))),
            );
        }
        for (const v of [1, 2] as const) {
          const pairs = [
            [peerAddress('203.0.113.9', 4711), peerAddress('198.51.100.1', 80)],
            [peerAddress('2001:db8::9', 4711), peerAddress('2001:db8::1', 80)],
            [peerAddress('203.0.113.9', 4711), peerAddress('2001:db8::1', 80)],
          ] as const;
          for (const [source, destination] of pairs) {
            const socket = await open('127.0.0.1', front.accepts);
            complete(await relayed(socket, writeProxyHeader(v, source, destination)), source, destination);
          }
          const socket = await open('127.0.0.1', front.accepts);
          complete(await relayed(socket, writeProxyHeader(v, UNIX_PEER, UNIX_PEER)), localEnd(socket), peerAddress('127.0.0.1', front.accepts));
        }
      }
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.stack : String(error)}\nHAProxy said: ${haproxy.stderr}`);
    } finally {
      for (const socket of [...clients, ...sockets]) socket.destroy();
      await haproxy.stop();
      await new Promise((resolve) => server.close(resolve));
    }
  },
);
