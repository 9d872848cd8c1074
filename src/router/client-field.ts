/**
 * The one field of our own: on the private hop to a worker it says who asks, in place of what proxies write. A client's own never
 * goes on: it counts as hop-by-hop, and only a private listener reads it.
 */

import { type AddedFields, fieldName } from '../http1/added-fields.ts';
import { latin1, SP, writeAscii, writeDecimal } from '../http1/bytes.ts';
import { type PeerAddress, UNIX_PEER } from '../net/peer.ts';

/** What the field tells: who asks, and the address it connected to. */
export interface ClientEnds {
  readonly remote: PeerAddress;
  readonly local: PeerAddress;
  readonly isSecure: boolean;
}

const NAME = fieldName('X-Ugate-Client');
/** Two IPv6 addresses with ports, and the scheme. */
const MOST_BYTES = 128;
/** The address of a unix socket. */
const NONE = '-';

/** Adds the field: `ADDRESS PORT ADDRESS PORT http|https`, the remote end first. */
export function addClientField(to: AddedFields, { remote, local, isSecure }: ClientEnds): void {
  const start = to.begin(NAME, MOST_BYTES);
  const { bytes } = to;
  let at = writePeer(bytes, start, remote);
  at = writePeer(bytes, at, local);
  to.end(NAME, writeAscii(bytes, at, isSecure ? 'https' : 'http'));
}

/** Reads the value `bytes[start, end)`; null for anything but what `addClientField` writes. */
export function readClientField(bytes: Uint8Array, start: number, end: number): ClientEnds | null {
  const parts = latin1(bytes, start, end).split(' ');
  if (parts.length !== 5 || (parts[4] !== 'http' && parts[4] !== 'https')) return null;
  const remote = readPeer(parts[0], parts[1]);
  const local = readPeer(parts[2], parts[3]);
  return remote === null || local === null ? null : { remote, local, isSecure: parts[4] === 'https' };
}

/** With a space behind it. */
function writePeer(out: Uint8Array, offset: number, { address, port }: PeerAddress): number {
  let at = writeAscii(out, offset, address === '' ? NONE : address);
  out[at++] = SP;
  at = writeDecimal(out, at, port);
  out[at++] = SP;
  return at;
}

function readPeer(address: string, port: string): PeerAddress | null {
  if (address === '' || !/^\d{1,5}$/.test(port)) return null;
  return address === NONE ? UNIX_PEER : { family: address.includes(':') ? 'ipv6' : 'ipv4', address, port: Number(port) };
}
