import { FAILURES, type Failure } from '../failure/failures.ts';
import { ascii, equalsFolded, tokenEnd } from './bytes.ts';
import { readConnection } from './connection-field.ts';
import { FIELD, isHopByHop } from './field-names.ts';
import { isValidHost } from './host.ts';
import { type ListCursor, readListMember } from './list.ts';
import { checkFraming } from './request-framing.ts';
import type { RequestHead } from './request-head.ts';

const CONTINUE = ascii('100-continue');
const TRAILERS = ascii('trailers');
const H2C = ascii('h2c');

/**
 * The rules that concern the head as a whole: one Host, one framing, Connection, Expect, Upgrade.
 * Sets what `RequestHead` derives from its fields and marks those that are not forwarded.
 */
export function checkRequest(head: RequestHead, manageExpect: boolean): Failure | null {
  const { bytes, fields } = head;
  head.contentLength = -1;
  head.isChunked = false;
  head.lengthIsUnknown = false;
  head.wantsClose = false;
  head.wantsKeepAlive = false;
  head.wantsUpgrade = false;
  head.expectsContinue = false;
  head.passesExpect = false;
  head.acceptsTrailers = false;
  head.clientField = -1;
  let host = -1;
  let length = -1;
  let encoding = -1;
  let encodings = 0;
  let upgrades = 0;
  let connections = 0;
  for (let i = 0; i < fields.count; i++) {
    const id = fields.id(i);
    if (id === FIELD.other) continue;
    if (isHopByHop(id)) fields.drop(i);
    switch (id) {
      case FIELD.host:
        if (host !== -1) return FAILURES.manyHosts;
        host = i;
        break;
      case FIELD.connection:
        connections++;
        break;
      case FIELD.contentLength:
        if (length !== -1) return FAILURES.badLength;
        length = i;
        break;
      case FIELD.transferEncoding:
        encoding = i;
        encodings++;
        break;
      case FIELD.upgrade:
        upgrades++;
        break;
      case FIELD.xUgateClient:
        head.clientField = i;
        break;
      case FIELD.proxy:
        // httpoxy: HTTP_PROXY steers the HTTP clients of many languages.
        fields.drop(i);
        break;
      case FIELD.te:
        head.acceptsTrailers ||= hasMember(bytes, fields.valueStart(i), fields.valueEnd(i), TRAILERS);
        break;
      case FIELD.expect:
        head.passesExpect = !manageExpect || head.isRtsp;
        if (head.passesExpect) break;
        fields.drop(i);
        if (head.isHttp10) break;
        if (!equalsFolded(bytes, fields.valueStart(i), fields.valueEnd(i), CONTINUE)) return FAILURES.badExpect;
        head.expectsContinue = true;
        break;
    }
  }
  return (
    checkHost(head, host) ??
    (connections === 0 ? null : readConnection(head)) ??
    checkFraming(head, length, encoding, encodings) ??
    checkUpgrade(head, upgrades)
  );
}

/** RFC 9112 3.2: exactly one valid Host on HTTP/1.1; the authority of an absolute target replaces it (3.2.2). */
function checkHost(head: RequestHead, host: number): Failure | null {
  // RTSP (RFC 2326) has no Host: its absolute targets say whom they mean.
  if (host === -1) return !head.isHttp10 && !head.isRtsp ? FAILURES.noHost : null;
  const start = head.fields.valueStart(host);
  const end = head.fields.valueEnd(host);
  if (!isValidHost(head.bytes, start, end) && !(head.isHttp10 && start === end)) return FAILURES.badHost;
  if (!head.isAbsolute) {
    head.hostStart = start;
    head.hostEnd = end;
  }
  return null;
}

/** An upgrade is passed on where a tunnel can follow it: HTTP/1.1, no body, and never to h2c, which would go around our parser. */
function checkUpgrade(head: RequestHead, upgrades: number): Failure | null {
  if (!head.wantsUpgrade) return null;
  const { bytes, fields } = head;
  head.wantsUpgrade = upgrades > 0 && !head.isHttp10 && !head.hasBody;
  // All of them: a backend joins what stands in several fields.
  for (let i = 0; head.wantsUpgrade && i < fields.count; i++) {
    if (fields.id(i) === FIELD.upgrade) head.wantsUpgrade = mayUpgradeTo(bytes, fields.valueStart(i), fields.valueEnd(i));
  }
  return null;
}

/** True for a list of `token [ "/" token ]` (RFC 9110 7.8) that does not offer h2c, in any version. */
function mayUpgradeTo(bytes: Uint8Array, start: number, end: number): boolean {
  const cursor: ListCursor = { next: start, start, end };
  while (readListMember(bytes, end, cursor)) {
    const nameEnd = tokenEnd(bytes, cursor.start, cursor.end);
    if (nameEnd === cursor.start || equalsFolded(bytes, cursor.start, nameEnd, H2C)) return false;
    if (nameEnd === cursor.end) continue;
    const isVersioned = bytes[nameEnd] === 0x2f && nameEnd + 1 < cursor.end;
    if (!isVersioned || tokenEnd(bytes, nameEnd + 1, cursor.end) !== cursor.end) return false;
  }
  return true;
}

function hasMember(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const cursor: ListCursor = { next: start, start, end };
  while (readListMember(bytes, end, cursor)) if (equalsFolded(bytes, cursor.start, cursor.end, lower)) return true;
  return false;
}
