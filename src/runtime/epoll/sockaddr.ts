import { type ConnectAddress, isIpv4 } from '../../net/address.ts';
import { formatIpv4, IP_BYTES, IPV4_OFFSET, readIp } from '../../net/ip.ts';
import { addressless, type PeerAddress, peerOfBytes, UNIX_PEER } from '../../net/peer.ts';
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
  const ip = new Uint8Array(IP_BYTES);
  readIp(to.host, ip);
  words.setUint16(2, to.port);
  if (isIpv4(to.host)) {
    words.setUint16(0, AF_INET, true);
    bytes.set(ip.subarray(IPV4_OFFSET), 4);
    return { family: AF_INET, bytes, length: 16, peer: decodeAddress(bytes) };
  }
  words.setUint16(0, AF_INET6, true);
  bytes.set(ip, 8);
  return { family: AF_INET6, bytes, length: 28, peer: decodeAddress(bytes) };
}

/** The address in a struct sockaddr that the kernel has filled in. */
export function decodeAddress(bytes: Uint8Array): PeerAddress {
  const family = bytes[0]! | (bytes[1]! << 8);
  if (family === AF_UNIX) return UNIX_PEER;
  const port = (bytes[2]! << 8) | bytes[3]!;
  if (family === AF_INET) return { family: 'ipv4', address: formatIpv4(bytes, 4), port };
  return family === AF_INET6 ? peerOfBytes(bytes, 8, port) : addressless(false);
}
