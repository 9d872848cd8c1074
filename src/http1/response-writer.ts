import type { AddedFields } from './added-fields.ts';
import { ascii, CR, copyBytes, equalsFolded, LF, readDecimal, SP, writeAscii, writeDecimal } from './bytes.ts';
import { FIELD } from './field-names.ts';
import { MAX_FIELDS } from './fields.ts';
import { REASON_PHRASES } from './reason-phrases.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** What we say of the connection in an answer's head. */
export const CONNECTION = { silent: 0, close: 1, keepAlive: 2, upgrade: 3, closeAndUpgrade: 4 } as const;
export type ConnectionSays = (typeof CONNECTION)[keyof typeof CONNECTION];

/**
 * The most that `writeResponseHead` adds to the bytes of the backend's head and of what was added to it: its own lines, a Date, and to
 * each field a space and a CR. `writeOwnHead` writes no more than this beside the fields it is given.
 */
export const MAX_ADDED_BYTES = 256 + 2 * MAX_FIELDS;

const HTTP_1_1 = ascii('HTTP/1.1 ');
const RTSP_1_0 = ascii('RTSP/1.0 ');
const LENGTH = ascii('Content-Length: ');
const CSEQ = ascii('cseq');
const SEQUENCE = ascii('CSeq: ');
const MAX_SEQUENCE_DIGITS = 10;
const CHUNKED_LINE = ascii('Transfer-Encoding: chunked\r\n');
/** By `ConnectionSays`. */
const CONNECTION_LINES: readonly Uint8Array[] = [
  '',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: upgrade\r\n',
  'Connection: close, upgrade\r\n',
].map(ascii);

/**
 * Writes a backend's head as the client gets it: always HTTP/1.1, without the fields of the other connection, with our framing.
 * `date` is for an answer that has none (RFC 9110 6.6.1). `out` has room for the head, what was added to it, and MAX_ADDED_BYTES.
 * Returns the offset behind it.
 */
export function writeResponseHead(
  out: Uint8Array,
  offset: number,
  head: ResponseHead,
  chunked: boolean,
  keepLength: boolean,
  connection: ConnectionSays,
  date: AddedFields | null,
): number {
  const { bytes, fields } = head;
  let at = copyBytes(out, offset, HTTP_1_1, 0, HTTP_1_1.length);
  at = copyBytes(out, at, bytes, head.statusStart, head.statusEnd);
  // The space behind the status is no part of the reason (RFC 9112 4).
  if (head.statusEnd - head.statusStart === 3) out[at++] = SP;
  out[at++] = CR;
  out[at++] = LF;
  if (head.isClean && (keepLength || head.contentLength === -1)) {
    if (fields.count > 0) at = copyBytes(out, at, bytes, fields.nameStart(0), fields.end);
  } else at = writeFields(out, at, head, keepLength, connection >= CONNECTION.upgrade);
  if (date !== null) at = writeAdded(out, at, date);
  if (head.added !== null) at = writeAdded(out, at, head.added);
  if (chunked) at = copyBytes(out, at, CHUNKED_LINE, 0, CHUNKED_LINE.length);
  return writeEnd(out, at, connection);
}

/**
 * Writes the head of an answer of our own, with `fields`, the length of its body, and a Date. `request` is null when its head could not
 * be read; RTSP is answered as RTSP. `out` has room for the fields and MAX_ADDED_BYTES. Returns the offset behind it.
 */
export function writeOwnHead(
  out: Uint8Array,
  offset: number,
  status: number,
  fields: AddedFields,
  length: number,
  request: RequestHead | null,
  connection: ConnectionSays,
  date: AddedFields,
): number {
  const isRtsp = request?.isRtsp === true;
  let at = copyAll(out, offset, isRtsp ? RTSP_1_0 : HTTP_1_1);
  at = writeDecimal(out, at, status);
  out[at++] = SP;
  at = writeAscii(out, at, REASON_PHRASES[status] ?? 'Error');
  out[at++] = CR;
  out[at++] = LF;
  if (isRtsp) at = writeSequence(out, at, request);
  at = writeAdded(out, at, fields);
  at = writeDecimal(out, copyAll(out, at, LENGTH), length);
  out[at++] = CR;
  out[at++] = LF;
  return writeEnd(out, writeAdded(out, at, date), connection);
}

/** RFC 2326 12.17: an answer says the number of its request. Of a head that broke a rule nothing is repeated. */
function writeSequence(out: Uint8Array, offset: number, { bytes, fields, refusal }: RequestHead): number {
  if (refusal !== null) return offset;
  for (let i = 0; i < fields.count; i++) {
    const start = fields.valueStart(i);
    const end = fields.valueEnd(i);
    if (!equalsFolded(bytes, fields.nameStart(i), fields.nameEnd(i), CSEQ) || end - start > MAX_SEQUENCE_DIGITS) continue;
    if (readDecimal(bytes, start, end) === -1) continue;
    const at = copyBytes(out, copyAll(out, offset, SEQUENCE), bytes, start, end);
    out[at] = CR;
    out[at + 1] = LF;
    return at + 2;
  }
  return offset;
}

/** What is said of the connection, and the empty line. */
function writeEnd(out: Uint8Array, offset: number, connection: ConnectionSays): number {
  const at = copyAll(out, offset, CONNECTION_LINES[connection]);
  out[at] = CR;
  out[at + 1] = LF;
  return at + 2;
}

function writeAdded(out: Uint8Array, offset: number, { bytes, length }: AddedFields): number {
  return copyBytes(out, offset, bytes, 0, length);
}

function copyAll(out: Uint8Array, offset: number, from: Uint8Array): number {
  return copyBytes(out, offset, from, 0, from.length);
}

function writeFields(out: Uint8Array, offset: number, head: ResponseHead, keepLength: boolean, keepUpgrade: boolean): number {
  const { bytes, fields } = head;
  let at = offset;
  for (let i = 0; i < fields.count; i++) {
    const id = fields.id(i);
    if (fields.isDropped(i) && !(keepUpgrade && id === FIELD.upgrade)) continue;
    if (id === FIELD.contentLength && !keepLength) continue;
    at = copyBytes(out, at, bytes, fields.nameStart(i), fields.nameEnd(i));
    out[at++] = 0x3a;
    out[at++] = SP;
    at = copyBytes(out, at, bytes, fields.valueStart(i), fields.valueEnd(i));
    out[at++] = CR;
    out[at++] = LF;
  }
  return at;
}
