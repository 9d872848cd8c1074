import { REASON_PHRASES } from '../http1/reason-phrases.ts';
import { ResponseHead } from '../http1/response-head.ts';
import { bodyKey, type ResponseParts } from './app-response.ts';

/** Bytes of the scratch: a short body has its place behind the room for a head. */
const SCRATCH = 160 * 1024;
const HEAD_ROOM = 80 * 1024;
/** A text of so many characters fits behind the head whatever it holds. */
const SHORT_TEXT = (SCRATCH - HEAD_ROOM) / 3;
/** Up to here a loop is faster than the call. */
const BY_HAND = 64;

const encoder = new TextEncoder();

/**
 * Turns the head of an app's answer into bytes, and those into a `ResponseHead`, by the same parser as for every backend: an app
 * cannot break the framing either. One serves all requests: what it holds is good until the next `write`.
 */
export class AnswerHead {
  readonly head = new ResponseHead();
  /** A body that was given whole is `bytes[bodyStart, bodyEnd)`; both are 0 for none. */
  bytes: Uint8Array = new Uint8Array(0);
  bodyStart = 0;
  bodyEnd = 0;
  readonly #scratch = new Uint8Array(SCRATCH);
  #lines = '';
  /** The text of `head`, when that is good; else empty. */
  #last = '';
  /** What `head` was made of; null when its fields were not known as pairs. */
  #lastPairs: readonly string[] | null = null;
  #lastStatus = 0;
  #lastStatusText = '';
  /** −1 when it was not known. */
  #lastLength = -1;
  /** Of the app's own Content-Length none is kept where we know better. */
  #knowsLength = false;

  /**
   * @param isHead the request's method is HEAD: what length a GET would have is the app's to say
   * @returns true when the body is whole and here
   * @throws {Error} when the answer breaks the rules of HTTP
   */
  write(response: ResponseParts, isHead: boolean): boolean {
    const { status } = response;
    if (status < 200) throw new Error(`the app answered with the status ${status}: protocols are not switched for an app`);
    const body = response[bodyKey];
    const isWhole = body !== undefined && !(response as { bodyUsed?: boolean }).bodyUsed;
    this.bodyStart = 0;
    this.bodyEnd = 0;
    // A 205 has no content (RFC 9110 15.3.6): some runtimes make one all the same.
    if (isWhole && body !== null && status !== 205) this.#encodeBody(body);
    this.#knowsLength = isWhole && !isHead && status !== 204 && status !== 304;
    const length = this.#knowsLength ? this.bodyEnd - this.bodyStart : -1;
    const { pairs, statusText } = response;
    if (pairs && this.#isLast(pairs, status, statusText, length)) return isWhole;
    this.#lines = `HTTP/1.1 ${status} ${statusText || (REASON_PHRASES[status] ?? '')}\r\n`;
    if (pairs) for (let i = 0; i < pairs.length; i += 2) this.#field(pairs[i + 1], pairs[i]);
    else response.headers.forEach(this.#field);
    if (length !== -1) this.#lines += `content-length: ${length}\r\n`;
    this.#lastPairs = null;
    this.#parse();
    this.#lastPairs = pairs ?? null;
    this.#lastStatus = status;
    this.#lastStatusText = statusText;
    this.#lastLength = length;
    return isWhole;
  }

  /** What `head` was made of is the same: no text has to be put together to find that out. */
  #isLast(pairs: readonly string[], status: number, statusText: string, length: number): boolean {
    const last = this.#lastPairs;
    if (last === null || this.head.isEdited || length !== this.#lastLength || status !== this.#lastStatus) return false;
    if (statusText !== this.#lastStatusText || pairs.length !== last.length) return false;
    for (let i = 0; i < last.length; i++) if (pairs[i] !== last[i]) return false;
    return true;
  }

  readonly #field = (value: string, name: string): void => {
    if (this.#knowsLength && name.length === 14 && name.toLowerCase() === 'content-length') return;
    // Some say it of streams. How the body is framed is not theirs to say; any other coding is refused by the parser.
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding' && value.toLowerCase() === 'chunked') return;
    this.#lines += `${name}: ${value}\r\n`;
  };

  #encodeBody(text: string): void {
    const scratch = this.#scratch;
    if (text.length > SHORT_TEXT) {
      this.bytes = encoder.encode(text);
      this.bodyEnd = this.bytes.length;
      return;
    }
    this.bytes = scratch;
    this.bodyStart = HEAD_ROOM;
    if (text.length <= BY_HAND) {
      let at = HEAD_ROOM;
      let seen = 0;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        seen |= code;
        scratch[at++] = code;
      }
      this.bodyEnd = at;
      if (seen < 0x80) return;
    }
    this.bodyEnd = HEAD_ROOM + encoder.encodeInto(text, scratch.subarray(HEAD_ROOM)).written;
  }

  #parse(): void {
    const text = `${this.#lines}\r\n`;
    // Many answers of one app have the same head, to the byte: it is still there, unless it was edited on its way to the client.
    if (text === this.#last && !this.head.isEdited) return;
    this.#last = '';
    const { length } = text;
    const bytes = length <= HEAD_ROOM ? this.#scratch : new Uint8Array(length);
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      seen |= code;
      bytes[i] = code;
    }
    if (seen > 0xff) throw new Error('a field of the answer holds a character that is not one byte');
    const { head } = this;
    head.reset();
    head.parse(bytes, length);
    if (head.fault !== null) throw new Error(head.fault.rule);
    if (head.end !== length) throw new Error('a field of the answer holds a line end');
    this.#last = text;
  }
}
