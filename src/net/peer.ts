/** Who is at the other end of a connection. */

import { formatIpv4, formatIpv6, IP_BYTES, IPV4_OFFSET, isMappedIpv4, readIp } from './ip.ts';

/** The address of one end of a connection. Unix peers have no address text and port 0. */
export interface PeerAddress {
  readonly family: 'ipv4' | 'ipv6' | 'unix';
  readonly address: string;
  readonly port: number;
}

/** The peer of every unix socket. */
export const UNIX_PEER: PeerAddress = { family: 'unix', address: '', port: 0 };

/** A TCP peer that was gone before it could be asked who it is: the kernel forgets that at a reset, and still hands out what had come. */
export const LOST_PEER: PeerAddress = { family: 'ipv4', address: '0.0.0.0', port: 0 };

/** What stands for the address of a socket that has none to tell. Only what is known to be a unix socket may count as one: they are trusted. */
export function addressless(isUnix: boolean): PeerAddress {
  return isUnix ? UNIX_PEER : LOST_PEER;
}

/** `1.2.3.4:5`, `[::1]:5` or `unix`. */
export function formatPeer(peer: PeerAddress): string {
  if (peer.family === 'unix') return 'unix';
  return peer.family === 'ipv6' ? `[${peer.address}]:${peer.port}` : `${peer.address}:${peer.port}`;
}

/** An IPv4 address carried in IPv6 (`::ffff:1.2.3.4`) as plain IPv4; anything else unchanged. */
export function unmapIpv4(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') && address.lastIndexOf(':') === 6 ? address.slice(7) : address;
}

/** The peer address for a socket's address text and port as runtimes give them. */
export function peerAddress(address: string, port: number): PeerAddress {
  const text = unmapIpv4(address);
  return { family: text.includes(':') ? 'ipv6' : 'ipv4', address: text, port };
}

/** The peer with the address `bytes[start, start + 16)`, of family IPv4 when it carries one. */
export function peerOfBytes(bytes: Uint8Array, start: number, port: number): PeerAddress {
  return isMappedIpv4(bytes, start)
    ? { family: 'ipv4', address: formatIpv4(bytes, start + IPV4_OFFSET), port }
    : { family: 'ipv6', address: formatIpv6(bytes, start), port };
}

/** The peer with the address in an IP literal, in its recommended spelling; null for any other text. */
export function peerOfText(text: string, port: number): PeerAddress | null {
  const bytes = new Uint8Array(IP_BYTES);
  return readIp(text, bytes) ? peerOfBytes(bytes, 0, port) : null;
}
