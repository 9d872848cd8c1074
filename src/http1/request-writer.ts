import { ascii, CR, copyBytes, equalsFolded, LF, SP, writeAscii, writeDecimal } from './bytes.ts';
import { type HopClient, writeClientField } from './client-field.ts';
import { FIELD, fieldId } from './field-names.ts';
import { MAX_TARGET_BYTES, type RequestHead } from './request-head.ts';
import { writeOriginForm } from './request-target.ts';

/** How heads are written towards one node. */
export interface Hop {
  /** For Host where HTTP/1.0 gave none: the node's own authority. */
  readonly host: Uint8Array;
  /** False: the connection is for this request alone, and the head says so. */
  readonly persists: boolean;
  /** X-Forwarded-Proto and -Host go on as they came, where they came: whoever may not say them has had them dropped. Else ours replace them. */
  readonly trustsForwarded: boolean;
  /** `Forwarded` (RFC 7239) is sent besides. */
  readonly sendsForwarded: boolean;
  /** A worker of ours: it is told who asks by a field of our own, and what proxies wrote goes on as it came. */
  readonly isWorker: boolean;
}

/**
 * The most that `writeRequestHead` adds to the bytes of the head: its own lines, each bounded, with a host of at most 255 bytes three times,
 * and the escapes of a target that came without.
 */
export const MAX_ADDED_BYTES = 2048 + 2 * MAX_TARGET_BYTES;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const ASTERISK = 0x2a;
const LIST = ascii(', ');
const LINE_END = Uint8Array.of(CR, LF);
const VERSION_AND_HOST = ascii(' HTTP/1.1\r\nHost: ');
const RTSP_VERSION = ascii(' RTSP/1.0\r\n');
const FORWARDED_FOR = ascii('X-Forwarded-For: ');
const FORWARDED_PROTO: readonly Uint8Array[] = ['http', 'https'].map((proto) => ascii(`X-Forwarded-Proto: ${proto}\r\n`));
const FORWARDED_HOST = ascii('X-Forwarded-Host: ');
const FORWARDED = ascii('Forwarded: ');
const FOR = ascii('for=');
const UNKNOWN = ascii('unknown');
const PROTO: readonly Uint8Array[] = [';proto=http', ';proto=https'].map(ascii);
const HOST = ascii(';host="');
const LENGTH = ascii('Content-Length: ');
const CHUNKED = ascii('Transfer-Encoding: chunked\r\n');
/** TE goes only to the next node, and Connection names it (RFC 9110 10.1.4). By: keeps open, closes, upgrades; each without and with TE. */
const CONNECTION: readonly Uint8Array[] = [
  '',
  'Connection: TE\r\nTE: trailers\r\n',
  'Connection: close\r\n',
  'Connection: close, TE\r\nTE: trailers\r\n',
  'Connection: upgrade\r\n',
  'Connection: upgrade, TE\r\nTE: trailers\r\n',
].map(ascii);

/** The fields by which proxies tell who asked, as bits. */
const TELLS = { nothing: 0, for: 1, proto: 2, host: 4, forwarded: 8 } as const;
const TELLING: readonly Uint8Array[] = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'].map(ascii);

/**
 * Writes a request as an HTTP node gets it: origin-form, HTTP/1.1, one Host, without the fields of the client's connection, with
 * our framing and the client's address appended to X-Forwarded-For, or to a worker in our own field. `bodyLength` is the length of a body that came chunked and
 * has been read whole; −1 otherwise. `out` has room for `head.end` and MAX_ADDED_BYTES. Returns the offset behind it.
 */
export function writeRequestHead(out: Uint8Array, offset: number, head: RequestHead, bodyLength: number, client: HopClient, hop: Hop): number {
  let at = head.isRtsp ? writeRtspLine(out, offset, head) : writeLineAndHost(out, offset, head, hop);
  at = writeFields(out, at, head, hop);
  if (hop.isWorker) at = writeClientField(out, at, client);
  else at = writeForwarding(out, at, head, client.peer.address, client.isSecure ? 1 : 0, hop);
  if (bodyLength >= 0) at = copyAll(out, writeDecimal(out, copyAll(out, at, LENGTH), bodyLength), LINE_END);
  else if (head.lengthIsUnknown) at = copyAll(out, at, CHUNKED);
  // RTSP's connections last by themselves.
  if (head.isRtsp) return copyAll(out, at, LINE_END);
  // What follows a raw request has no end but that of the connection.
  const connection = head.wantsUpgrade ? 4 : hop.persists && !head.isRaw ? 0 : 2;
  at = copyAll(out, at, CONNECTION[connection + (head.acceptsTrailers ? 1 : 0)]);
  return copyAll(out, at, LINE_END);
}

function writeLineAndHost(out: Uint8Array, offset: number, head: RequestHead, hop: Hop): number {
  const { bytes } = head;
  let at = copyBytes(out, offset, bytes, head.methodStart, head.methodEnd);
  out[at++] = SP;
  if (head.isAsterisk) out[at++] = ASTERISK;
  else {
    if (head.pathStart === head.pathEnd) out[at++] = SLASH;
    at = writeOriginForm(out, at, head);
  }
  at = copyAll(out, at, VERSION_AND_HOST);
  // An absolute target's authority takes the place of the Host that came with it (RFC 9112 3.2.2).
  if (head.hostStart < head.hostEnd) at = copyBytes(out, at, bytes, head.hostStart, head.hostEnd);
  else at = copyAll(out, at, hop.host);
  return copyAll(out, at, LINE_END);
}

/** As it came: a server of RTSP is asked with absolute targets, and for no Host. */
function writeRtspLine(out: Uint8Array, offset: number, { bytes, methodStart, targetEnd }: RequestHead): number {
  return copyAll(out, copyBytes(out, offset, bytes, methodStart, targetEnd), RTSP_VERSION);
}

/** The lines that go on as they came; a run of them is copied in one piece. */
function writeFields(out: Uint8Array, offset: number, head: RequestHead, hop: Hop): number {
  const { bytes, fields } = head;
  let at = offset;
  let run = -1;
  for (let i = 0; i < fields.count; i++) {
    const start = fields.nameStart(i);
    if (goesOn(out, at, head, i, hop)) {
      if (run === -1) run = start;
    } else if (run !== -1) {
      at = copyBytes(out, at, bytes, run, start);
      run = -1;
    }
  }
  return run === -1 ? at : copyBytes(out, at, bytes, run, fields.end);
}

/** `out` from `at` on is free to try names in. */
function goesOn(out: Uint8Array, at: number, head: RequestHead, i: number, hop: Hop): boolean {
  const { bytes, fields } = head;
  const id = fields.id(i);
  if (fields.isDropped(i)) return id === FIELD.upgrade && head.wantsUpgrade;
  if (id !== FIELD.other) {
    // httpoxy: HTTP_PROXY steers the HTTP clients of many languages.
    return id !== FIELD.host && id !== FIELD.proxy;
  }
  const start = fields.nameStart(i);
  const end = fields.nameEnd(i);
  if (fields.hasUnderscore(i)) return !isDisguised(out, at, bytes, start, end);
  if (hop.isWorker) return true;
  const tells = whatItTells(bytes, start, end);
  if (tells === TELLS.nothing) return true;
  if (tells === TELLS.forwarded) return !hop.sendsForwarded;
  return tells !== TELLS.for && hop.trustsForwarded;
}

/** For CGI and WSGI behind the node `Content_Length` is Content-Length: no second spelling of what framing and trust rest on. */
function isDisguised(scratch: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) scratch[at + i - start] = bytes[i] === 0x5f ? 0x2d : bytes[i];
  const stop = at + end - start;
  return fieldId(scratch, at, stop) !== FIELD.other || whatItTells(scratch, at, stop) !== TELLS.nothing;
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

function writeForwarding(out: Uint8Array, offset: number, head: RequestHead, address: string, secure: 0 | 1, hop: Hop): number {
  const { bytes, hostStart, hostEnd } = head;
  const told = forwardingFields(head);
  let at = offset;
  if (address !== '' || (told & TELLS.for) !== 0) {
    at = copyAll(out, at, FORWARDED_FOR);
    if ((told & TELLS.for) !== 0) at = writeList(out, at, head, TELLS.for);
    if (address !== '') at = writeAscii(out, at > offset + FORWARDED_FOR.length ? copyAll(out, at, LIST) : at, address);
    at = copyAll(out, at, LINE_END);
  }
  if (!hop.trustsForwarded || (told & TELLS.proto) === 0) at = copyAll(out, at, FORWARDED_PROTO[secure]);
  if (hostStart < hostEnd && (!hop.trustsForwarded || (told & TELLS.host) === 0)) {
    at = copyBytes(out, copyAll(out, at, FORWARDED_HOST), bytes, hostStart, hostEnd);
    at = copyAll(out, at, LINE_END);
  }
  return hop.sendsForwarded ? writeForwarded(out, at, head, address, secure, (told & TELLS.forwarded) !== 0) : at;
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
