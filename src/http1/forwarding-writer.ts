import { ascii, CR, copyBytes, equalsFolded, LF, writeAscii } from './bytes.ts';
import type { RequestHead } from './request-head.ts';

/** How a node is told who asks. */
export interface Forwarding {
  /** X-Forwarded-Proto and -Host go on as they came, where they came: whoever may not say them has had them dropped. Else ours replace them. */
  readonly trustsForwarded: boolean;
  /** `Forwarded` (RFC 7239) is sent besides. */
  readonly sendsForwarded: boolean;
  /** What proxies wrote goes on as it came, and nothing is added to it: the node is told in another way. */
  readonly isSilent: boolean;
}

/** Whom the node is told of. */
export interface Asker {
  /** Who is on the other side of the connection; an empty address is a unix socket's. */
  readonly peer: { readonly address: string };
  readonly isSecure: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LIST = ascii(', ');
const LINE_END = Uint8Array.of(CR, LF);
const FORWARDED_FOR = ascii('X-Forwarded-For: ');
const FORWARDED_PROTO: readonly Uint8Array[] = ['http', 'https'].map((proto) => ascii(`X-Forwarded-Proto: ${proto}\r\n`));
const FORWARDED_HOST = ascii('X-Forwarded-Host: ');
const FORWARDED = ascii('Forwarded: ');
const FOR = ascii('for=');
const UNKNOWN = ascii('unknown');
const PROTO: readonly Uint8Array[] = [';proto=http', ';proto=https'].map(ascii);
const HOST = ascii(';host="');

/** The fields by which proxies tell who asked, as bits. */
const TELLS = { nothing: 0, for: 1, proto: 2, host: 4, forwarded: 8 } as const;
const TELLING: readonly Uint8Array[] = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'].map(ascii);

/** True when the name `bytes[start, end)`, in any case, is one by which proxies tell who asked. */
export function tellsWhoAsked(bytes: Uint8Array, start: number, end: number): boolean {
  return whatItTells(bytes, start, end) !== TELLS.nothing;
}

/** True when the field of that name goes on as it came: `writeForwarding` puts nothing in its place. */
export function isForwardedAsItCame(bytes: Uint8Array, start: number, end: number, how: Forwarding): boolean {
  if (how.isSilent) return true;
  const tells = whatItTells(bytes, start, end);
  if (tells === TELLS.nothing) return true;
  if (tells === TELLS.forwarded) return !how.sendsForwarded;
  return tells !== TELLS.for && how.trustsForwarded;
}

/** Writes the lines that tell who asks. Returns the offset behind them. */
export function writeForwarding(out: Uint8Array, offset: number, head: RequestHead, client: Asker, how: Forwarding): number {
  if (how.isSilent) return offset;
  const { bytes, hostStart, hostEnd } = head;
  const { address } = client.peer;
  const secure = client.isSecure ? 1 : 0;
  const told = forwardingFields(head);
  let at = offset;
  if (address !== '' || (told & TELLS.for) !== 0) {
    at = copyAll(out, at, FORWARDED_FOR);
    if ((told & TELLS.for) !== 0) at = writeList(out, at, head, TELLS.for);
    if (address !== '') at = writeAscii(out, at > offset + FORWARDED_FOR.length ? copyAll(out, at, LIST) : at, address);
    at = copyAll(out, at, LINE_END);
  }
  if (!how.trustsForwarded || (told & TELLS.proto) === 0) at = copyAll(out, at, FORWARDED_PROTO[secure]);
  if (hostStart < hostEnd && (!how.trustsForwarded || (told & TELLS.host) === 0)) {
    at = copyBytes(out, copyAll(out, at, FORWARDED_HOST), bytes, hostStart, hostEnd);
    at = copyAll(out, at, LINE_END);
  }
  return how.sendsForwarded ? writeForwarded(out, at, head, address, secure, (told & TELLS.forwarded) !== 0) : at;
}

function whatItTells(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 9:
      return equalsFolded(bytes, start, end, TELLING[0]) ? TELLS.forwarded : TELLS.nothing;
    case 15:
      return equalsFolded(bytes, start, end, TELLING[1]) ? TELLS.for : TELLS.nothing;
    case 16:
      return equalsFolded(bytes, start, end, TELLING[2]) ? TELLS.host : TELLS.nothing;
    case 17:
      return equalsFolded(bytes, start, end, TELLING[3]) ? TELLS.proto : TELLS.nothing;
    default:
      return TELLS.nothing;
  }
}

function forwardingFields({ bytes, fields }: RequestHead): number {
  let told = 0;
  for (let i = 0; i < fields.count; i++) if (!fields.isDropped(i)) told |= whatItTells(bytes, fields.nameStart(i), fields.nameEnd(i));
  return told;
}

/** RFC 7239 4. The host is quoted whatever it is: a port or brackets make it no token. */
function writeForwarded(out: Uint8Array, offset: number, head: RequestHead, address: string, secure: 0 | 1, isTold: boolean): number {
  const { bytes, hostStart, hostEnd } = head;
  let at = copyAll(out, offset, FORWARDED);
  const start = at;
  if (isTold) at = writeList(out, at, head, TELLS.forwarded);
  if (at > start) at = copyAll(out, at, LIST);
  at = copyAll(out, at, FOR);
  if (address === '') at = copyAll(out, at, UNKNOWN);
  else at = writeAscii(out, at, address.includes(':') ? `"[${address}]"` : address);
  at = copyAll(out, at, PROTO[secure]);
  if (hostStart < hostEnd) {
    at = copyBytes(out, copyAll(out, at, HOST), bytes, hostStart, hostEnd);
    out[at++] = QUOTE;
  }
  return copyAll(out, at, LINE_END);
}

/** All lines of a list field as one: many a node reads only the first, which is the one a client can forge. Empty and broken ones are left out. */
function writeList(out: Uint8Array, offset: number, head: RequestHead, tells: number): number {
  const { bytes, fields } = head;
  let at = offset;
  for (let i = 0; i < fields.count; i++) {
    if (fields.isDropped(i) || whatItTells(bytes, fields.nameStart(i), fields.nameEnd(i)) !== tells) continue;
    const start = fields.valueStart(i);
    const end = fields.valueEnd(i);
    if (start === end || !isQuotedWell(bytes, start, end)) continue;
    if (at > offset) at = copyAll(out, at, LIST);
    at = copyBytes(out, at, bytes, start, end);
  }
  return at;
}

/** False when a quoted string is left open: it would swallow what is appended. */
function isQuotedWell(bytes: Uint8Array, start: number, end: number): boolean {
  let isOpen = false;
  for (let i = start; i < end; i++) {
    if (bytes[i] === QUOTE) isOpen = !isOpen;
    else if (isOpen && bytes[i] === BACKSLASH) i++;
  }
  return !isOpen;
}

function copyAll(out: Uint8Array, offset: number, from: Uint8Array): number {
  return copyBytes(out, offset, from, 0, from.length);
}
