/**
 * The one field of our own: on the private hop to a worker it says who asks, in place of what proxies write. A client's own never
 * goes on: it counts as hop-by-hop, and only a private listener reads it.
 */

import { ascii, copyBytes, latin1, SP, writeAscii, writeDecimal } from './bytes.ts';

/** One end of a connection: an IPv4 or IPv6 literal, empty on a unix socket, and a port. */
export interface HopPeer {
  readonly address: string;
  readonly port: number;
}

/** The client as a node is to know it. */
export interface HopClient {
  /** Who asks, as far as proxies in front are believed. */
  readonly remote: HopPeer;
  /** Who is on the other side of the connection. */
  readonly peer: HopPeer;
  /** The address it connected to. */
  readonly local: HopPeer;
  readonly isSecure: boolean;
}

/** What the field tells. */
export type ToldClient = Omit<HopClient, 'peer'>;

const NAME = ascii('X-Ugate-Client: ');
/** The address of a unix socket. */
const NONE = '-';
const HTTP = ascii(' http\r\n');
const HTTPS = ascii(' https\r\n');

/** Writes the line, `ADDRESS PORT ADDRESS PORT http|https`, the remote end first; returns the offset behind it. At most 150 bytes. */
export function writeClientField(out: Uint8Array, offset: number, { remote, local, isSecure }: HopClient): number {
  let at = writePeer(out, copyBytes(out, offset, NAME, 0, NAME.length), remote);
  out[at++] = SP;
  at = writePeer(out, at, local);
  const scheme = isSecure ? HTTPS : HTTP;
  return copyBytes(out, at, scheme, 0, scheme.length);
}

/** Reads the value `bytes[start, end)`; null for anything but what `writeClientField` writes. */
export function readClientField(bytes: Uint8Array, start: number, end: number): ToldClient | null {
  const parts = latin1(bytes, start, end).split(' ');
  if (parts.length !== 5 || (parts[4] !== 'http' && parts[4] !== 'https')) return null;
  const remote = readPeer(parts[0], parts[1]);
  const local = readPeer(parts[2], parts[3]);
  return remote === null || local === null ? null : { remote, local, isSecure: parts[4] === 'https' };
}

function writePeer(out: Uint8Array, offset: number, { address, port }: HopPeer): number {
  const at = writeAscii(out, offset, address === '' ? NONE : address);
  out[at] = SP;
  return writeDecimal(out, at + 1, port);
}

function readPeer(address: string, port: string): HopPeer | null {
  if (address === '' || !/^\d{1,5}$/.test(port)) return null;
  return { address: address === NONE ? '' : address, port: Number(port) };
}
