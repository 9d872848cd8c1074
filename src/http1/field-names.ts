import { ascii, equalsFolded, TOKEN } from './bytes.ts';

const UNDERSCORE = 0x5f;
const DASH = 0x2d;

/** Fields that framing, routing or forwarding treat in their own way; everything else is `other`. */
export const FIELD = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  contentType: 4,
  transferEncoding: 5,
  expect: 6,
  upgrade: 7,
  keepAlive: 8,
  te: 9,
  trailer: 10,
  proxyConnection: 11,
  proxy: 12,
  cookie: 13,
  authorization: 14,
  date: 15,
  acceptEncoding: 16,
  contentEncoding: 17,
  uwsgiEncoding: 18,
  vary: 19,
  etag: 20,
  contentRange: 21,
  cacheControl: 22,
  /** Ours: see router/client-field.ts. */
  xUgateClient: 23,
} as const;

export type FieldId = (typeof FIELD)[keyof typeof FIELD];

const NAMES: readonly (readonly [string, FieldId])[] = [
  ['te', FIELD.te],
  ['host', FIELD.host],
  ['date', FIELD.date],
  ['vary', FIELD.vary],
  ['etag', FIELD.etag],
  ['proxy', FIELD.proxy],
  ['cookie', FIELD.cookie],
  ['expect', FIELD.expect],
  ['upgrade', FIELD.upgrade],
  ['trailer', FIELD.trailer],
  ['connection', FIELD.connection],
  ['keep-alive', FIELD.keepAlive],
  ['content-type', FIELD.contentType],
  ['authorization', FIELD.authorization],
  ['content-range', FIELD.contentRange],
  ['cache-control', FIELD.cacheControl],
  ['content-length', FIELD.contentLength],
  ['uwsgi-encoding', FIELD.uwsgiEncoding],
  ['x-ugate-client', FIELD.xUgateClient],
  ['accept-encoding', FIELD.acceptEncoding],
  ['proxy-connection', FIELD.proxyConnection],
  ['content-encoding', FIELD.contentEncoding],
  ['transfer-encoding', FIELD.transferEncoding],
];

interface Candidate {
  readonly first: number;
  readonly name: Uint8Array;
  readonly id: FieldId;
}

/** The known names by their length: a name is compared with two others at most. */
const BY_LENGTH: readonly (readonly Candidate[])[] = byLength();

function byLength(): Candidate[][] {
  const lists: Candidate[][] = [];
  for (let length = 0; length < 18; length++) lists.push([]);
  for (const [name, id] of NAMES) lists[name.length].push({ first: name.charCodeAt(0), name: ascii(name), id });
  return lists;
}

/** Which known field the name `bytes[start, end)` is, in any case. */
export function fieldId(bytes: Uint8Array, start: number, end: number): FieldId {
  const length = end - start;
  if (length >= BY_LENGTH.length) return FIELD.other;
  const candidates = BY_LENGTH[length];
  const first = bytes[start] | 0x20;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i];
    if (candidate.first === first && equalsFolded(bytes, start, end, candidate.name)) return candidate.id;
  }
  return FIELD.other;
}

/** True for the fields that concern one connection only and are never forwarded as they came (RFC 9110 7.6.1). */
export function isHopByHop(id: FieldId): boolean {
  return (
    id === FIELD.connection ||
    id === FIELD.transferEncoding ||
    id === FIELD.upgrade ||
    id === FIELD.keepAlive ||
    id === FIELD.te ||
    id === FIELD.trailer ||
    id === FIELD.proxyConnection ||
    id === FIELD.xUgateClient
  );
}

/** True when the name `bytes[start, end)` makes the same CGI name as `lower`, which is in lower case with `-` for `_`. */
export function sameCgiName(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[start + i];
    if (TOKEN[byte === UNDERSCORE ? DASH : byte] !== lower[i]) return false;
  }
  return true;
}

/** Fields that steer framing, routing or trust: nothing else may be taken for one of them. */
export function isSteering(id: FieldId): boolean {
  return id !== FIELD.other && id <= FIELD.date;
}

/** Fields that steer framing, routing, trust or how the content is read: not allowed among trailers (RFC 9110 6.5.1). */
export function isForbiddenTrailer(id: FieldId): boolean {
  switch (id) {
    case FIELD.other:
    case FIELD.date:
    case FIELD.vary:
    case FIELD.etag:
    case FIELD.cacheControl:
      return false;
    default:
      return true;
  }
}
