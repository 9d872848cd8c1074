/** The fields by which proxies tell whom they speak for: Forwarded (RFC 7239), X-Forwarded-*, X-Real-IP. */

import { ascii, COMMA, equalsFolded, HTAB, latin1, SP, TOKEN, tokenEnd } from './bytes.ts';
import { sameCgiName } from './field-names.ts';
import type { Fields } from './fields.ts';

export const FORWARDED = ascii('forwarded');
export const X_FORWARDED_FOR = ascii('x-forwarded-for');
export const X_FORWARDED_PROTO = ascii('x-forwarded-proto');
const X_REAL_IP = ascii('x-real-ip');
const X_FORWARDED_ = ascii('x-forwarded-');

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** True when the field's name is one of these, also with `_` for `-`: as CGI names both are the same. */
export function isForwardingField(bytes: Uint8Array, fields: Fields, i: number): boolean {
  const start = fields.nameStart(i);
  const end = fields.nameEnd(i);
  if (sameCgiName(bytes, start, end, FORWARDED) || sameCgiName(bytes, start, end, X_REAL_IP)) return true;
  const prefixEnd = start + X_FORWARDED_.length;
  return prefixEnd < end && sameCgiName(bytes, start, prefixEnd, X_FORWARDED_);
}

/**
 * The members of a list over all its field lines, from the last to the first: the nearer proxy stands further right, and what is
 * read of it cannot depend on what came before. Empty members are left out.
 */
export class MembersFromRight {
  /** The member is `bytes[start, end)`, white space trimmed. */
  start = 0;
  end = 0;
  readonly #bytes: Uint8Array;
  readonly #fields: Fields;
  readonly #name: Uint8Array;
  readonly #isQuotable: boolean;
  #line: number;
  /** Where the unread part of the line ends; below its start when the line is used up. */
  #unread = -1;
  #lineStart = 0;

  /** @param isQuotable commas in quoted strings separate nothing */
  constructor(bytes: Uint8Array, fields: Fields, name: Uint8Array, isQuotable: boolean) {
    this.#bytes = bytes;
    this.#fields = fields;
    this.#name = name;
    this.#isQuotable = isQuotable;
    this.#line = fields.count;
  }

  /** Goes one member to the left; false when there is none. */
  next(): boolean {
    for (;;) {
      if (this.#unread < this.#lineStart && !this.#previousLine()) return false;
      const comma = this.#comma();
      this.start = comma + 1;
      this.end = this.#unread;
      this.#unread = comma;
      const bytes = this.#bytes;
      while (this.start < this.end && isSpace(bytes[this.start])) this.start++;
      while (this.end > this.start && isSpace(bytes[this.end - 1])) this.end--;
      if (this.start < this.end) return true;
    }
  }

  #previousLine(): boolean {
    const fields = this.#fields;
    while (--this.#line >= 0) {
      const i = this.#line;
      if (fields.isDropped(i) || !equalsFolded(this.#bytes, fields.nameStart(i), fields.nameEnd(i), this.#name)) continue;
      this.#lineStart = fields.valueStart(i);
      this.#unread = fields.valueEnd(i);
      return true;
    }
    return false;
  }

  /** The offset of the last comma of the unread part, else the one before the line. */
  #comma(): number {
    let isQuoted = false;
    for (let i = this.#unread - 1; i >= this.#lineStart; i--) {
      const byte = this.#bytes[i];
      if (byte === COMMA && !isQuoted) return i;
      if (byte === QUOTE && this.#isQuotable && !(isQuoted && this.#isEscaped(i))) isQuoted = !isQuoted;
    }
    return this.#lineStart - 1;
  }

  #isEscaped(at: number): boolean {
    let before = at - 1;
    while (before >= this.#lineStart && this.#bytes[before] === BACKSLASH) before--;
    return (at - before) % 2 === 0;
  }
}

/** One element of Forwarded: what a proxy says of the hop before it. Null where it does not say. */
export interface ForwardedElement {
  /** A node (RFC 7239 6): `1.2.3.4`, `[::1]:80`, `unknown`, `_hidden`. */
  for: string | null;
  proto: string | null;
}

/**
 * Reads `bytes[start, end)` as a forwarded-element (RFC 7239 4); null when it is malformed. As proxies write them, space around `;`
 * and colons and brackets without quotes are taken.
 */
export function readForwardedElement(bytes: Uint8Array, start: number, end: number): ForwardedElement | null {
  const element: ForwardedElement = { for: null, proto: null };
  let i = start;
  for (;;) {
    i = skipSpace(bytes, i, end);
    if (i < end && bytes[i] !== SEMICOLON) {
      const nameEnd = tokenEnd(bytes, i, end);
      if (nameEnd === i || bytes[nameEnd] !== EQUALS) return null;
      const name = latin1(bytes, i, nameEnd).toLowerCase();
      const isQuoted = nameEnd + 1 < end && bytes[nameEnd + 1] === QUOTE;
      const valueEnd = isQuoted ? quotedEnd(bytes, nameEnd + 1, end) : bareEnd(bytes, nameEnd + 1, end);
      if (valueEnd <= nameEnd + 1) return null;
      if (name === 'for' || name === 'proto') {
        // A parameter stands once only: of two, each reader could take another.
        if (element[name] !== null) return null;
        element[name] = isQuoted ? unquote(latin1(bytes, nameEnd + 2, valueEnd - 1)) : latin1(bytes, nameEnd + 1, valueEnd);
      }
      i = skipSpace(bytes, valueEnd, end);
    }
    if (i === end) return element;
    if (bytes[i] !== SEMICOLON) return null;
    i++;
  }
}

/** Behind the closing quote of the quoted string at `start`; −1 when there is none. */
function quotedEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start + 1; i < end; i++) {
    if (bytes[i] === BACKSLASH) i++;
    else if (bytes[i] === QUOTE) return i + 1;
  }
  return -1;
}

function bareEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (TOKEN[bytes[i]] !== 0 || bytes[i] === 0x3a || bytes[i] === 0x5b || bytes[i] === 0x5d)) i++;
  return i;
}

function unquote(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && isSpace(bytes[i])) i++;
  return i;
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === HTAB;
}
