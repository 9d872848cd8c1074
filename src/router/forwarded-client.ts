import { ascii, equalsFolded, latin1 } from '../http1/bytes.ts';
import { FORWARDED, isForwardingField, MembersFromRight, readForwardedElement, X_FORWARDED_FOR, X_FORWARDED_PROTO } from '../http1/forwarded.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { CidrSet } from '../net/cidr.ts';
import { type PeerAddress, peerOfText } from '../net/peer.ts';

/** Who made a request, as far as the proxies on its way are believed. */
export interface ForwardedClient {
  readonly remote: PeerAddress;
  /** Whether that client spoke https to the proxy behind it; null when nobody believed says so. */
  readonly isSecure: boolean | null;
}

const HTTPS = ascii('https');
/** The longest IPv6 address with brackets, port and a zone of any sense. */
const MAX_NODE_BYTES = 100;

/**
 * What `--http-trusted-proxies` does. Of a peer that is trusted (a unix peer always is) X-Forwarded-For is read from the right, past
 * members that are trusted too: the first that is not is the client, or the leftmost when all are. Without that field, Forwarded
 * (RFC 7239) is read in the same way. A malformed, hidden or unknown member ends the walk at the one before it: what stands left of it
 * could have been written by anyone. Of any other peer all such fields are dropped, and the peer is the client.
 */
export function forwardedClient(head: RequestHead, peer: PeerAddress, trusted: CidrSet): ForwardedClient {
  const { bytes, fields } = head;
  const isTrusted = peer.family === 'unix' || trusted.contains(peer.address);
  // A name with `_` is no proxy's: of a trusted peer's only those are dropped.
  for (let i = 0; i < fields.count; i++) {
    if ((!isTrusted || fields.hasUnderscore(i)) && isForwardingField(bytes, fields, i)) fields.drop(i);
  }
  if (!isTrusted) return { remote: peer, isSecure: null };
  return throughList(head, peer, trusted) ?? throughForwarded(head, peer, trusted) ?? { remote: peer, isSecure: protoAt(head, 0) };
}

/** By X-Forwarded-For and X-Forwarded-Proto; null when there is nothing in the former. */
function throughList(head: RequestHead, peer: PeerAddress, trusted: CidrSet): ForwardedClient | null {
  const members = new MembersFromRight(head.bytes, head.fields, X_FORWARDED_FOR, false);
  if (!members.next()) return null;
  let remote = peer;
  let hop = -1;
  do {
    const client = readNode(head.bytes, members.start, members.end);
    if (client === null) break;
    remote = client;
    hop++;
  } while (trusted.contains(remote.address) && members.next());
  return { remote, isSecure: protoAt(head, Math.max(hop, 0)) };
}

/** By Forwarded alone; null when there is nothing in it. */
function throughForwarded({ bytes, fields }: RequestHead, peer: PeerAddress, trusted: CidrSet): ForwardedClient | null {
  const members = new MembersFromRight(bytes, fields, FORWARDED, true);
  if (!members.next()) return null;
  let remote = peer;
  let proto: string | null = null;
  do {
    const element = readForwardedElement(bytes, members.start, members.end);
    const client = element === null || element.for === null ? null : readNode(ascii(element.for), 0, element.for.length);
    // A proxy that hides its client still says how that came: the nearest one is believed in this too.
    if (remote === peer || client !== null) proto = element?.proto ?? null;
    if (client === null) break;
    remote = client;
  } while (trusted.contains(remote.address) && members.next());
  return { remote, isSecure: proto === null ? null : proto.toLowerCase() === 'https' };
}

/**
 * Whether the member of X-Forwarded-Proto that stands `hop` from the right is https; null without any. Proxies that do not add to the
 * list but write it once leave it shorter than X-Forwarded-For: then the leftmost counts.
 */
function protoAt({ bytes, fields }: RequestHead, hop: number): boolean | null {
  const members = new MembersFromRight(bytes, fields, X_FORWARDED_PROTO, false);
  let isSecure: boolean | null = null;
  for (let i = 0; i <= hop && members.next(); i++) isSecure = equalsFolded(bytes, members.start, members.end, HTTPS);
  return isSecure;
}

/**
 * An address with or without a port: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`; null for anything else, such as `unknown`.
 * Port 0 where none is given, or a hidden one (RFC 7239 6.2).
 */
function readNode(bytes: Uint8Array, start: number, end: number): PeerAddress | null {
  if (end - start > MAX_NODE_BYTES) return null;
  const text = latin1(bytes, start, end);
  const isBracketed = text.startsWith('[');
  const firstColon = text.indexOf(':');
  let hostEnd = text.length;
  if (isBracketed) hostEnd = text.indexOf(']');
  else if (firstColon !== -1 && firstColon === text.lastIndexOf(':')) hostEnd = firstColon;
  if (hostEnd === -1 || (isBracketed && (firstColon === -1 || firstColon > hostEnd))) return null;
  const port = readPort(text.slice(isBracketed ? hostEnd + 1 : hostEnd));
  return port === -1 ? null : peerOfText(text.slice(isBracketed ? 1 : 0, hostEnd), port);
}

/** The number behind `:`, 0 for nothing or a hidden port; −1 for anything else. */
function readPort(text: string): number {
  if (text === '' || /^:_[\w.-]+$/.test(text)) return 0;
  return /^:\d{1,5}$/.test(text) && Number(text.slice(1)) <= 0xffff ? Number(text.slice(1)) : -1;
}
