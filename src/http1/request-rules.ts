import { FAILURES, type Failure } from '../failure/failures.ts';
import { ascii, equalsFolded, readDecimal } from './bytes.ts';
import { readConnection } from './connection-field.ts';
import { FIELD, isHopByHop } from './field-names.ts';
import { isValidHost } from './host.ts';
import { type ListCursor, readListMember } from './list.ts';
import { checkEncoding } from './request-framing.ts';
import type { RequestHead } from './request-head.ts';
import { settleUpgrade } from './request-upgrade.ts';

const CONTINUE = ascii('100-continue');
const TRAILERS = ascii('trailers');

/**
 * The rules that concern the fields of a request as a whole, and hold in every version of HTTP: one Host, one length, Expect, TE. What
 * only HTTP/1 has on its wire is asked of who knows it: Connection, Transfer-Encoding, Upgrade; a request of HTTP/2 has none of these
 * (RFC 9113 8.2.2). Sets what `RequestHead` derives from its fields and marks those that are not forwarded.
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
  const failure =
    checkHost(head, host) ??
    (connections === 0 ? null : readConnection(head)) ??
    (encodings === 0 ? null : checkEncoding(head, encoding, encodings, length !== -1)) ??
    (length === -1 ? null : checkLength(head, length));
  if (failure === null && head.wantsUpgrade) settleUpgrade(head, upgrades);
  return failure;
}

/**
 * RFC 9112 3.2: exactly one valid Host on HTTP/1.1; the authority of an absolute target replaces it (3.2.2). In HTTP/2 `:authority` is
 * such an authority, and enough (RFC 9113 8.3.1).
 */
function checkHost(head: RequestHead, host: number): Failure | null {
  // RTSP (RFC 2326) has no Host: its absolute targets say whom they mean.
  if (host === -1) return head.isHttp10 || head.isRtsp || (head.isHttp2 && head.isAbsolute) ? null : FAILURES.noHost;
  const start = head.fields.valueStart(host);
  const end = head.fields.valueEnd(host);
  if (!isValidHost(head.bytes, start, end) && !(head.isHttp10 && start === end)) return FAILURES.badHost;
  if (!head.isAbsolute) {
    head.hostStart = start;
    head.hostEnd = end;
  }
  return null;
}

function checkLength(head: RequestHead, length: number): Failure | null {
  head.contentLength = readDecimal(head.bytes, head.fields.valueStart(length), head.fields.valueEnd(length));
  return head.contentLength === -1 ? FAILURES.badLength : null;
}

function hasMember(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const cursor: ListCursor = { next: start, start, end };
  while (readListMember(bytes, end, cursor)) if (equalsFolded(bytes, cursor.start, cursor.end, lower)) return true;
  return false;
}
