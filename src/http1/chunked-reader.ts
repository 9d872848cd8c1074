import { FAILURES, type Failure } from '../failure/failures.ts';
import { CR, HEX, HTAB, LF, SP, TOKEN, VALUE } from './bytes.ts';
import { isForbiddenTrailer } from './field-names.ts';
import { Fields, PARSE } from './fields.ts';

const MAX_SIZE_DIGITS = 16;
/** Of all chunks of a message together. */
const MAX_EXTENSION_BYTES = 16 * 1024;
const MAX_TRAILER_BYTES = 8 * 1024;
const MAX_TRAILERS = 100;

const STATE = {
  size: 0,
  sizeLf: 1,
  data: 2,
  dataCr: 3,
  dataLf: 4,
  trailers: 5,
  done: 6,
  refused: 7,
  // Inside a chunk extension (RFC 9112 7.1.1): BWS is taken around `;` and `=`, never beside the size.
  extensionName: 8,
  extensionNameBytes: 9,
  extensionAfterName: 10,
  extensionValue: 11,
  extensionToken: 12,
  extensionQuoted: 13,
  extensionEscape: 14,
  extensionQuotedEnd: 15,
  extensionAfterValue: 16,
} as const;

/**
 * Takes the chunked coding off a body (RFC 9112 7.1), whatever pieces it comes in.
 * Call `read` again and again: each call finds at most one run of data, told in `dataStart` and `dataEnd`.
 */
export class ChunkedReader {
  dataStart = 0;
  dataEnd = 0;
  refusal: Failure | null = null;
  #state: number = STATE.size;
  #digits = 0;
  #remaining = 0;
  #extensionBytes = 0;
  #trailerBytes: Uint8Array | null = null;
  #trailerLength = 0;
  #trailerFields: Fields | null = null;

  /** The message is complete; what follows belongs to the next one. */
  get isDone(): boolean {
    return this.#state === STATE.done;
  }

  /** The trailer lines without the empty line behind them, checked; empty when there were none. Valid once done. */
  get trailers(): Uint8Array {
    return this.#trailerBytes === null ? NONE : this.#trailerBytes.subarray(0, this.#trailerFields!.end);
  }

  /** Reads on from `bytes[start, end)`; returns how far it came. Stops behind a run of data, at the end, or when `refusal` is set. */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.dataStart = 0;
    this.dataEnd = 0;
    let i = start;
    while (i < end) {
      switch (this.#state) {
        case STATE.data: {
          const taken = Math.min(this.#remaining, end - i);
          this.dataStart = i;
          this.dataEnd = i + taken;
          this.#remaining -= taken;
          if (this.#remaining === 0) this.#state = STATE.dataCr;
          return i + taken;
        }
        case STATE.dataCr:
          if (bytes[i++] !== CR) return this.#refuse(i, FAILURES.badChunk);
          this.#state = STATE.dataLf;
          break;
        case STATE.dataLf:
          if (bytes[i++] !== LF) return this.#refuse(i, FAILURES.badChunk);
          this.#state = STATE.size;
          this.#digits = 0;
          break;
        case STATE.size:
          if (!this.#size(bytes[i++])) return this.#refuse(i, FAILURES.badChunk);
          break;
        case STATE.sizeLf:
          if (bytes[i++] !== LF) return this.#refuse(i, FAILURES.badChunk);
          this.#state = this.#remaining === 0 ? STATE.trailers : STATE.data;
          break;
        case STATE.trailers:
          return this.#trailers(bytes, i, end);
        case STATE.done:
        case STATE.refused:
          return i;
        default:
          if (++this.#extensionBytes > MAX_EXTENSION_BYTES) return this.#refuse(i, FAILURES.chunkExtensions);
          if (!this.#extension(bytes[i++])) return this.#refuse(i, FAILURES.badChunk);
      }
    }
    return i;
  }

  /**
   * Reads on from `bytes[start, end)` to the end of the message, of the bytes, or until `refusal` is set; returns how far it came. The
   * runs of data are moved together over the framing between them, and told as one in `dataStart` and `dataEnd`: what they cost whoever
   * gets them depends on their bytes, not on how many there are.
   */
  gather(bytes: Uint8Array, start: number, end: number): number {
    let at = this.read(bytes, start, end);
    let from = this.dataStart;
    let to = this.dataEnd;
    while (at < end && this.#state !== STATE.done && this.#state !== STATE.refused) {
      at = this.read(bytes, at, end);
      const length = this.dataEnd - this.dataStart;
      if (length === 0) continue;
      if (length <= to - from) {
        to = moveBytes(bytes, to, this.dataStart, this.dataEnd);
        continue;
      }
      // The shorter part moves.
      const joined = this.dataStart - (to - from);
      moveBytes(bytes, joined, from, to);
      from = joined;
      to = this.dataEnd;
    }
    this.dataStart = from;
    this.dataEnd = to;
    return at;
  }

  #size(byte: number): boolean {
    const digit = HEX[byte];
    if (digit !== 255) {
      if (this.#digits === 0) this.#remaining = 0;
      this.#remaining = this.#remaining * 16 + digit;
      return ++this.#digits <= MAX_SIZE_DIGITS && this.#remaining <= Number.MAX_SAFE_INTEGER;
    }
    if (this.#digits === 0) return false;
    if (byte === CR) this.#state = STATE.sizeLf;
    else if (byte === 0x3b) this.#state = STATE.extensionName;
    else return false;
    return true;
  }

  #extension(byte: number): boolean {
    const isSpace = byte === SP || byte === HTAB;
    switch (this.#state) {
      case STATE.extensionName:
        if (isSpace) return true;
        this.#state = STATE.extensionNameBytes;
        return TOKEN[byte] !== 0;
      case STATE.extensionNameBytes:
        if (TOKEN[byte] !== 0) return true;
        this.#state = STATE.extensionAfterName;
        return isSpace || this.#extensionMark(byte, true, true);
      case STATE.extensionAfterName:
        return isSpace || this.#extensionMark(byte, true, false);
      case STATE.extensionValue:
        if (isSpace) return true;
        this.#state = byte === 0x22 ? STATE.extensionQuoted : STATE.extensionToken;
        return byte === 0x22 || TOKEN[byte] !== 0;
      case STATE.extensionToken:
        if (TOKEN[byte] !== 0) return true;
        this.#state = STATE.extensionAfterValue;
        return isSpace || this.#extensionMark(byte, false, true);
      case STATE.extensionQuoted:
        if (byte === 0x22) this.#state = STATE.extensionQuotedEnd;
        else if (byte === 0x5c) this.#state = STATE.extensionEscape;
        return VALUE[byte] === 1;
      case STATE.extensionEscape:
        this.#state = STATE.extensionQuoted;
        return VALUE[byte] === 1;
      case STATE.extensionQuotedEnd:
        this.#state = STATE.extensionAfterValue;
        return isSpace || this.#extensionMark(byte, false, true);
      default:
        return isSpace || this.#extensionMark(byte, false, false);
    }
  }

  /** What may stand behind an extension's name or value. White space before the line's end is none of it. */
  #extensionMark(byte: number, valueMayFollow: boolean, lineMayEnd: boolean): boolean {
    if (byte === 0x3b) this.#state = STATE.extensionName;
    else if (byte === CR && lineMayEnd) this.#state = STATE.sizeLf;
    else if (byte === 0x3d && valueMayFollow) this.#state = STATE.extensionValue;
    else return false;
    return true;
  }

  /** The common case, CRLF alone, needs no buffer; trailers are gathered until their empty line has come. */
  #trailers(bytes: Uint8Array, start: number, end: number): number {
    if (this.#trailerBytes === null && end - start >= 2 && bytes[start] === CR && bytes[start + 1] === LF) {
      this.#state = STATE.done;
      return start + 2;
    }
    this.#trailerBytes ??= new Uint8Array(MAX_TRAILER_BYTES + 4);
    this.#trailerFields ??= newTrailerFields();
    const fields = this.#trailerFields;
    const before = this.#trailerLength;
    const taken = Math.min(end - start, this.#trailerBytes.length - before);
    this.#trailerBytes.set(bytes.subarray(start, start + taken), before);
    this.#trailerLength += taken;
    const state = fields.parse(this.#trailerBytes, this.#trailerLength, false);
    if (state === PARSE.refused)
      return this.#refuse(
        start,
        fields.fault === 'headTooLarge' || fields.fault === 'tooManyFields' ? FAILURES.trailersTooLarge : FAILURES.badTrailer,
      );
    if (state === PARSE.incomplete) return taken < end - start ? this.#refuse(start, FAILURES.trailersTooLarge) : start + taken;
    for (let i = 0; i < fields.count; i++) if (isForbiddenTrailer(fields.id(i))) return this.#refuse(start, FAILURES.badTrailer);
    this.#state = STATE.done;
    return start + (fields.next - before);
  }

  #refuse(at: number, refusal: Failure): number {
    this.refusal = refusal;
    this.#state = STATE.refused;
    return at;
  }
}

const NONE = new Uint8Array(0);

/** Moves `bytes[start, end)` to `to`; returns the offset behind it. A few by hand, to the left only: that is where most go, and a call costs more. */
function moveBytes(bytes: Uint8Array, to: number, start: number, end: number): number {
  const length = end - start;
  if (length > 16 || to > start) bytes.copyWithin(to, start, end);
  else for (let i = 0; i < length; i++) bytes[to + i] = bytes[start + i];
  return to + length;
}

function newTrailerFields(): Fields {
  const fields = new Fields(MAX_TRAILER_BYTES, MAX_TRAILERS);
  fields.reset(0);
  return fields;
}
