import { FAILURES, type Failure } from '../failure/failures.ts';
import { ascii, equalsFolded, TOKEN } from './bytes.ts';
import { FIELD, fieldId } from './field-names.ts';
import type { Fields } from './fields.ts';
import { type ListCursor, readListMember } from './list.ts';
import type { RequestHead } from './request-head.ts';

const CLOSE = ascii('close');
const KEEP_ALIVE = ascii('keep-alive');
const UPGRADE = ascii('upgrade');
/** Each name costs a walk through the fields. */
const MAX_NAMES = 64;

/** Fields by which proxies tell who asked: to have them dropped would be to forge the absence of a client. */
const FORWARDING: readonly Uint8Array[] = ['forwarded', 'via', 'x-real-ip', 'x-forwarded-'].map(ascii);

/** What the Connection fields of a message say. */
export interface ConnectionTokens {
  wantsClose: boolean;
  wantsKeepAlive: boolean;
  wantsUpgrade: boolean;
}

/**
 * Reads all Connection fields of a request (RFC 9110 7.6.1) and drops the fields they name.
 * One that names an end-to-end field that framing, routing or trust rests on is refused: it is how requests are made
 * to look different behind a proxy.
 */
export function readConnection(head: RequestHead): Failure | null {
  return readConnectionFields(head.bytes, head.fields, head) ? null : FAILURES.badConnection;
}

/** The same for any message; false when a member is malformed or must not be named. */
export function readConnectionFields(bytes: Uint8Array, fields: Fields, tokens: ConnectionTokens): boolean {
  let names = 0;
  for (let i = 0; i < fields.count; i++) {
    if (fields.id(i) !== FIELD.connection) continue;
    const end = fields.valueEnd(i);
    const cursor: ListCursor = { next: fields.valueStart(i), start: 0, end: 0 };
    while (readListMember(bytes, end, cursor)) {
      if (cursor.start === cursor.end) continue;
      if (equalsFolded(bytes, cursor.start, cursor.end, CLOSE)) tokens.wantsClose = true;
      else if (equalsFolded(bytes, cursor.start, cursor.end, KEEP_ALIVE)) tokens.wantsKeepAlive = true;
      else if (equalsFolded(bytes, cursor.start, cursor.end, UPGRADE)) tokens.wantsUpgrade = true;
      else if (++names > MAX_NAMES || !dropNamed(bytes, fields, cursor.start, cursor.end)) return false;
    }
  }
  return true;
}

function dropNamed(bytes: Uint8Array, fields: Fields, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (TOKEN[bytes[i]] === 0) return false;
  switch (fieldId(bytes, start, end)) {
    case FIELD.host:
    case FIELD.contentLength:
    case FIELD.contentType:
    case FIELD.transferEncoding:
    case FIELD.cookie:
    case FIELD.authorization:
      return false;
  }
  if (FORWARDING.some((name) => startsFolded(bytes, start, end, name))) return false;
  for (let i = 0; i < fields.count; i++) {
    if (sameName(bytes, fields.nameStart(i), fields.nameEnd(i), start, end)) fields.drop(i);
  }
  return true;
}

function startsFolded(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  const isPrefix = name[name.length - 1] === 0x2d;
  return isPrefix ? end - start > name.length && equalsFolded(bytes, start, start + name.length, name) : equalsFolded(bytes, start, end, name);
}

function sameName(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = 0; i < aEnd - aStart; i++) if (TOKEN[bytes[aStart + i]] !== TOKEN[bytes[bStart + i]]) return false;
  return true;
}
