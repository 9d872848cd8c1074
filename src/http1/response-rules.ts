import { FAILURES, type Failure } from '../failure/failures.ts';
import { ascii, CR, equalsFolded, readDecimal, tokenEnd } from './bytes.ts';
import { readConnectionFields } from './connection-field.ts';
import { FIELD, isHopByHop } from './field-names.ts';
import type { ResponseHead } from './response-head.ts';

const CHUNKED = ascii('chunked');
const TEXT = ascii('text');
const EVENT_STREAM = ascii('event-stream');
const SLASH = 0x2f;

/**
 * The rules that concern the fields of a backend's answer as a whole: one framing, Connection, and what of it is not for the client. Sets
 * what `ResponseHead` derives from its fields, and marks those that are not forwarded.
 */
export function checkResponse(head: ResponseHead): Failure | null {
  const { bytes, fields } = head;
  head.contentLength = -1;
  head.isChunked = false;
  head.wantsClose = false;
  head.wantsKeepAlive = false;
  head.wantsUpgrade = false;
  head.keepAliveField = -1;
  head.hasDate = false;
  head.hasUpgrade = false;
  head.hasUwsgiEncoding = false;
  head.isEventStream = false;
  let connections = 0;
  let lengths = 0;
  let encodings = 0;
  let dropped = 0;
  for (let i = 0; i < fields.count; i++) {
    const id = fields.id(i);
    if (id === FIELD.other) continue;
    if (isHopByHop(id)) {
      fields.drop(i);
      dropped++;
    }
    if (id === FIELD.contentLength) {
      if (++lengths > 1) return FAILURES.answerBadLength;
      head.contentLength = readDecimal(bytes, fields.valueStart(i), fields.valueEnd(i));
      if (head.contentLength === -1) return FAILURES.answerBadLength;
    } else if (id === FIELD.transferEncoding) {
      if (++encodings > 1 || !equalsFolded(bytes, fields.valueStart(i), fields.valueEnd(i), CHUNKED)) return FAILURES.answerBadEncoding;
      head.isChunked = true;
    } else if (id === FIELD.connection) connections++;
    else if (id === FIELD.date) head.hasDate = true;
    else if (id === FIELD.upgrade) head.hasUpgrade = true;
    else if (id === FIELD.uwsgiEncoding) head.hasUwsgiEncoding = true;
    else if (id === FIELD.contentType) head.isEventStream = isEventStream(bytes, fields.valueStart(i), fields.valueEnd(i));
    else if (id === FIELD.keepAlive) head.keepAliveField = i;
  }
  if (lengths > 0 && encodings > 0) return FAILURES.answerLengthAndEncoding;
  if (connections > 0) {
    if (!readConnectionFields(bytes, fields, head)) return FAILURES.answerBadField;
    head.hasDate &&= keepsDate(head);
  }
  head.isClean = dropped === 0 && linesAreClean(head);
  return null;
}

/** False when Connection names Date: an answer that loses it gets one of ours. */
function keepsDate({ fields }: ResponseHead): boolean {
  for (let i = 0; i < fields.count; i++) if (fields.id(i) === FIELD.date && !fields.isDropped(i)) return true;
  return false;
}

/** One lone LF anywhere makes the whole head be written line by line. */
function linesAreClean({ bytes, fields, statusEnd }: ResponseHead): boolean {
  if (bytes[statusEnd] !== CR) return false;
  for (let i = 0; i < fields.count; i++) {
    const lineEnd = i + 1 < fields.count ? fields.nameStart(i + 1) : fields.end;
    if (bytes[lineEnd - 2] !== CR) return false;
  }
  return true;
}

/** text/event-stream, whatever parameters follow. */
function isEventStream(bytes: Uint8Array, start: number, end: number): boolean {
  const slash = tokenEnd(bytes, start, end);
  if (bytes[slash] !== SLASH || !equalsFolded(bytes, start, slash, TEXT)) return false;
  return equalsFolded(bytes, slash + 1, tokenEnd(bytes, slash + 1, end), EVENT_STREAM);
}
