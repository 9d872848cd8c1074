import { ascii, equalsFolded, skipSpace, tokenEnd } from './bytes.ts';
import { type ListCursor, readListMember } from './list.ts';

/** What a Transfer-Encoding value asks for. */
export const TRANSFER = { chunked: 0, unknown: 1, malformed: 2 } as const;
export type Transfer = (typeof TRANSFER)[keyof typeof TRANSFER];

const CHUNKED = ascii('chunked');

/**
 * Reads one Transfer-Encoding value (RFC 9112 6.1): `chunked` alone; `unknown` when well-formed codings stand before a last,
 * single `chunked`; `malformed` for everything else, empty members included.
 */
export function readTransferEncoding(bytes: Uint8Array, start: number, end: number): Transfer {
  const cursor: ListCursor = { next: start, start, end };
  let members = 0;
  let chunked = 0;
  let isLast = false;
  while (readListMember(bytes, end, cursor)) {
    members++;
    isLast = equalsFolded(bytes, cursor.start, cursor.end, CHUNKED);
    if (isLast) chunked++;
    else if (!isCoding(bytes, cursor.start, cursor.end)) return TRANSFER.malformed;
  }
  if (chunked !== 1 || !isLast) return TRANSFER.malformed;
  return members === 1 ? TRANSFER.chunked : TRANSFER.unknown;
}

/** `token *( OWS ";" OWS token BWS "=" BWS token )`; chunked takes no parameters, so `chunked;a=b` is malformed (RFC 9112 7). */
function isCoding(bytes: Uint8Array, start: number, end: number): boolean {
  let i = tokenEnd(bytes, start, end);
  if (i === start || equalsFolded(bytes, start, i, CHUNKED)) return false;
  while (i < end) {
    i = skipSpace(bytes, i, end);
    if (bytes[i] !== 0x3b) return false;
    const name = skipSpace(bytes, i + 1, end);
    i = tokenEnd(bytes, name, end);
    if (i === name) return false;
    i = skipSpace(bytes, i, end);
    if (i === end || bytes[i] !== 0x3d) return false;
    const value = skipSpace(bytes, i + 1, end);
    i = tokenEnd(bytes, value, end);
    if (i === value) return false;
  }
  return true;
}
