/** IP literals as bytes and back: what comparing and binary headers need. An IPv4 address is held as `::ffff:a.b.c.d`. */

export const IP_BYTES = 16;
/** Where the four bytes of an IPv4 address start among the sixteen. */
export const IPV4_OFFSET = 12;

const DOT = 0x2e;
const COLON = 0x3a;
const PERCENT = 0x25;

/**
 * Reads an IPv4 or IPv6 literal (no brackets) into `out[0, 16)`; false when the text is neither. A zone (`%eth0`) is left out, it means
 * nothing beyond the machine it was written on.
 */
export function readIp(text: string, out: Uint8Array): boolean {
  out.fill(0);
  if (text.includes(':')) return readIpv6(text, out);
  out[10] = 0xff;
  out[11] = 0xff;
  return readIpv4(text, 0, text.length, out, IPV4_OFFSET);
}

/** True when `bytes[start, start + 16)` carry an IPv4 address (RFC 4291 2.5.5.2). */
export function isMappedIpv4(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[start + i] !== 0) return false;
  return bytes[start + 10] === 0xff && bytes[start + 11] === 0xff;
}

export function formatIpv4(bytes: Uint8Array, start: number): string {
  return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`;
}

/** The one text of an IPv6 address that RFC 5952 recommends, which is what kernels give. */
export function formatIpv6(bytes: Uint8Array, start: number): string {
  if (isMappedIpv4(bytes, start)) return `::ffff:${formatIpv4(bytes, start + IPV4_OFFSET)}`;
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[start + 2 * i] << 8) | bytes[start + 2 * i + 1]);
  let gap = 0;
  let gapLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i <= gapLength) continue;
    gap = i;
    gapLength = end - i;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return gapLength === 1 ? hex(0, 8) : `${hex(0, gap)}::${hex(gap + gapLength, 8)}`;
}

/** Four decimal numbers to 255 without leading zeros. */
function readIpv4(text: string, start: number, end: number, out: Uint8Array, offset: number): boolean {
  let part = 0;
  let value = -1;
  for (let i = start; i <= end; i++) {
    const code = i === end ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (value === -1 || part === 4) return false;
      out[offset + part++] = value;
      value = -1;
      continue;
    }
    const digit = code - 0x30;
    if (digit < 0 || digit > 9 || value === 0) return false;
    value = value === -1 ? digit : value * 10 + digit;
    if (value > 255) return false;
  }
  return part === 4;
}

function readIpv6(text: string, out: Uint8Array): boolean {
  const end = addressEnd(text);
  let at = 0;
  let gap = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
  }
  while (i < end) {
    const group = i;
    let value = 0;
    for (let digit = hexDigit(text, i); digit !== -1 && i < end && i - group < 5; digit = hexDigit(text, ++i)) value = (value << 4) | digit;
    if (i < end && text.charCodeAt(i) === DOT) {
      if (at > IPV4_OFFSET || !readIpv4(text, group, end, out, at)) return false;
      at += 4;
      break;
    }
    if (i === group || i - group > 4 || at === IP_BYTES) return false;
    out[at++] = value >> 8;
    out[at++] = value & 0xff;
    if (i === end) break;
    if (text.charCodeAt(i++) !== COLON || i === end) return false;
    if (text.charCodeAt(i) !== COLON) continue;
    if (gap !== -1) return false;
    gap = at;
    i++;
  }
  if (end === -1 || (gap === -1 ? at !== IP_BYTES : at > IP_BYTES - 2)) return false;
  if (gap === -1) return true;
  const behind = IP_BYTES - (at - gap);
  out.copyWithin(behind, gap, at);
  out.fill(0, gap, behind);
  return true;
}

/** Where a zone starts, else the end; −1 for a zone that is none. */
function addressEnd(text: string): number {
  const percent = text.indexOf('%');
  if (percent === -1) return text.length;
  for (let i = percent + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
    const isOther = (code >= 0x30 && code <= 0x39) || code === 0x5f || code === DOT || code === 0x2d;
    if (code === PERCENT || !(isLetter || isOther)) return -1;
  }
  return percent + 1 === text.length ? -1 : percent;
}

/** The value of the digit at `i`; −1 for any other character. */
function hexDigit(text: string, i: number): number {
  const code = text.charCodeAt(i);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}
