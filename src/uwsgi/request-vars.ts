import { FAILURES, type Failure } from '../failure/failures.ts';
import type { AddedFields } from '../http1/added-fields.ts';
import { ascii, copyBytes, writeAscii, writeDecimal } from '../http1/bytes.ts';
import { FIELD, fieldId, isSteering } from '../http1/field-names.ts';
import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { MAX_PACKET_BYTES, PACKET_HEADER_BYTES } from './packet.ts';
import { writeLenientPathInfo, writePathInfo } from './path-info.ts';

/** What of a request's vars is the same for all requests of a listener, encoded once. */
export interface VarsTemplate {
  /** SCRIPT_NAME, SERVER_NAME, SERVER_PORT, and UWSGI_ROUTER unless no router is to be seen. */
  readonly server: Uint8Array;
  /** Every `http-var`. */
  readonly extra: Uint8Array;
  /** `http-server-name-as-http-host`: SERVER_NAME is Host, and stands before HTTP_HOST. */
  readonly serverNameAsHttpHost: boolean;
  /** `http-allow-underscore-headers`. */
  readonly allowUnderscores: boolean;
  /** `http-lenient-path`. */
  readonly lenientPath: boolean;
  /** `http-raw-target`. Default false. */
  readonly rawTarget?: boolean;
  /** The request came to an `http-socket`, which has no router: REMOTE_ADDR before HTTPS, and no REMOTE_PORT. */
  readonly isSocket: boolean;
  /** `http-chunked-input`: HTTP_TRANSFER_ENCODING is passed on and the chunks go raw. */
  readonly chunkedInput: boolean;
}

export interface TemplateSettings extends Omit<VarsTemplate, 'server' | 'extra' | 'isSocket'> {
  /** Default false. */
  readonly isSocket?: boolean;
  readonly serverName: string;
  /** The text behind the last `:` of the listening address; empty for a unix socket. */
  readonly serverPort: string;
  readonly vars: readonly (readonly [string, string])[];
}

/** The client's address as text, empty on a unix socket, and its port. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** Encodes the constant vars of a listener. */
export function makeVarsTemplate(settings: TemplateSettings): VarsTemplate {
  const server: [string, string][] = [['SCRIPT_NAME', '']];
  if (!settings.serverNameAsHttpHost) server.push(['SERVER_NAME', settings.serverName]);
  const { isSocket = false, serverPort } = settings;
  if (isSocket) server.push(['SERVER_PORT', serverPort || '80']);
  else server.push(['SERVER_PORT', serverPort], ['UWSGI_ROUTER', 'http']);
  return { ...settings, isSocket, server: encodeVars(server), extra: encodeVars(settings.vars) };
}

/** Vars as a packet holds them. */
export function encodeVars(vars: readonly (readonly [string, string])[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const pair of vars)
    for (const text of pair) {
      const part = encoder.encode(text);
      parts.push(part);
      length += 2 + part.length;
    }
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    at = writeLength(out, at, part.length);
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const REQUEST_METHOD = key('REQUEST_METHOD');
const REQUEST_URI = key('REQUEST_URI');
const PATH_INFO = key('PATH_INFO');
const QUERY_STRING = key('QUERY_STRING');
/** By `PROTOCOL`. */
const SERVER_PROTOCOL: readonly Uint8Array[] = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0', 'RTSP/1.0', 'ICE/1.0'].map((name) =>
  encodeVars([['SERVER_PROTOCOL', name]]),
);
const HTTPS_ON = encodeVars([['HTTPS', 'on']]);
const REMOTE_ADDR = key('REMOTE_ADDR');
const REMOTE_PORT = key('REMOTE_PORT');
/** What uWSGI says of a client on a unix socket. */
const NO_ADDRESS = '0.0.0.0';
const SERVER_NAME = key('SERVER_NAME');
const HTTP_HOST = key('HTTP_HOST');
const CONTENT_LENGTH = key('CONTENT_LENGTH');
const HTTP_ = ascii('HTTP_');

/**
 * Writes the vars of a request, in the order of uWSGI's router, behind the place of the packet's header. Returns the end
 * of the packet, or the refusal of a request that cannot be put into one, or not into an `out` shorter than MAX_PACKET_BYTES.
 * `bodyLength` is the length of a body that came chunked and has been read whole; −1 otherwise. `isSecure` adds HTTPS=on.
 */
export function writeRequestVars(
  out: Uint8Array,
  head: RequestHead,
  template: VarsTemplate,
  remote: RemoteAddress,
  bodyLength: number,
  isSecure = false,
): number | Failure {
  const { bytes } = head;
  const limit = Math.min(out.length, MAX_PACKET_BYTES);
  // Everything but the fields is at most: method, target twice, and constants. Checked once, then the fields one by one.
  const lineBytes = head.methodEnd - head.methodStart + 2 * (head.targetEnd - head.targetStart) + 256;
  if (PACKET_HEADER_BYTES + lineBytes + template.server.length + template.extra.length > limit) return FAILURES.packetTooLarge;

  let at = writeVar(out, PACKET_HEADER_BYTES, REQUEST_METHOD, bytes, head.methodStart, head.methodEnd);
  if (!head.hasQuery) at = writeVar(out, at, REQUEST_URI, bytes, head.targetStart, head.targetEnd);
  at = writePathVar(out, at, head, template);
  if (at === -1) return FAILURES.badPath;
  if (head.hasQuery) at = writeVar(out, at, REQUEST_URI, bytes, head.targetStart, head.targetEnd);
  at = writeVar(out, at, QUERY_STRING, bytes, head.queryStart, head.queryEnd);
  at = copyAll(out, at, SERVER_PROTOCOL[head.protocol]);
  at = copyAll(out, at, template.server);
  if (isSecure && !template.isSocket) at = copyAll(out, at, HTTPS_ON);
  at = writeText(out, at, REMOTE_ADDR, remote.address === '' ? NO_ADDRESS : remote.address);
  if (!template.isSocket) at = writeText(out, at, REMOTE_PORT, String(remote.port));
  else if (isSecure) at = copyAll(out, at, HTTPS_ON);
  at = writeFieldVars(out, at, head, template, limit - template.extra.length - 64);
  if (at === -1) return FAILURES.packetTooLarge;
  if (bodyLength >= 0) {
    at = copyAll(out, at, CONTENT_LENGTH);
    const value = writeDecimal(out, at + 2, bodyLength);
    writeLength(out, at, value - at - 2);
    at = value;
  }
  return copyAll(out, at, template.extra);
}

function writePathVar(out: Uint8Array, offset: number, head: RequestHead, template: VarsTemplate): number {
  const start = copyAll(out, offset, PATH_INFO) + 2;
  let end: number;
  if (head.isAsterisk) {
    out[start] = 0x2a;
    end = start + 1;
  } else if (template.lenientPath) end = writeLenientPathInfo(out, start, head.bytes, head.pathStart, head.pathEnd);
  else end = writePathInfo(out, start, head.bytes, head.pathStart, head.pathEnd, template.rawTarget);
  if (end !== -1) writeLength(out, start - 2, end - start);
  return end;
}

/** The fields in the order they first came; −1 when they reach over `limit`. */
function writeFieldVars(out: Uint8Array, offset: number, head: RequestHead, template: VarsTemplate, limit: number): number {
  const { bytes, fields } = head;
  let at = offset;
  let seen = 0;
  let hostWritten = false;
  for (let i = 0; i < fields.count; i++) {
    const id = fields.id(i);
    if (!isForwarded(head, i, template)) continue;
    if (id === FIELD.host) {
      if (at + 32 + 2 * (head.hostEnd - head.hostStart) > limit) return -1;
      at = writeHost(out, at, head, template);
      hostWritten = true;
      continue;
    }
    // Only names whose hash shares a bit with an earlier one are compared.
    const bit = 1 << (fields.hash(i) & 31);
    if ((seen & bit) !== 0 && hasEarlier(head, i, template)) continue;
    seen |= bit;
    // Before a byte is written. What is joined below is checked there.
    if (at + varBytes(fields, i) > limit) return -1;
    const keyAt = at;
    at += 2;
    if (id !== FIELD.contentLength && id !== FIELD.contentType) at = copyAll(out, at, HTTP_);
    for (let k = fields.nameStart(i); k < fields.nameEnd(i); k++) out[at++] = upperName(bytes[k]);
    writeLength(out, keyAt, at - keyAt - 2);
    const valueAt = at;
    at = copyBytes(out, at + 2, bytes, fields.valueStart(i), fields.valueEnd(i));
    for (let k = i + 1; k < fields.count; k++) {
      if (fields.hash(k) !== fields.hash(i) || !isSameVar(head, i, k) || !isForwarded(head, k, template)) continue;
      if (at + 2 + fields.valueEnd(k) - fields.valueStart(k) > limit) return -1;
      out[at++] = id === FIELD.cookie ? 0x3b : 0x2c;
      out[at++] = 0x20;
      at = copyBytes(out, at, bytes, fields.valueStart(k), fields.valueEnd(k));
    }
    writeLength(out, valueAt, at - valueAt - 2);
  }
  // HTTP/1.0 with an absolute target and no Host: apps still learn the authority that was asked for.
  if (head.isAbsolute && !hostWritten) {
    if (at + 600 > limit) return -1;
    at = writeHost(out, at, head, template);
  }
  return head.added === null ? at : writeAddedVars(out, at, head.added, limit);
}

/** What was added on the way: there is no other of the same name, and none that says how long or what the content is. */
function writeAddedVars(out: Uint8Array, offset: number, { bytes, fields }: AddedFields, limit: number): number {
  let at = offset;
  for (let i = 0; i < fields.count; i++) {
    if (at + varBytes(fields, i) > limit) return -1;
    const nameAt = copyAll(out, at + 2, HTTP_);
    const nameEnd = nameAt + fields.nameEnd(i) - fields.nameStart(i);
    for (let k = nameAt; k < nameEnd; k++) out[k] = upperName(bytes[fields.nameStart(i) + k - nameAt]);
    writeLength(out, at, nameEnd - at - 2);
    at = writeLength(out, nameEnd, fields.valueEnd(i) - fields.valueStart(i));
    at = copyBytes(out, at, bytes, fields.valueStart(i), fields.valueEnd(i));
  }
  return at;
}

/** The most that a field takes as a var: two length bytes each for key and value, and the prefix. */
function varBytes(fields: Fields, i: number): number {
  return 9 + (fields.nameEnd(i) - fields.nameStart(i)) + (fields.valueEnd(i) - fields.valueStart(i));
}

function writeHost(out: Uint8Array, offset: number, head: RequestHead, template: VarsTemplate): number {
  const at = template.serverNameAsHttpHost ? writeVar(out, offset, SERVER_NAME, head.bytes, head.hostStart, head.hostEnd) : offset;
  return writeVar(out, at, HTTP_HOST, head.bytes, head.hostStart, head.hostEnd);
}

function isForwarded(head: RequestHead, i: number, template: VarsTemplate): boolean {
  const { fields } = head;
  const id = fields.id(i);
  if (fields.isDropped(i)) {
    if (id === FIELD.transferEncoding) return template.chunkedInput || head.isRaw;
    return head.wantsUpgrade && (id === FIELD.upgrade || id === FIELD.connection);
  }
  return !fields.hasUnderscore(i) || (template.allowUnderscores && !isDisguised(head, i));
}

/** With underscores allowed, `Content_Length` must still not become CONTENT_LENGTH. */
function isDisguised(head: RequestHead, i: number): boolean {
  const { fields } = head;
  const name = head.bytes.slice(fields.nameStart(i), fields.nameEnd(i)).map((byte) => (byte === 0x5f ? 0x2d : byte));
  const id = fieldId(name, 0, name.length);
  return id !== FIELD.other && isSteering(id);
}

function hasEarlier(head: RequestHead, i: number, template: VarsTemplate): boolean {
  const { fields } = head;
  for (let k = 0; k < i; k++) {
    if (fields.hash(k) === fields.hash(i) && isSameVar(head, k, i) && isForwarded(head, k, template)) return true;
  }
  return false;
}

/** True when two fields become the same var: `_` and `-` are the same there. */
function isSameVar(head: RequestHead, a: number, b: number): boolean {
  const { bytes, fields } = head;
  const length = fields.nameEnd(a) - fields.nameStart(a);
  if (fields.nameEnd(b) - fields.nameStart(b) !== length) return false;
  for (let k = 0; k < length; k++) if (upperName(bytes[fields.nameStart(a) + k]) !== upperName(bytes[fields.nameStart(b) + k])) return false;
  return true;
}

/** `-` becomes `_`, lower case upper. */
function upperName(byte: number): number {
  if (byte === 0x2d) return 0x5f;
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}

function writeVar(out: Uint8Array, offset: number, keyBytes: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  const at = writeLength(out, copyAll(out, offset, keyBytes), end - start);
  return copyBytes(out, at, bytes, start, end);
}

function writeText(out: Uint8Array, offset: number, keyBytes: Uint8Array, text: string): number {
  return writeAscii(out, writeLength(out, copyAll(out, offset, keyBytes), text.length), text);
}

function writeLength(out: Uint8Array, offset: number, length: number): number {
  out[offset] = length & 0xff;
  out[offset + 1] = length >> 8;
  return offset + 2;
}

function copyAll(out: Uint8Array, offset: number, bytes: Uint8Array): number {
  return copyBytes(out, offset, bytes, 0, bytes.length);
}

/** A key with its length before it. */
function key(name: string): Uint8Array {
  const out = new Uint8Array(2 + name.length);
  writeAscii(out, writeLength(out, 0, name.length), name);
  return out;
}
