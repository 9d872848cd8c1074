import { FAILURES, type Failure, REQUEST_FAULTS } from '../failure/failures.ts';
import { AddedFields, type FieldName } from './added-fields.ts';
import { ascii, CR, equalsBytes, LF, SP, TARGET, TOKEN } from './bytes.ts';
import { sameCgiName } from './field-names.ts';
import { type FieldFault, Fields, MAX_FIELD_BYTES, MAX_FIELDS, PARSE, type ParseState } from './fields.ts';
import { checkRequest } from './request-rules.ts';
import { readTarget } from './request-target.ts';

const MAX_METHOD_BYTES = 64;
export const MAX_TARGET_BYTES = 16 * 1024;
/** The most a head may take: request line, fields, the empty lines before and behind. A buffer this long holds any head. */
export const MAX_HEAD_BYTES = 8 + MAX_METHOD_BYTES + 1 + MAX_TARGET_BYTES + 11 + 64 * 1024 + 4;

/** The most that fields of ours which are added to a request may take. */
export const MAX_EDIT_BYTES = 4096;
/** More than the fields that a router adds. */
const SLACK_FIELDS = 8;
const MAX_EMPTY_LINES = 4;
const EMPTY = new Uint8Array(0);
/** The first byte of a TLS connection: the type of its first record (RFC 8446 5.1). No token begins so. */
const TLS_HANDSHAKE = 0x16;
const DIGIT = 0x30;
/** `0` stands for any digit. */
const VERSION = ascii('HTTP/0.0\r\n');
const RTSP = ascii('RTSP/1.0\r\n');
const ICE = ascii('ICE/1.0\r\n');
// Methods are case-sensitive (RFC 9110 9.1): `get` is some other method.
const GET = ascii('GET');
const HEAD = ascii('HEAD');
const OPTIONS = ascii('OPTIONS');
const CONNECT = ascii('CONNECT');
const PRI = ascii('PRI');
/** Icecast's way of sending a stream. */
const SOURCE = ascii('SOURCE');

/**
 * What a request speaks. `http10`, `http11`: HTTP/1.0, and HTTP/1.1 to 1.9. `http2`: HTTP/2 (RFC 9113). `rtsp`: RTSP/1.0 (RFC 2326),
 * which looks like HTTP and is a conversation: bytes both ways until the connection ends. `ice`: ICE/1.0, as older source clients of
 * Icecast call what they speak: HTTP/1.0 in all but the name.
 */
export const PROTOCOL = { http10: 0, http11: 1, http2: 2, rtsp: 3, ice: 4 } as const;
export type Protocol = (typeof PROTOCOL)[keyof typeof PROTOCOL];

/** What a listener can be told to take beside HTTP/1 as it is written down. */
export interface ForeignProtocols {
  /** RTSP/1.0 (`http-manage-rtsp`). */
  readonly manageRtsp: boolean;
  /** ICE/1.0 with the method SOURCE (`http-manage-source`). */
  readonly manageSource: boolean;
  /** Bytes from 0x80 on in a target (`http-raw-target`), which RFC 3986 wants escaped. Default false. */
  readonly rawTarget?: boolean;
}

const HTTP_ONLY: ForeignProtocols = { manageRtsp: false, manageSource: false };

/** What a field fault is called in a request. */
const FIELD_REFUSALS: Readonly<Record<FieldFault, Failure>> = REQUEST_FAULTS;

/**
 * The head of a request as offsets into `bytes`: nothing becomes a string on the way to a uwsgi backend.
 * One object serves request after request. Feed it with `parse`; once complete, everything below is set.
 */
export class RequestHead {
  /** What the offsets point into: set by `parse`, and by who moves the head to a buffer of its own. */
  bytes: Uint8Array = EMPTY;
  /** Offset of the first byte behind the head; of one that was refused: behind what had come by then. */
  end = 0;
  refusal: Failure | null = null;

  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Path without query; for `*` the asterisk itself. */
  pathStart = 0;
  pathEnd = 0;
  /** Behind the first `?`; empty when there is none. */
  queryStart = 0;
  queryEnd = 0;
  hasQuery = false;
  /** The authority asked for: of an absolute-form target, else of Host. Empty when HTTP/1.0 gives none. */
  hostStart = 0;
  hostEnd = 0;
  /** `OPTIONS *`, also as an absolute-form target without path. */
  isAsterisk = false;
  isAbsolute = false;
  /** Some byte of the target is 0x80 or more. */
  hasRawTarget = false;

  protocol: Protocol = PROTOCOL.http11;
  isHead = false;
  isGet = false;
  /** −1 when the request does not say. */
  contentLength = -1;
  /** A body comes, and only its end will tell how long it is. */
  lengthIsUnknown = false;
  /** On the wire it is in chunks (RFC 9112 7.1). */
  isChunked = false;
  wantsClose = false;
  wantsKeepAlive = false;
  /** A well-formed Upgrade that Connection names, on HTTP/1.1, without a body, and not to h2c. */
  wantsUpgrade = false;
  /** Expect: 100-continue on HTTP/1.1. */
  expectsContinue = false;
  /** Expect goes on to the backend, whatever it says. */
  passesExpect = false;
  /** No HTTP behind the head: bytes both ways until the connection ends. Set by who serves the request. */
  isRaw = false;
  /** TE names `trailers`. */
  acceptsTrailers = false;
  /** The field by which our own router tells who asks; −1 without. Whoever else sends it is not believed. */
  clientField = -1;
  /** Fields of ours that go on with those of the client; null when there are none. */
  added: AddedFields | null = null;

  readonly fields: Fields;
  #inFields = false;
  #start = 0;
  #emptyLines = 0;
  #targetSeen = 0;

  /** @param slack bytes, and some fields, that a head may have beyond the limits of a client's */
  constructor(slack = 0) {
    this.fields = slack === 0 ? new Fields() : new Fields(MAX_FIELD_BYTES + slack, MAX_FIELDS + SLACK_FIELDS);
  }

  /** True when the request has body bytes to come. */
  get hasBody(): boolean {
    return this.lengthIsUnknown || this.contentLength > 0;
  }

  /** The client knows no more than HTTP/1.0: no chunks, no interim answers, and a connection that closes unless it asks for more. */
  get isHttp10(): boolean {
    return this.protocol === PROTOCOL.http10 || this.protocol === PROTOCOL.ice;
  }

  /** The request line has been read, and stands here. */
  get hasLine(): boolean {
    return this.#inFields;
  }

  get isHttp2(): boolean {
    return this.protocol === PROTOCOL.http2;
  }

  get isRtsp(): boolean {
    return this.protocol === PROTOCOL.rtsp;
  }

  get isSource(): boolean {
    return equalsBytes(this.bytes, this.methodStart, this.methodEnd, SOURCE);
  }

  /**
   * Puts a field of ours in the place of all that the client sent under this name, or under one that makes the same CGI name. Once for a
   * name, and for none that steers framing, routing or how the content is read (`isSteering`).
   * @throws {RangeError} when the fields of ours take more than MAX_EDIT_BYTES
   */
  replace(name: FieldName, value: string): void {
    const { bytes, fields } = this;
    for (let i = 0; i < fields.count; i++) {
      if (fields.hash(i) === name.hash && sameCgiName(bytes, fields.nameStart(i), fields.nameEnd(i), name.folded)) fields.drop(i);
    }
    this.added ??= new AddedFields();
    this.added.add(name, value);
    if (this.added.length > MAX_EDIT_BYTES) throw new RangeError(`fields added to a request take more than ${MAX_EDIT_BYTES} bytes`);
  }

  reset(): void {
    this.bytes = EMPTY;
    this.added = null;
    this.protocol = PROTOCOL.http11;
    this.isRaw = false;
    this.hasRawTarget = false;
    this.refusal = null;
    this.#inFields = false;
    this.#start = 0;
    this.#emptyLines = 0;
    this.#targetSeen = 0;
  }

  /**
   * Reads on in `bytes[0, length)`, which starts where the message starts and holds all of it that has come so far.
   * `manageExpect` false leaves Expect to the backend.
   */
  parse(bytes: Uint8Array, length: number, manageExpect: boolean, foreign = HTTP_ONLY): ParseState {
    this.bytes = bytes;
    if (!this.#inFields) {
      const state = this.#requestLine(bytes, length, foreign);
      if (state === PARSE.refused) this.end = length;
      if (state !== PARSE.complete) return state;
    }
    const state = this.fields.parse(bytes, length, false);
    if (state === PARSE.refused) {
      this.end = length;
      return this.#refuse(FIELD_REFUSALS[this.fields.fault!]);
    }
    if (state === PARSE.incomplete) return state;
    this.end = this.fields.next;
    const refusal = checkRequest(this, manageExpect);
    return refusal === null ? PARSE.complete : this.#refuse(refusal);
  }

  #requestLine(bytes: Uint8Array, length: number, foreign: ForeignProtocols): ParseState {
    let i = this.#start;
    while (i < length && (bytes[i] === CR || bytes[i] === LF)) {
      if (bytes[i] === LF) return this.#refuse(FAILURES.bareLineEnd);
      if (i + 1 === length) return PARSE.incomplete;
      if (bytes[i + 1] !== LF) return this.#refuse(FAILURES.bareLineEnd);
      i += 2;
      this.#start = i;
      if (++this.#emptyLines > MAX_EMPTY_LINES) return this.#refuse(FAILURES.emptyLines);
    }
    // The method, checked as it comes: a TLS handshake or a shell's binary noise is told apart at its first byte.
    this.methodStart = i;
    const methodLimit = i + MAX_METHOD_BYTES;
    while (i < length && TOKEN[bytes[i]] !== 0) if (++i > methodLimit) return this.#refuse(FAILURES.methodTooLong);
    if (i === length) return PARSE.incomplete;
    if (bytes[i] !== SP || i === this.methodStart)
      return this.#refuse(i === this.methodStart && bytes[i] === TLS_HANDSHAKE ? FAILURES.tls : FAILURES.badMethod);
    this.methodEnd = i++;

    this.targetStart = i;
    const targetLimit = i + MAX_TARGET_BYTES;
    // A target that drips in is not read again from its start each time.
    if (this.#targetSeen > i) i = this.#targetSeen;
    for (;;) {
      while (i < length && TARGET[bytes[i]] === 1) if (++i > targetLimit) return this.#refuse(FAILURES.targetTooLong);
      if (i === length || bytes[i] < 0x80 || foreign.rawTarget !== true) break;
      this.hasRawTarget = true;
      if (++i > targetLimit) return this.#refuse(FAILURES.targetTooLong);
    }
    this.#targetSeen = i;
    if (i === length) return PARSE.incomplete;
    if (i === this.targetStart) return this.#refuse(FAILURES.badTarget);
    if (bytes[i] !== SP) return this.#refuse(bytes[i] === CR ? FAILURES.badVersion : bytes[i] === LF ? FAILURES.bareLineEnd : FAILURES.badTarget);
    this.targetEnd = i++;
    if (i < length && bytes[i] !== VERSION[0]) {
      if (foreign.manageRtsp && bytes[i] === RTSP[0]) return this.#foreignVersion(bytes, i, length, RTSP, PROTOCOL.rtsp);
      if (foreign.manageSource && bytes[i] === ICE[0] && this.isSource) return this.#foreignVersion(bytes, i, length, ICE, PROTOCOL.ice);
    }
    return this.#version(bytes, i, length);
  }

  /** `HTTP/` digit `.` digit CRLF from `start`, each byte refused as soon as it is wrong. */
  #version(bytes: Uint8Array, start: number, length: number): ParseState {
    for (let k = 0; k < VERSION.length; k++) {
      if (start + k === length) return PARSE.incomplete;
      const byte = bytes[start + k];
      if (VERSION[k] === DIGIT ? byte >= 0x30 && byte <= 0x39 : byte === VERSION[k]) continue;
      const isLineEnd = k === VERSION.length - 1 || (k === VERSION.length - 2 && byte === LF);
      return this.#refuse(isLineEnd ? FAILURES.bareLineEnd : FAILURES.badVersion);
    }
    if (bytes[start + 5] !== 0x31) return this.#refuse(this.#isPreface ? FAILURES.http2Preface : FAILURES.versionNotSupported);
    this.protocol = bytes[start + 7] === 0x30 ? PROTOCOL.http10 : PROTOCOL.http11;
    return this.#lineDone(bytes, start + VERSION.length);
  }

  #foreignVersion(bytes: Uint8Array, start: number, length: number, version: Uint8Array, protocol: Protocol): ParseState {
    this.protocol = protocol;
    for (let k = 0; k < version.length; k++) {
      if (start + k === length) return PARSE.incomplete;
      if (bytes[start + k] !== version[k]) return this.#refuse(k < version.length - 2 ? FAILURES.badVersion : FAILURES.bareLineEnd);
    }
    return this.#lineDone(bytes, start + version.length);
  }

  #lineDone(bytes: Uint8Array, fieldsStart: number): ParseState {
    const { methodStart, methodEnd } = this;
    this.isGet = equalsBytes(bytes, methodStart, methodEnd, GET);
    this.isHead = equalsBytes(bytes, methodStart, methodEnd, HEAD);
    if (equalsBytes(bytes, methodStart, methodEnd, CONNECT)) return this.#refuse(FAILURES.connect);
    const refusal = readTarget(this, equalsBytes(bytes, methodStart, methodEnd, OPTIONS));
    if (refusal !== null) return this.#refuse(refusal);
    this.fields.reset(fieldsStart);
    this.#inFields = true;
    return PARSE.complete;
  }

  /** What clients that know without asking that we speak HTTP/2 begin with (RFC 9113 3.4): `PRI * HTTP/2.0`. */
  get #isPreface(): boolean {
    return equalsBytes(this.bytes, this.methodStart, this.methodEnd, PRI);
  }

  #refuse(refusal: Failure): ParseState {
    this.refusal = refusal;
    return PARSE.refused;
  }
}
