import { copyBytes, HEX } from '../http1/bytes.ts';

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

/**
 * Writes PATH_INFO for the raw path `bytes[start, end)`: escapes decoded first, dot segments removed after, so that `%2e%2e`
 * cannot climb. `%2F` becomes a slash and `//` stays, as in uWSGI. Returns the offset behind it, or −1 for a malformed
 * escape or `%00`. Never longer than the raw path, but for an empty one, which is `/`.
 */
export function writePathInfo(out: Uint8Array, offset: number, bytes: Uint8Array, start: number, end: number): number {
  if (start === end) {
    out[offset] = SLASH;
    return offset + 1;
  }
  let at = offset;
  let mayHaveDots = false;
  for (let i = start; i < end; i++) {
    let byte = bytes[i];
    if (byte === PERCENT) {
      if (i + 2 >= end) return -1;
      const high = HEX[bytes[i + 1]];
      const low = HEX[bytes[i + 2]];
      if (high === 255 || low === 255) return -1;
      byte = (high << 4) | low;
      if (byte === 0) return -1;
      i += 2;
    }
    if (byte === DOT && at > offset && out[at - 1] === SLASH) mayHaveDots = true;
    out[at++] = byte;
  }
  return mayHaveDots ? removeDotSegments(out, offset, at) : at;
}

/**
 * uWSGI's own way (`--http-lenient-path`): literal dot segments are removed, then escapes decoded, so that `%2e%2e` reaches the
 * app; bad digits count as 0, an escape cut off is dropped, `%%` is `%`, and `/..` leaves nothing. An absolute target without a
 * path, of which uWSGI makes none, is `/` here too.
 */
export function writeLenientPathInfo(out: Uint8Array, offset: number, bytes: Uint8Array, start: number, end: number): number {
  if (start === end) {
    out[offset] = SLASH;
    return offset + 1;
  }
  const rawEnd = removeDotSegments(out, offset, copyBytes(out, offset, bytes, start, end), true);
  let at = offset;
  for (let i = offset; i < rawEnd; i++) {
    if (out[i] !== PERCENT) out[at++] = out[i];
    else if (out[i + 1] === PERCENT && i + 1 < rawEnd) {
      out[at++] = PERCENT;
      i++;
    } else {
      if (i + 2 < rawEnd) {
        const high = HEX[out[i + 1]];
        const low = HEX[out[i + 2]];
        out[at++] = high === 255 || low === 255 ? 0 : (high << 4) | low;
      }
      i += 2;
    }
  }
  return at;
}

/** Removes `.` and `..` segments in place (RFC 3986 5.2.4); empty segments count. A path of dots only is `/`, or nothing if `mayBeEmpty`. */
function removeDotSegments(out: Uint8Array, start: number, end: number, mayBeEmpty = false): number {
  let at = start;
  let i = start;
  while (i < end) {
    if (out[i] !== SLASH) {
      out[at++] = out[i++];
      continue;
    }
    let next = i + 1;
    while (next < end && out[next] !== SLASH) next++;
    const length = next - i - 1;
    const isDot = length === 1 && out[i + 1] === DOT;
    const isDotDot = length === 2 && out[i + 1] === DOT && out[i + 2] === DOT;
    if (!isDot && !isDotDot) {
      out.copyWithin(at, i, next);
      at += next - i;
    } else {
      if (isDotDot) while (at > start && out[--at] !== SLASH);
      // The last segment leaves its slash behind; after `..` at the root uWSGI leaves nothing.
      if (next === end && !(mayBeEmpty && isDotDot && at === start)) out[at++] = SLASH;
    }
    i = next;
  }
  return at;
}
