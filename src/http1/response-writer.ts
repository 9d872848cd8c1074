import { ascii, CR, copyBytes, LF, SP } from './bytes.ts';
import { FIELD } from './field-names.ts';
import { MAX_FIELDS } from './fields.ts';
import type { ResponseHead } from './response-head.ts';

/** What we say of the connection in an answer's head. */
export const CONNECTION = { silent: 0, close: 1, keepAlive: 2, upgrade: 3, closeAndUpgrade: 4 } as const;
export type ConnectionSays = (typeof CONNECTION)[keyof typeof CONNECTION];

/** The most that `writeResponseHead` adds to the bytes of the backend's head: its own lines, and to each field a space and a CR. */
export const MAX_ADDED_BYTES = 256 + 2 * MAX_FIELDS;

const HTTP_1_1 = ascii('HTTP/1.1 ');
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
 * `lines` are whole lines of ours, such as a Date for an answer that has none (RFC 9110 6.6.1). `out` has room for the head and MAX_ADDED_BYTES.
 * Returns the offset behind it.
 */
export function writeResponseHead(
  out: Uint8Array,
  offset: number,
  head: ResponseHead,
  chunked: boolean,
  keepLength: boolean,
  connection: ConnectionSays,
  lines: Uint8Array | null,
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
  if (lines !== null) at = copyBytes(out, at, lines, 0, lines.length);
  if (chunked) at = copyBytes(out, at, CHUNKED_LINE, 0, CHUNKED_LINE.length);
  const line = CONNECTION_LINES[connection];
  at = copyBytes(out, at, line, 0, line.length);
  out[at++] = CR;
  out[at++] = LF;
  return at;
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
