import { addressless, type ConnectAddress, isIpv4, type PeerAddress, UNIX_PEER } from '../../net/address.ts';
import { ADDRESS_BYTES, AF_INET, AF_INET6, AF_UNIX } from './kernel.ts';

/** Where to connect to, as the kernel reads it. */
export interface SocketAddress {
  readonly family: number;
  readonly bytes: Uint8Array;
  readonly length: number;
  /** The same for people. */
  readonly peer: PeerAddress;
}

/** The struct sockaddr of an address, whose host is a literal; null when a unix path is too long for one. */
export function encodeAddress(to: ConnectAddress): SocketAddress | null {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const words = new DataView(bytes.buffer);
  if (to.kind === 'unix') {
    const path = new TextEncoder().encode(to.path);
    const at = to.abstract ? 3 : 2;
    // A path ends with a NUL, an abstract name begins with one.
    if (path.length > ADDRESS_BYTES - 3) return null;
    words.setUint16(0, AF_UNIX, true);
    bytes.set(path, at);
    return { family: AF_UNIX, bytes, length: to.abstract ? at + path.length : at + path.length + 1, peer: UNIX_PEER };
  }
  words.setUint16(2, to.port);
  if (isIpv4(to.host)) {
    words.setUint16(0, AF_INET, true);
    bytes.set(to.host.split('.').map(Number), 4);
    return { family: AF_INET, bytes, length: 16, peer: decodeAddress(bytes) };
  }
  words.setUint16(0, AF_INET6, true);
  bytes.set(ipv6Bytes(to.host), 8);
  return { family: AF_INET6, bytes, length: 28, peer: decodeAddress(bytes) };
}

/** The address in a struct sockaddr that the kernel has filled in. */
export function decodeAddress(bytes: Uint8Array): PeerAddress {
  const family = bytes[0]! | (bytes[1]! << 8);
  if (family === AF_UNIX) return UNIX_PEER;
  const port = (bytes[2]! << 8) | bytes[3]!;
  if (family === AF_INET) return { family: 'ipv4', address: ipv4Text(bytes, 4), port };
  if (family !== AF_INET6) return addressless(false);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isMapped = bytes.subarray(8, 18).every((byte) => byte === 0) && words.getUint16(18) === 0xffff;
  return isMapped ? { family: 'ipv4', address: ipv4Text(bytes, 20), port } : { family: 'ipv6', address: ipv6Text(words, 8), port };
}

function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** RFC 5952 4: lower case, no leading zeros, the longest run of two or more zero groups as `::`, the first of several. */
function ipv6Text(words: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => words.getUint16(at + 2 * i));
  let [longest, length] = [0, 1];
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - start > length) [longest, length] = [start, end - start];
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? text(groups) : `${text(groups.slice(0, longest))}::${text(groups.slice(longest + length))}`;
}

/** The 16 bytes of an IPv6 literal. */
function ipv6Bytes(host: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const plain = host.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  groups(head).forEach((group, i) => {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  });
  if (tail !== undefined) {
    const last = groups(tail);
    last.forEach((group, i) => {
      const at = 16 - 2 * (last.length - i);
      bytes[at] = group >> 8;
      bytes[at + 1] = group & 0xff;
    });
  }
  return bytes;
}
