import type { AddedFields } from './added-fields.ts';
import { ascii, CR, copyBytes, LF, SP, writeDecimal } from './bytes.ts';
import { FIELD, fieldId } from './field-names.ts';
import { type Asker, type Forwarding, isForwardedAsItCame, tellsWhoAsked, writeForwarding } from './forwarding-writer.ts';
import { MAX_EDIT_BYTES, MAX_TARGET_BYTES, type RequestHead } from './request-head.ts';
import { writeOriginForm } from './request-target.ts';

/** How heads are written towards one node. */
export interface Hop extends Forwarding {
  /** For Host where HTTP/1.0 gave none: the node's own authority. */
  readonly host: Uint8Array;
  /** False: the connection is for this request alone, and the head says so. */
  readonly persists: boolean;
}

/**
 * The most that `writeRequestHead` adds to the bytes of the head: its own lines, each bounded, with a host of at most 255 bytes three times,
 * the escapes of a target that came without, and what was added on the way.
 */
export const MAX_ADDED_BYTES = 2048 + 2 * MAX_TARGET_BYTES + MAX_EDIT_BYTES;

const SLASH = 0x2f;
const ASTERISK = 0x2a;
const LINE_END = Uint8Array.of(CR, LF);
const VERSION_AND_HOST = ascii(' HTTP/1.1\r\nHost: ');
const RTSP_VERSION = ascii(' RTSP/1.0\r\n');
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

/**
 * Writes a request as an HTTP node gets it: origin-form, HTTP/1.1, one Host, without the fields of the client's connection, with what was
 * added on the way, our framing, and who asks. `bodyLength` is the length of a body that came chunked and has been read whole; −1
 * otherwise. `own` are fields for this node alone; null for none. `out` has room for `head.end`, `own`, and MAX_ADDED_BYTES. Returns the
 * offset behind it.
 */
export function writeRequestHead(
  out: Uint8Array,
  offset: number,
  head: RequestHead,
  bodyLength: number,
  client: Asker,
  hop: Hop,
  own: AddedFields | null = null,
): number {
  let at = head.isRtsp ? writeRtspLine(out, offset, head) : writeLineAndHost(out, offset, head, hop);
  at = writeFields(out, at, head, hop);
  if (head.added !== null) at = copyBytes(out, at, head.added.bytes, 0, head.added.length);
  if (own !== null) at = copyBytes(out, at, own.bytes, 0, own.length);
  at = writeForwarding(out, at, head, client, hop);
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
  if (id !== FIELD.other) return id !== FIELD.host;
  const start = fields.nameStart(i);
  const end = fields.nameEnd(i);
  if (fields.hasUnderscore(i)) return !isDisguised(out, at, bytes, start, end);
  return isForwardedAsItCame(bytes, start, end, hop);
}

/** For CGI and WSGI behind the node `Content_Length` is Content-Length: no second spelling of what framing and trust rest on. */
function isDisguised(scratch: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) scratch[at + i - start] = bytes[i] === 0x5f ? 0x2d : bytes[i];
  const stop = at + end - start;
  return fieldId(scratch, at, stop) !== FIELD.other || tellsWhoAsked(scratch, at, stop);
}

function copyAll(out: Uint8Array, offset: number, from: Uint8Array): number {
  return copyBytes(out, offset, from, 0, from.length);
}
