import { ascii, CR, copyBytes, LF, SP, writeAscii } from './bytes.ts';
import { fieldId } from './field-names.ts';
import { Fields, fieldHash, UNDERSCORE } from './fields.ts';

const COLON = 0x3a;
/** A few fields of ours. */
const USUAL_BYTES = 128;

/** The name of a field of ours, prepared: as it is written, and by what `Fields` knows it. */
export interface FieldName {
  readonly bytes: Uint8Array;
  /** In lower case, with `-` for `_`: what names that make the same CGI name have in common. */
  readonly folded: Uint8Array;
  readonly kind: number;
  readonly hash: number;
}

/** Prepares a name. @param text a token (RFC 9110 5.6.2) */
export function fieldName(text: string): FieldName {
  const bytes = ascii(text);
  const kind = fieldId(bytes, 0, bytes.length) | (text.includes('_') ? UNDERSCORE : 0);
  const folded = ascii(text.toLowerCase().replaceAll('_', '-'));
  return { bytes, folded, kind, hash: fieldHash(bytes, 0, bytes.length) };
}

/**
 * Fields of ours for a head on its way. They lie here as whole lines, which is how HTTP/1 has them; `fields` says where each name
 * and value is, for who writes no lines (the vars of uwsgi, HPACK). What is taken away from a head is marked in its own fields
 * (`Fields.drop`): more edits than these two there are not, and every writer of heads reads both.
 */
export class AddedFields {
  /** The lines are `bytes[0, length)`. */
  bytes = new Uint8Array(USUAL_BYTES);
  length = 0;
  readonly fields = new Fields();
  #valueStart = 0;

  /** Takes all of them away. */
  clear(): void {
    this.length = 0;
    this.fields.reset(0);
  }

  /** Adds a field. @param value bytes of a field value, one a character: no line end, no NUL */
  add(name: FieldName, value: string): this {
    const at = this.begin(name, value.length);
    this.end(name, writeAscii(this.bytes, at, value));
    return this;
  }

  /** The first half of `add`, for who writes the value itself: it begins at the offset that is returned, with room for `most` bytes. */
  begin(name: FieldName, most: number): number {
    this.#makeRoom(name.bytes.length + most + 4);
    const at = copyBytes(this.bytes, this.length, name.bytes, 0, name.bytes.length);
    this.bytes[at] = COLON;
    this.bytes[at + 1] = SP;
    this.#valueStart = at + 2;
    return this.#valueStart;
  }

  /** The second half: the value ends here. */
  end(name: FieldName, valueEnd: number): void {
    const start = this.length;
    this.fields.add(start, start + name.bytes.length, this.#valueStart, valueEnd, name.kind, name.hash);
    this.bytes[valueEnd] = CR;
    this.bytes[valueEnd + 1] = LF;
    this.length = valueEnd + 2;
  }

  #makeRoom(bytes: number): void {
    const wanted = this.length + bytes;
    if (wanted <= this.bytes.length) return;
    const longer = new Uint8Array(Math.max(wanted, 2 * this.bytes.length));
    longer.set(this.bytes.subarray(0, this.length));
    this.bytes = longer;
  }
}
