import { FAILURES, type Failure } from '../failure/failures.ts';
import { ascii, copyBytes, equalsFolded, latin1 } from './bytes.ts';
import { isValidHost } from './host.ts';
import type { RequestHead } from './request-head.ts';

const SLASH = 0x2f;
const QUESTION = 0x3f;
const ASTERISK = 0x2a;
const HTTP = ascii('http');
const HTTPS = ascii('https');
const RTSP = ascii('rtsp');

/**
 * Reads the four forms of a request target (RFC 9112 3.2) into path, query and, for the absolute form, host.
 * An absolute target without a path means `/`, and `*` for OPTIONS (RFC 9112 3.2.4).
 */
export function readTarget(head: RequestHead, isOptions: boolean): Failure | null {
  const { bytes, targetStart: start, targetEnd: end } = head;
  head.isAsterisk = false;
  head.isAbsolute = false;
  head.hostStart = 0;
  head.hostEnd = 0;
  if (bytes[start] === SLASH) {
    splitQuery(head, start, end);
    return null;
  }
  if (bytes[start] === ASTERISK && end - start === 1) {
    if (!isOptions && !head.isRtsp) return FAILURES.targetForm;
    head.isAsterisk = true;
    splitQuery(head, start, end);
    return null;
  }
  return readAbsolute(head, isOptions);
}

function splitQuery(head: RequestHead, start: number, end: number): void {
  const { bytes } = head;
  let i = start;
  while (i < end && bytes[i] !== QUESTION) i++;
  head.pathStart = start;
  head.pathEnd = i;
  head.hasQuery = i < end;
  head.queryStart = head.hasQuery ? i + 1 : end;
  head.queryEnd = end;
}

function readAbsolute(head: RequestHead, isOptions: boolean): Failure | null {
  const { bytes, targetStart: start, targetEnd: end } = head;
  let colon = start;
  while (colon < end && bytes[colon] !== 0x3a) colon++;
  const isHttp = equalsFolded(bytes, start, colon, head.isRtsp ? RTSP : HTTP);
  const isHttps = equalsFolded(bytes, start, colon, HTTPS);
  if (!(isHttp || isHttps) || bytes[colon + 1] !== SLASH || bytes[colon + 2] !== SLASH || colon + 3 >= end) return FAILURES.targetForm;
  const authority = colon + 3;
  let i = authority;
  for (; i < end && bytes[i] !== SLASH && bytes[i] !== QUESTION; i++) if (bytes[i] === 0x40) return FAILURES.targetUserinfo;
  if (!isValidHost(bytes, authority, i)) return FAILURES.badHost;
  if (isHttps) return FAILURES.misdirected;
  head.isAbsolute = true;
  head.hostStart = authority;
  head.hostEnd = i;
  splitQuery(head, i, end);
  head.isAsterisk = isOptions && i === end;
  return null;
}

const PERCENT = 0x25;
const HEX_DIGITS = ascii('0123456789ABCDEF');

/** Writes the target in origin-form, bytes from 0x80 on escaped: as whoever reads HTTP expects it. Up to three times as long as it came. */
export function writeOriginForm(out: Uint8Array, offset: number, head: RequestHead): number {
  const { bytes, pathStart, targetEnd } = head;
  if (!head.hasRawTarget) return copyBytes(out, offset, bytes, pathStart, targetEnd);
  let at = offset;
  for (let i = pathStart; i < targetEnd; i++) {
    const byte = bytes[i];
    if (byte < 0x80) {
      out[at++] = byte;
      continue;
    }
    out[at++] = PERCENT;
    out[at++] = HEX_DIGITS[byte >> 4];
    out[at++] = HEX_DIGITS[byte & 15];
  }
  return at;
}

/** The same as text. @param text the head as latin-1, where that is at hand */
export function originForm(head: RequestHead, text?: string): string {
  const target = text?.slice(head.pathStart, head.targetEnd) ?? latin1(head.bytes, head.pathStart, head.targetEnd);
  if (!head.hasRawTarget) return target;
  return target.replaceAll(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
