/** Byte classes and small readers shared by everything that looks at HTTP/1 as bytes. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const COMMA = 0x2c;

/**
 * For a byte that may stand in a token (RFC 9110 5.6.2): the byte, upper case folded to lower. For any other: 0.
 * One look-up checks and folds.
 */
export const TOKEN: Readonly<Uint8Array> = /* @__PURE__ */ tokenTable();

/** 1 for a byte that may stand in a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5). */
export const VALUE: Readonly<Uint8Array> = /* @__PURE__ */ valueTable();

/** 1 for a byte that may stand in a request target: 0x21–0x7E without `#`. */
export const TARGET: Readonly<Uint8Array> = /* @__PURE__ */ targetTable();

/** The value of a hexadecimal digit; 255 for any other byte. */
export const HEX: Readonly<Uint8Array> = /* @__PURE__ */ hexTable();

const ENCODER = new TextEncoder();

// All this is done at every start, by an interpreter: plain loops and `fill`, since `Uint8Array.from` with a function took 3 ms.

function tokenTable(): Uint8Array {
  const table = new Uint8Array(256);
  const others = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
  for (let i = 0; i < others.length; i++) table[others.charCodeAt(i)] = others.charCodeAt(i);
  for (let b = 0x41; b <= 0x5a; b++) table[b] = b + 0x20;
  return table;
}

function valueTable(): Uint8Array {
  const table = new Uint8Array(256).fill(1, SP);
  table[HTAB] = 1;
  table[0x7f] = 0;
  return table;
}

function targetTable(): Uint8Array {
  const table = new Uint8Array(256).fill(1, SP + 1, 0x7f);
  table[0x23] = 0;
  return table;
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 10; digit++) table[0x30 + digit] = digit;
  for (let digit = 10; digit < 16; digit++) {
    table[0x41 + digit - 10] = digit;
    table[0x61 + digit - 10] = digit;
  }
  return table;
}

/** The bytes of a text, one a character. */
export function ascii(text: string): Uint8Array {
  // Faster, and at the start no compiler is woken for a loop; but it makes two of a character that is not ASCII.
  const encoded = ENCODER.encode(text);
  if (encoded.length === text.length) return encoded;
  const bytes = new Uint8Array(text.length);
  writeAscii(bytes, 0, text);
  return bytes;
}

/** True when `bytes[start, end)` is `exact`. */
export function equalsBytes(bytes: Uint8Array, start: number, end: number, exact: Uint8Array): boolean {
  if (end - start !== exact.length) return false;
  for (let i = 0; i < exact.length; i++) if (bytes[start + i] !== exact[i]) return false;
  return true;
}

/** True when `bytes[start, end)` is `lower` in any case. `lower` holds token bytes in lower case. */
export function equalsFolded(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) if (TOKEN[bytes[start + i]] !== lower[i]) return false;
  return true;
}

/** Where the token that starts at `start` ends; `start` itself when there is none. */
export function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && TOKEN[bytes[i]] !== 0) i++;
  return i;
}

/** The bytes as text, one character a byte: for logs, errors and other cold paths. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** A decimal number of digits only, at most 2^53−1; −1 for anything else. */
export function readDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}

/** Writes a decimal number at `offset`; returns the offset behind it. */
export function writeDecimal(out: Uint8Array, offset: number, value: number): number {
  let length = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) length++;
  for (let i = offset + length - 1, rest = value; i >= offset; i--, rest = Math.floor(rest / 10)) out[i] = 0x30 + (rest % 10);
  return offset + length;
}

/** Copies `from[start, end)` to `out` at `offset`; returns the offset behind it. Short runs by hand: cheaper than `set` and its view. */
export function copyBytes(out: Uint8Array, offset: number, from: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > 160) out.set(from.subarray(start, end), offset);
  else for (let i = 0; i < length; i++) out[offset + i] = from[start + i];
  return offset + length;
}

/** A copy that may be kept. Not `slice`: of a Buffer, which some runtimes lend, that is a view of the same bytes. */
export function copyOf(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const copy = new Uint8Array(end - start);
  copyBytes(copy, 0, bytes, start, end);
  return copy;
}

/** Writes an ASCII text at `offset`; returns the offset behind it. */
export function writeAscii(out: Uint8Array, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}

/** Where the first byte that is neither a space nor a tab stands, from `start`. */
export function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (bytes[i] === SP || bytes[i] === HTAB)) i++;
  return i;
}

/** Both, one behind the other, in a buffer of their own. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
