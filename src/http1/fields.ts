import { COLON, CR, HTAB, LF, SP, TOKEN, VALUE } from './bytes.ts';
import { type FieldId, fieldId } from './field-names.ts';

export const MAX_FIELDS = 1000;
export const MAX_FIELD_BYTES = 64 * 1024;

/** What a parser can say of the bytes it has seen. */
export const PARSE = { incomplete: 0, complete: 1, refused: 2 } as const;
export type ParseState = (typeof PARSE)[keyof typeof PARSE];

/** What was wrong with a field line; the request and the response side each give it their own refusal. */
export type FieldFault = 'bareLineEnd' | 'obsFold' | 'badFieldName' | 'badFieldValue' | 'headTooLarge' | 'tooManyFields';

const STRIDE = 6;
/** Bits of a field's kind beside the id of its name. */
export const UNDERSCORE = 0x100;
const DROPPED = 0x200;
/**
 * What a byte of a name adds to its hash, another in each process: knowing it, a client could send a thousand names with one hash,
 * which are compared byte by byte. `_` counts as `-`, because they are the same in a CGI name.
 */
const HASHED: Readonly<Int32Array> = /* @__PURE__ */ hashTable();

/**
 * The field lines of a head or of trailers, as offsets into the bytes they were parsed from: no field becomes a string here.
 * One object is used again for message after message; `reset` forgets without freeing.
 */
export class Fields {
  count = 0;
  /** Offset of the next line not yet read; behind the empty line once complete. */
  next = 0;
  /** Where the empty line starts, once complete. */
  end = 0;
  fault: FieldFault | null = null;
  #data = new Int32Array(STRIDE * 24);
  #start = 0;
  #scanned = 0;
  readonly #maxBytes: number;
  readonly #maxCount: number;

  constructor(maxBytes = MAX_FIELD_BYTES, maxCount = MAX_FIELDS) {
    this.#maxBytes = maxBytes;
    this.#maxCount = maxCount;
  }

  reset(start: number): void {
    this.count = 0;
    this.next = start;
    this.end = 0;
    this.fault = null;
    this.#start = start;
    this.#scanned = start;
  }

  nameStart(i: number): number {
    return this.#data[i * STRIDE];
  }
  nameEnd(i: number): number {
    return this.#data[i * STRIDE + 1];
  }
  valueStart(i: number): number {
    return this.#data[i * STRIDE + 2];
  }
  valueEnd(i: number): number {
    return this.#data[i * STRIDE + 3];
  }
  id(i: number): FieldId {
    return (this.#data[i * STRIDE + 4] & 0xff) as FieldId;
  }
  /** The name holds a `_`, which a CGI name cannot tell from `-`. */
  hasUnderscore(i: number): boolean {
    return (this.#data[i * STRIDE + 4] & UNDERSCORE) !== 0;
  }
  /** The field is not to be forwarded: hop-by-hop by its name or because Connection names it. */
  isDropped(i: number): boolean {
    return (this.#data[i * STRIDE + 4] & DROPPED) !== 0;
  }
  drop(i: number): void {
    this.#data[i * STRIDE + 4] |= DROPPED;
  }
  /** A hash of the name in lower case with `_` as `-`: names that make the same CGI name have the same. Differs from process to process. */
  hash(i: number): number {
    return this.#data[i * STRIDE + 5];
  }

  /**
   * Reads field lines of `bytes[0, length)` from where it stopped the last time, to the empty line. Offsets stay valid
   * when the caller has moved the same bytes to a longer buffer.
   * @param bareLf take a lone LF for a line's end, as backends write it (RFC 9112 2.2)
   */
  parse(bytes: Uint8Array, length: number, bareLf: boolean): ParseState {
    while (this.next < length) {
      // A line that came in pieces is looked at once it has its LF: each byte is scanned once, however it drips in.
      if (this.#scanned > this.next && !this.#lineEnds(bytes, length)) return this.#incomplete(length);
      const first = bytes[this.next];
      if (first === CR || first === LF) {
        const state = this.#emptyLine(bytes, length, bareLf);
        if (state !== PARSE.complete) return state;
        return this.next - this.#start > this.#maxBytes + 2 ? this.#refuse('headTooLarge') : PARSE.complete;
      }
      if (first === SP || first === HTAB) return this.#refuse('obsFold');
      const after = this.#fieldLine(bytes, length, bareLf);
      if (after === 0) return this.fault === null ? this.#incomplete(length) : PARSE.refused;
      this.next = after;
      this.#scanned = after;
      if (after - this.#start > this.#maxBytes) return this.#refuse('headTooLarge');
    }
    return this.#incomplete(length);
  }

  /** Reads the line at `next`; returns the offset behind it, or 0 when it is incomplete or refused. */
  #fieldLine(bytes: Uint8Array, length: number, bareLf: boolean): number {
    const nameStart = this.next;
    let i = nameStart;
    let hash = 0;
    let flags = 0;
    for (; i < length; i++) {
      const folded = TOKEN[bytes[i]];
      if (folded === 0) break;
      if (folded === 0x5f) flags = UNDERSCORE;
      hash = (Math.imul(hash, 31) + HASHED[folded]) | 0;
    }
    if (i === length) return 0;
    if (bytes[i] !== COLON || i === nameStart) return this.#fail(bytes[i] === LF && !bareLf ? 'bareLineEnd' : 'badFieldName');
    const nameEnd = i++;
    while (i < length && (bytes[i] === SP || bytes[i] === HTAB)) i++;
    const valueStart = i;
    while (i < length && VALUE[bytes[i]] === 1) i++;
    if (i === length) return 0;
    let valueEnd = i;
    let after = i + 1;
    if (bytes[i] === CR) {
      if (after === length) return 0;
      if (bytes[after] !== LF) return this.#fail('bareLineEnd');
      after++;
    } else if (bytes[i] !== LF) return this.#fail('badFieldValue');
    else if (!bareLf) return this.#fail('bareLineEnd');
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    if (this.count === this.#maxCount) return this.#fail('tooManyFields');
    this.add(nameStart, nameEnd, valueStart, valueEnd, flags | fieldId(bytes, nameStart, nameEnd), hash);
    return after;
  }

  /**
   * Adds a field that did not come as a line of HTTP/1: its name and value lie in the message's bytes already, and are checked. The
   * caller keeps to the limits.
   * @param kind the name's id, with `UNDERSCORE` where the name holds a `_`
   * @param hash the name's `fieldHash`
   */
  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, kind: number, hash: number): void {
    let at = this.count * STRIDE;
    if (at === this.#data.length) {
      const longer = new Int32Array(this.#data.length * 2);
      longer.set(this.#data);
      this.#data = longer;
    }
    const data = this.#data;
    data[at++] = nameStart;
    data[at++] = nameEnd;
    data[at++] = valueStart;
    data[at++] = valueEnd;
    data[at++] = kind;
    data[at] = hash;
    this.count++;
  }

  #emptyLine(bytes: Uint8Array, length: number, bareLf: boolean): ParseState {
    let after = this.next + 1;
    if (bytes[this.next] === CR) {
      if (after === length) return this.#incomplete(length);
      if (bytes[after] !== LF) return this.#refuse('bareLineEnd');
      after++;
    } else if (!bareLf) return this.#refuse('bareLineEnd');
    this.end = this.next;
    this.next = after;
    return PARSE.complete;
  }

  #lineEnds(bytes: Uint8Array, length: number): boolean {
    for (let i = this.#scanned; i < length; i++) if (bytes[i] === LF) return true;
    return false;
  }

  #incomplete(length: number): ParseState {
    if (length - this.#start > this.#maxBytes + 2) return this.#refuse('headTooLarge');
    this.#scanned = length;
    return PARSE.incomplete;
  }

  #fail(fault: FieldFault): 0 {
    this.fault = fault;
    return 0;
  }

  #refuse(fault: FieldFault): ParseState {
    this.fault = fault;
    return PARSE.refused;
  }
}

/** The hash by which a field's name is known (`Fields.hash`): the same for names that make the same CGI name. */
export function fieldHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + HASHED[TOKEN[bytes[i]]]) | 0;
  return hash;
}

function hashTable(): Int32Array {
  const table = new Int32Array(128);
  for (let b = 0; b < table.length; b++) table[b] = Math.floor(Math.random() * 2 ** 32);
  table[0x5f] = table[0x2d];
  return table;
}
