import { FAILURES, type Failure } from '../failure/failures.ts';
import { AddedFields, type FieldName } from './added-fields.ts';
import { ascii, CR, LF, readDecimal, SP, VALUE } from './bytes.ts';
import { Fields, PARSE, type ParseState } from './fields.ts';
import { checkResponse } from './response-rules.ts';

/** The most a response head may take: the status line (at most 8 KiB) and 64 KiB of fields. */
export const MAX_RESPONSE_HEAD_BYTES = 8 * 1024 + 64 * 1024 + 4;
const MAX_STATUS_LINE = 8 * 1024;

const HTTP_1 = ascii('HTTP/1.');
const EMPTY = new Uint8Array(0);

/**
 * The head of a backend's answer as offsets into `bytes`. Strict, but for two habits of backends: a lone LF is taken for a
 * line's end, and a missing reason phrase is no fault.
 */
export class ResponseHead {
  bytes: Uint8Array = EMPTY;
  /** Offset of the first byte behind the head. */
  end = 0;
  fault: Failure | null = null;
  status = 0;
  /** Where the three digits of the status start; what follows to `statusEnd` is the reason with the space before it. */
  statusStart = 0;
  statusEnd = 0;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1 to 1.9. */
  minor = 1;
  /** −1 when the answer does not say. */
  contentLength = -1;
  isChunked = false;
  wantsClose = false;
  wantsKeepAlive = false;
  wantsUpgrade = false;
  /** The number of the Keep-Alive field; −1 when there is none. */
  keepAliveField = -1;
  hasDate = false;
  hasUpgrade = false;
  /** The app asks the router to compress (`uWSGI-Encoding`). */
  hasUwsgiEncoding = false;
  /** text/event-stream: events, as they happen. */
  isEventStream = false;
  /** The lines can be copied as they stand: all end in CRLF and none is dropped. */
  isClean = false;
  /** Fields of ours that the client gets besides; null when there are none. */
  added: AddedFields | null = null;
  /** It is not any more as the backend sent it. */
  isEdited = false;

  readonly fields = new Fields();
  #inFields = false;
  #scanned = 0;

  reset(): void {
    this.bytes = EMPTY;
    this.fault = null;
    this.added = null;
    this.isEdited = false;
    this.#inFields = false;
    this.#scanned = 0;
  }

  /** Reads on in `bytes[0, length)`, which starts where the head starts and holds all of it that has come so far. */
  parse(bytes: Uint8Array, length: number): ParseState {
    this.bytes = bytes;
    if (!this.#inFields) {
      const state = this.#statusLine(bytes, length);
      if (state !== PARSE.complete) return state;
    }
    const { fields } = this;
    const state = fields.parse(bytes, length, true);
    if (state === PARSE.incomplete) return state;
    if (state === PARSE.refused) {
      const isSize = fields.fault === 'headTooLarge' || fields.fault === 'tooManyFields';
      return this.#refuse(isSize ? FAILURES.answerHeadTooLarge : FAILURES.answerBadField);
    }
    this.end = fields.next;
    const fault = checkResponse(this);
    return fault === null ? PARSE.complete : this.#refuse(fault);
  }

  /** True when no body follows whatever the fields say (RFC 9112 6.3): interim answers, 204, 304, and any answer to HEAD. */
  hasNoBody(isHeadRequest: boolean): boolean {
    return isHeadRequest || this.status < 200 || this.status === 204 || this.status === 304;
  }

  /** Keeps field `i` from the client. */
  drop(i: number): void {
    this.fields.drop(i);
    this.isClean = false;
    this.isEdited = true;
  }

  /** Adds a field of ours to what the client gets. */
  add(name: FieldName, value: string): void {
    this.added ??= new AddedFields();
    this.added.add(name, value);
    this.isEdited = true;
  }

  #statusLine(bytes: Uint8Array, length: number): ParseState {
    const known = Math.min(length, HTTP_1.length);
    for (let i = 0; i < known; i++) if (bytes[i] !== HTTP_1[i]) return this.#refuse(FAILURES.answerBadStatusLine);
    let i = this.#scanned;
    while (i < length && bytes[i] !== LF) i++;
    this.#scanned = i;
    if (i > MAX_STATUS_LINE) return this.#refuse(FAILURES.answerBadStatusLine);
    if (i === length) return PARSE.incomplete;
    const lineEnd = bytes[i - 1] === CR ? i - 1 : i;
    const minor = bytes[7] - 0x30;
    const status = readDecimal(bytes, 9, 12);
    const hasReason = lineEnd > 12;
    if (lineEnd < 12 || minor < 0 || minor > 9 || bytes[8] !== SP || status < 100 || status > 599 || (hasReason && bytes[12] !== SP)) {
      return this.#refuse(FAILURES.answerBadStatusLine);
    }
    for (let k = 12; k < lineEnd; k++) if (VALUE[bytes[k]] === 0) return this.#refuse(FAILURES.answerBadStatusLine);
    this.status = status;
    this.minor = minor === 0 ? 0 : 1;
    this.statusStart = 9;
    this.statusEnd = lineEnd;
    this.fields.reset(i + 1);
    this.#inFields = true;
    return PARSE.complete;
  }

  #refuse(fault: Failure): ParseState {
    this.fault = fault;
    return PARSE.refused;
  }
}
