import { HEX } from '../http1/bytes.ts';

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

/**
 * Writes PATH_INFO for the raw path `bytes[start, end)`: escapes decoded first, dot segments removed after, so that `%2e%2e`
 * cannot climb. `%2F` becomes a slash and `//` stays, as in uWSGI. Returns the offset behind it, or −1 for a malformed
 * escape or `%00`. Never longer than the raw path, but for an empty one, which is `/`.
 * @param keepsBroken a `%` that begins no escape stands for itself (`http-raw-target`)
 */
export function writePathInfo(out: Uint8Array, offset: number, bytes: Uint8Array, start: number, end: number, keepsBroken = false): number {
  if (start === end) {
    out[offset] = SLASH;
    return offset + 1;
  }
  let at = offset;
  let mayHaveDots = false;
  for (let i = start; i < end; i++) {
    let byte = bytes[i];
    if (byte === PERCENT) {
      const high = i + 2 < end ? HEX[bytes[i + 1]] : 255;
      const low = i + 2 < end ? HEX[bytes[i + 2]] : 255;
      if (high !== 255 && low !== 255) {
        byte = (high << 4) | low;
        if (byte === 0) return -1;
        i += 2;
      } else if (!keepsBroken) return -1;
    }
    if (byte === DOT && at > offset && out[at - 1] === SLASH) mayHaveDots = true;
    out[at++] = byte;
  }
  return mayHaveDots ? removeDotSegments(out, offset, at) : at;
}

/**
 * uWSGI's own way (`--http-lenient-path`), in one pass: only literal dot segments are removed, so that `%2e%2e` reaches the app,
 * and they remove what is in front of them decoded; an escape takes any two bytes and is 0 when they are no digits, one that is cut
 * off is dropped, `%%` is `%`, and `/..` leaves nothing. An absolute target without a path, of which uWSGI makes none, is `/` here too.
 */
export function writeLenientPathInfo(out: Uint8Array, offset: number, bytes: Uint8Array, start: number, end: number): number {
  let at = offset;
  if (start === end) out[at++] = SLASH;
  for (let i = start; i < end; ) {
    const byte = bytes[i];
    if (byte === PERCENT) {
      const isDouble = i + 1 < end && bytes[i + 1] === PERCENT;
      if (isDouble) out[at++] = PERCENT;
      else if (i + 2 < end) out[at++] = lenientEscape(HEX[bytes[i + 1]], HEX[bytes[i + 2]]);
      i += isDouble ? 2 : 3;
      continue;
    }
    i++;
    let dots = 0;
    if (byte === SLASH) while (dots < 2 && i + dots < end && bytes[i + dots] === DOT) dots++;
    const isLast = i + dots === end;
    if (dots === 0 || !(isLast || bytes[i + dots] === SLASH)) {
      out[at++] = byte;
      continue;
    }
    i += dots;
    if (dots === 2) at = cutSegment(out, offset, at, isLast);
    else if (isLast) out[at++] = SLASH;
  }
  return at;
}

function lenientEscape(high: number, low: number): number {
  return high === 255 || low === 255 ? 0 : (high << 4) | low;
}

/** Takes the last segment off `out[start, end)`, with the slash before it or without; returns the new end. */
function cutSegment(out: Uint8Array, start: number, end: number, keepSlash: boolean): number {
  let at = end;
  while (at > start && out[at - 1] !== SLASH) at--;
  return at > start && !keepSlash ? at - 1 : at;
}

/** Removes `.` and `..` segments in place (RFC 3986 5.2.4); empty segments count. A path of dots only is `/`. */
function removeDotSegments(out: Uint8Array, start: number, end: number): number {
  let at = start;
  let i = start;
  while (i < end) {
    let next = i + 1;
    while (next < end && out[next] !== SLASH) next++;
    const length = next - i - 1;
    const isDot = length === 1 && out[i + 1] === DOT;
    const isDotDot = length === 2 && out[i + 1] === DOT && out[i + 2] === DOT;
    if (isDot || isDotDot) {
      if (isDotDot) at = cutSegment(out, start, at, false);
      // The last segment leaves its slash behind.
      if (next === end) out[at++] = SLASH;
    } else {
      out.copyWithin(at, i, next);
      at += next - i;
    }
    i = next;
  }
  return at;
}
