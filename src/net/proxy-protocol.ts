/**
 * What a proxy writes before a connection's own bytes to tell who connected to it: the PROXY protocol, versions 1 and 2
 * (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2), and stud's prefix. Reading is stateless: give all bytes that have come so far.
 */

import { formatIpv4, formatIpv6, IP_BYTES, IPV4_OFFSET, isMappedIpv4, readIp } from './ip.ts';
import { type PeerAddress, peerOfBytes } from './peer.ts';

/** The longest line of version 1, with its CRLF. */
export const MAX_PROXY_LINE_BYTES = 107;
/** The most a header of version 2 may take: what fits any TCP segment, and 4 KiB of TLVs such as client certificates. */
export const MAX_PROXY_HEADER_BYTES = 536 + 4096;

export type ProxyHeader =
  /** The bytes do not start like a header: known at the first one that differs. */
  | { readonly kind: 'none' }
  /** All right so far; ask again with more. */
  | { readonly kind: 'incomplete' }
  /** The connection is to be closed; `rule` says for the log what was broken. */
  | { readonly kind: 'invalid'; readonly rule: string }
  | ProxiedConnection;

export interface ProxiedConnection {
  readonly kind: 'complete';
  /** Offset of the first byte behind the header. */
  readonly end: number;
  /** Who connected to the proxy; null keeps the socket's own address: the header tells none. */
  readonly source: PeerAddress | null;
  /** Where they connected to. */
  readonly destination: PeerAddress | null;
}

const NONE: ProxyHeader = { kind: 'none' };
const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const LINE_START = bytesOf('PROXY ');
const TCP4 = bytesOf('TCP4 ');
const TCP6 = bytesOf('TCP6 ');
const UNKNOWN = bytesOf('UNKNOWN');
const UNKNOWN_LINE = 'PROXY UNKNOWN\r\n';

const SIGNATURE: Readonly<Uint8Array> = bytesOf('\r\n\r\n\0\r\nQUIT\n');
const PREAMBLE_BYTES = 16;
const VERSION_2 = 0x20;
const COMMAND = { local: 0, proxy: 1 } as const;
const FAMILY = { unspecified: 0, inet: 1, inet6: 2, unix: 3 } as const;
const STREAM = 1;
const DATAGRAM = 2;
/** Of the two addresses and ports, by family. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;
const CRC32C_TLV = 0x03;

/** Reads a header of either version from `bytes[start, end)`. */
export function readProxyHeader(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  if (start === end) return INCOMPLETE;
  const isLine = bytes[start] === LINE_START[0];
  const opening = isLine ? LINE_START : SIGNATURE;
  if (!beginsWith(bytes, start, end, opening)) return NONE;
  if (end - start < opening.length) return INCOMPLETE;
  return isLine ? readLine(bytes, start, end) : readBinary(bytes, start, end);
}

/** Reads stud's prefix (`--write-ip`): the address family as one byte, 2 or 10 as on Linux, then the client's address without a port. */
export function readStudPrefix(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  if (start === end) return INCOMPLETE;
  const length = bytes[start] === 0x02 ? 4 : bytes[start] === 0x0a ? 16 : 0;
  if (length === 0) return NONE;
  const behind = start + 1 + length;
  if (behind > end) return INCOMPLETE;
  return complete(behind, length === 4 ? ipv4Peer(bytes, start + 1, 0) : peerOfBytes(bytes, start + 1, 0), null);
}

/**
 * The header that tells of a connection from `source` to `destination`. Where either is a unix socket it says that nothing is
 * known; IPv4 beside IPv6 is written as `::ffff:a.b.c.d`.
 */
export function writeProxyHeader(version: 1 | 2, source: PeerAddress, destination: PeerAddress): Uint8Array {
  const addresses = new Uint8Array(2 * IP_BYTES);
  const isKnown = readIp(source.address, addresses.subarray(0, IP_BYTES)) && readIp(destination.address, addresses.subarray(IP_BYTES));
  const isIpv4 = isKnown && isMappedIpv4(addresses, 0) && isMappedIpv4(addresses, IP_BYTES);
  if (version === 2) return writeBinary(addresses, isKnown, isIpv4, source.port, destination.port);
  if (!isKnown) return bytesOf(UNKNOWN_LINE);
  const hosts = isIpv4
    ? `TCP4 ${formatIpv4(addresses, IPV4_OFFSET)} ${formatIpv4(addresses, IP_BYTES + IPV4_OFFSET)}`
    : `TCP6 ${formatIpv6(addresses, 0)} ${formatIpv6(addresses, IP_BYTES)}`;
  return bytesOf(`PROXY ${hosts} ${source.port} ${destination.port}\r\n`);
}

// Version 1

function readLine(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  const limit = Math.min(end, start + MAX_PROXY_LINE_BYTES);
  const word = start + LINE_START.length;
  const family = [TCP4, TCP6, UNKNOWN].find((name) => beginsWith(bytes, word, limit, name));
  if (family === undefined) return invalid('the PROXY line names TCP4, TCP6 or UNKNOWN, behind one space');
  const behind = word + family.length;
  if (family === UNKNOWN && behind < limit && bytes[behind] !== SP && bytes[behind] !== CR) return invalid('a space or CRLF stands behind UNKNOWN');
  for (let i = word; i < limit; i++) {
    if (bytes[i] === LF) return invalid('the PROXY line ends with CRLF, not with LF alone');
    if (bytes[i] !== CR) continue;
    if (i + 1 === limit) break;
    if (bytes[i + 1] !== LF) return invalid('the PROXY line ends with CRLF, not with CR alone');
    return family === UNKNOWN ? complete(i + 2, null, null) : readLineFields(bytes, behind, i, family === TCP4);
  }
  return limit - start === MAX_PROXY_LINE_BYTES ? invalid(`the PROXY line has no CRLF within ${MAX_PROXY_LINE_BYTES} bytes`) : INCOMPLETE;
}

/** The two addresses and two ports in `bytes[start, end)`, which CRLF follows. */
function readLineFields(bytes: Uint8Array, start: number, end: number, isIpv4: boolean): ProxyHeader {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  const fields = text.split(' ');
  if (fields.length !== 4) return invalid('the PROXY line has two addresses and two ports, one space between them');
  const [sourceText, destinationText, sourcePort, destinationPort] = fields;
  const addresses = new Uint8Array(2 * IP_BYTES);
  for (const [i, address] of [sourceText, destinationText].entries()) {
    const isOfFamily = address.includes(':') !== isIpv4 && !address.includes('%');
    if (!isOfFamily || !readIp(address, addresses.subarray(i * IP_BYTES, (i + 1) * IP_BYTES)))
      return invalid(`"${isIpv4 ? 'TCP4' : 'TCP6'}" is followed by two ${isIpv4 ? 'IPv4' : 'IPv6'} addresses`);
  }
  if (!isPort(sourcePort) || !isPort(destinationPort)) return invalid('a port is a number to 65535 without leading zeros');
  // The line's end: CRLF.
  return complete(end + 2, peerOfBytes(addresses, 0, Number(sourcePort)), peerOfBytes(addresses, IP_BYTES, Number(destinationPort)));
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 0xffff;
}

// Version 2

function readBinary(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  const at = start + SIGNATURE.length;
  if (at === end) return INCOMPLETE;
  const command = bytes[at] & 0x0f;
  if ((bytes[at] & 0xf0) !== VERSION_2) return invalid('the version of a binary PROXY header is 2');
  if (command !== COMMAND.local && command !== COMMAND.proxy) return invalid('the command of a PROXY header is LOCAL or PROXY');
  if (at + 1 === end) return INCOMPLETE;
  const family = bytes[at + 1] >> 4;
  const transport = bytes[at + 1] & 0x0f;
  // Of LOCAL the family is ignored, whatever it is.
  if (command === COMMAND.proxy && (family > FAMILY.unix || transport > DATAGRAM))
    return invalid('the family of a PROXY header is AF_UNSPEC, AF_INET, AF_INET6 or AF_UNIX, its transport UNSPEC, STREAM or DGRAM');
  if (end - start < PREAMBLE_BYTES) return INCOMPLETE;
  const length = readUint16(bytes, at + 2);
  if (PREAMBLE_BYTES + length > MAX_PROXY_HEADER_BYTES) return invalid(`a PROXY header of more than ${MAX_PROXY_HEADER_BYTES} bytes is not read`);
  const isProxied = command === COMMAND.proxy && family !== FAMILY.unspecified && transport !== 0;
  if (isProxied && length < ADDRESS_BYTES[family]) return invalid('the length of a PROXY header covers its addresses');
  const block = start + PREAMBLE_BYTES;
  const behind = block + length;
  if (behind > end) return INCOMPLETE;
  if (!isProxied) return complete(behind, null, null);
  const broken = checkTlvs(bytes, start, block + ADDRESS_BYTES[family], behind);
  if (broken !== null) return invalid(broken);
  if (family === FAMILY.inet)
    return complete(behind, ipv4Peer(bytes, block, readUint16(bytes, block + 8)), ipv4Peer(bytes, block + 4, readUint16(bytes, block + 10)));
  if (family === FAMILY.inet6)
    return complete(behind, peerOfBytes(bytes, block, readUint16(bytes, block + 32)), peerOfBytes(bytes, block + 16, readUint16(bytes, block + 34)));
  // A unix peer has no address to go by: better the proxy's own than none, and than one that is trusted for being local.
  return complete(behind, null, null);
}

/** The TLVs fill `bytes[at, end)` exactly, and a checksum among them is right; else what was broken. Nothing else in them is used. */
function checkTlvs(bytes: Uint8Array, start: number, at: number, end: number): string | null {
  for (let next = at; next < end; ) {
    const value = next + 3;
    const behind = value + readUint16(bytes, next + 1);
    if (behind > end) return 'a TLV reaches over the end of its PROXY header';
    if (bytes[next] === CRC32C_TLV) {
      if (behind - value !== 4) return 'the CRC32c of a PROXY header has four bytes';
      if (readUint32(bytes, value) !== crc32c(bytes, start, end, value)) return 'the CRC32c of the PROXY header is wrong';
    }
    next = behind;
  }
  return null;
}

/** CRC32c (RFC 9260 Appendix A) of `bytes[start, end)` with the four bytes at `blank` taken for zeros. A rare guest: no table is kept for it. */
function crc32c(bytes: Uint8Array, start: number, end: number, blank: number): number {
  let crc = ~0;
  for (let i = start; i < end; i++) {
    crc ^= i >= blank && i < blank + 4 ? 0 : bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function writeBinary(addresses: Uint8Array, isKnown: boolean, isIpv4: boolean, sourcePort: number, destinationPort: number): Uint8Array {
  const family = !isKnown ? FAMILY.unspecified : isIpv4 ? FAMILY.inet : FAMILY.inet6;
  const length = ADDRESS_BYTES[family];
  const out = new Uint8Array(PREAMBLE_BYTES + length);
  out.set(SIGNATURE);
  out[12] = VERSION_2 | (isKnown ? COMMAND.proxy : COMMAND.local);
  if (!isKnown) return out;
  out[13] = (family << 4) | STREAM;
  writeUint16(out, 14, length);
  const size = isIpv4 ? 4 : IP_BYTES;
  out.set(addresses.subarray(IP_BYTES - size, IP_BYTES), PREAMBLE_BYTES);
  out.set(addresses.subarray(2 * IP_BYTES - size), PREAMBLE_BYTES + size);
  writeUint16(out, out.length - 4, sourcePort);
  writeUint16(out, out.length - 2, destinationPort);
  return out;
}

// Both

function complete(end: number, source: PeerAddress | null, destination: PeerAddress | null): ProxiedConnection {
  return { kind: 'complete', end, source, destination };
}

function invalid(rule: string): ProxyHeader {
  return { kind: 'invalid', rule };
}

/** True when what has come is `expected`, or the start of it. */
function beginsWith(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  const length = Math.min(end - start, expected.length);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}

function ipv4Peer(bytes: Uint8Array, start: number, port: number): PeerAddress {
  return { family: 'ipv4', address: formatIpv4(bytes, start), port };
}

function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** In network byte order, as the registered senders write the checksum. */
function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
