/** Arbitraries: messages that keep every rule, piece by piece, and messages that break some. */

import { fc } from '../support/fast-check.ts';
import { WORDS } from './corpus.ts';

type Text = import('fast-check').Arbitrary<string>;

const letters = (chars: string, minLength: number, maxLength: number): Text => fc.string({ unit: fc.constantFrom(...chars), minLength, maxLength });
const ALPHA = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const TOKEN_CHARS = `!#$%&'*+-.^_\`|~0123456789${ALPHA}`;
const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i));
const obsText = Array.from({ length: 128 }, (_, i) => String.fromCharCode(0x80 + i));

export const token = letters(TOKEN_CHARS, 1, 20);
export const space = letters(' \t', 0, 3);
/** Without the white space at its ends, which is no part of it. */
export const fieldValue = fc
  .array(fc.constantFrom(...visible, ...obsText, ' ', '\t', 'a', 'b', ','), { maxLength: 40 })
  .map((chars) => chars.join('').replace(/^[ \t]+|[ \t]+$/g, ''));

/** Names that mean something to HTTP are given their values on purpose, not by chance. */
const SPECIAL =
  /^(host|connection|content-length|transfer-encoding|expect|upgrade|te|trailer|keep-alive|proxy-connection|cookie|date|proxy|authorization|content-type)$/i;
export const field = fc.record({ name: token.filter((name) => !SPECIAL.test(name)), before: space, value: fieldValue, behind: space });
export type MadeField = { readonly name: string; readonly before: string; readonly value: string; readonly behind: string };
export const fieldLine = ({ name, before, value, behind }: MadeField, end = '\r\n'): string => `${name}:${before}${value}${behind}${end}`;

export const path = fc
  .array(fc.oneof(letters(`${ALPHA}0123456789-._~!$&'()*+,;=:@`, 0, 8), fc.constantFrom('.', '..', '', '%2e%2E', '%41%ff', '%2F')), { maxLength: 6 })
  .map((segments) => `/${segments.join('/')}`);
export const query = fc.option(letters(`${ALPHA}0123456789?/=&%-._~`, 0, 20), { nil: null });
export const host = fc
  .tuple(
    fc.oneof(letters(`${ALPHA}0123456789-.`, 1, 20), fc.constantFrom('[::1]', '[1:2:3:4:5:6:7:8]', '[::ffff:1.2.3.4]', '127.0.0.1', 'a%41')),
    fc.constantFrom('', ':', ':80', ':65535'),
  )
  .map(([name, port]) => name + port);

export interface MadeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string | null;
  readonly host: string;
  readonly minor: number;
  readonly emptyLines: number;
  readonly fields: readonly MadeField[];
  readonly isAbsolute: boolean;
}

export const request = fc.record({
  method: fc.oneof(
    token.filter((name) => name !== 'CONNECT'),
    fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS'),
  ),
  path,
  query,
  host,
  minor: fc.constantFrom(0, 1, 1, 1, 7),
  emptyLines: fc.constantFrom(0, 0, 0, 1, 4),
  fields: fc.array(field, { maxLength: 8 }),
  isAbsolute: fc.boolean(),
});

export function requestText({ method, path, query, host, minor, emptyLines, fields, isAbsolute }: MadeRequest, more = ''): string {
  const target = `${isAbsolute ? `http://${host}` : ''}${path}${query === null ? '' : `?${query}`}`;
  return `${'\r\n'.repeat(emptyLines)}${method} ${target} HTTP/1.${minor}\r\n${fields.map((each) => fieldLine(each)).join('')}Host: ${host}\r\n${more}\r\n`;
}

export const response = fc.record({
  status: fc.integer({ min: 200, max: 599 }),
  reason: fc.option(fieldValue, { nil: null }),
  fields: fc.array(field, { maxLength: 8 }),
  lineEnd: fc.constantFrom('\r\n', '\r\n', '\n'),
});
export type MadeResponse = {
  readonly status: number;
  readonly reason: string | null;
  readonly fields: readonly MadeField[];
  readonly lineEnd: string;
};

export function responseText({ status, reason, fields, lineEnd }: MadeResponse, more = ''): string {
  return `HTTP/1.1 ${status}${reason === null ? '' : ` ${reason}`}${lineEnd}${fields.map((each) => fieldLine(each, lineEnd)).join('')}${more}${lineEnd}`;
}

export const bytes = fc.array(fc.constantFrom('\r', '\n', '0', 'a', '\0', '\xff', ' '), { maxLength: 30 }).map((chars) => chars.join(''));
export const extension = fc
  .array(
    fc.oneof(
      fc.tuple(space, token).map(([ws, name]) => `;${ws}${name}`),
      fc.tuple(space, token, space, space, token).map(([a, name, b, c, value]) => `;${a}${name}${b}=${c}${value}`),
      fc.tuple(token, fieldValue).map(([name, value]) => `;${name}="${value.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`),
    ),
    { maxLength: 3 },
  )
  .map((parts) => parts.join(''));
export const chunks = fc.array(
  fc.record({ data: bytes.filter((data) => data !== ''), extension, zeros: fc.integer({ min: 0, max: 3 }), isUpper: fc.boolean() }),
  { maxLength: 6 },
);
export type MadeChunks = readonly { readonly data: string; readonly extension: string; readonly zeros: number; readonly isUpper: boolean }[];

export function chunkedText(made: MadeChunks, trailers: readonly MadeField[]): string {
  const size = (length: number, zeros: number, isUpper: boolean): string => {
    const hex = '0'.repeat(zeros) + length.toString(16);
    return isUpper ? hex.toUpperCase() : hex;
  };
  const body = made.map(({ data, extension, zeros, isUpper }) => `${size(data.length, zeros, isUpper)}${extension}\r\n${data}\r\n`);
  return `${body.join('')}0\r\n${trailers.map((each) => fieldLine(each)).join('')}\r\n`;
}

/** Pieces of the grammar in any order: mostly broken, never far from a message. */
export const soup = fc
  .array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...WORDS) }, fieldValue), { maxLength: 25 })
  .map((words) => words.join(''));
export const seed = fc.nat();
