import { HEX } from './bytes.ts';

/** A longer one is no key for uWSGI either. */
const MAX_HOST_BYTES = 255;

/** 1 for unreserved and sub-delims: what a registered name is made of (RFC 3986 3.2.2). */
const REG_NAME = regNameTable();

function regNameTable(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(1, 0x41, 0x5b).fill(1, 0x61, 0x7b).fill(1, 0x30, 0x3a);
  const others = "-._~!$&'()*+,;=";
  for (let i = 0; i < others.length; i++) table[others.charCodeAt(i)] = 1;
  return table;
}

/** True for `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 7.2), of at most 255 bytes and a port of at most 65535. */
export function isValidHost(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || end - start > MAX_HOST_BYTES) return false;
  let i = start;
  if (bytes[i] === 0x5b) {
    while (i < end && bytes[i] !== 0x5d) i++;
    if (i === end || !isIpLiteral(bytes, start + 1, i)) return false;
    i++;
  } else {
    for (; i < end && bytes[i] !== 0x3a; i++) {
      if (REG_NAME[bytes[i]] === 1) continue;
      if (bytes[i] !== 0x25 || i + 2 >= end || HEX[bytes[i + 1]] === 255 || HEX[bytes[i + 2]] === 255) return false;
      i += 2;
    }
    if (i === start) return false;
  }
  return i === end || (bytes[i] === 0x3a && isPort(bytes, i + 1, end));
}

/** `*DIGIT`: an empty port is well-formed (RFC 3986 3.2.3). */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  let port = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > 65535) return false;
  }
  return true;
}

/** Between the brackets: an IPv6 address by its grammar (RFC 3986 3.2.2); future versions are nobody's host yet. */
function isIpLiteral(bytes: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let compressed = false;
  let i = start;
  if (bytes[i] === 0x3a) {
    if (bytes[i + 1] !== 0x3a) return false;
    compressed = true;
    i += 2;
  }
  while (i < end) {
    const group = i;
    while (i < end && HEX[bytes[i]] !== 255) i++;
    const digits = i - group;
    if (i < end && bytes[i] === 0x2e) {
      groups += 2;
      i = end;
      if (!isDottedQuad(bytes, group, end)) return false;
      break;
    }
    if (digits === 0 || digits > 4) return false;
    groups++;
    if (i === end) break;
    if (bytes[i] !== 0x3a) return false;
    i++;
    if (i === end) return false;
    if (bytes[i] === 0x3a) {
      if (compressed) return false;
      compressed = true;
      i++;
    }
  }
  return compressed ? groups <= 7 : groups === 8;
}

function isDottedQuad(bytes: Uint8Array, start: number, end: number): boolean {
  let parts = 0;
  let value = -1;
  for (let i = start; i <= end; i++) {
    if (i === end || bytes[i] === 0x2e) {
      if (value < 0) return false;
      parts++;
      value = -1;
      continue;
    }
    const digit = bytes[i] - 0x30;
    if (digit < 0 || digit > 9 || value === 0) return false;
    value = Math.max(value, 0) * 10 + digit;
    if (value > 255) return false;
  }
  return parts === 4;
}
