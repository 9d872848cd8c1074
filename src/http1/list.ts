import { COMMA, HTAB, SP } from './bytes.ts';

/** Where a walk through a comma-separated field value stands. */
export interface ListCursor {
  next: number;
  start: number;
  end: number;
}

/**
 * The next member of a list (RFC 9110 5.6.1), white space trimmed; an empty member has `start === end`.
 * Returns false behind the last one. Quoted strings are not looked into: no list read here holds any.
 */
export function readListMember(bytes: Uint8Array, end: number, cursor: ListCursor): boolean {
  if (cursor.next > end) return false;
  let comma = cursor.next;
  while (comma < end && bytes[comma] !== COMMA) comma++;
  let start = cursor.next;
  let last = comma;
  while (start < last && (bytes[start] === SP || bytes[start] === HTAB)) start++;
  while (last > start && (bytes[last - 1] === SP || bytes[last - 1] === HTAB)) last--;
  cursor.start = start;
  cursor.end = last;
  cursor.next = comma + 1;
  return true;
}
