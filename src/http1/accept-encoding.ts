import { ascii, equalsFolded, skipSpace, tokenEnd } from './bytes.ts';
import { FIELD } from './field-names.ts';
import { type ListCursor, readListMember } from './list.ts';
import type { RequestHead } from './request-head.ts';

const GZIP = ascii('gzip');
const X_GZIP = ascii('x-gzip');
const Q = 0x71;
const SEMICOLON = 0x3b;
const STAR = 0x2a;
const EQUALS = 0x3d;
const DOT = 0x2e;
const ZERO = 0x30;

/** What one member says of gzip. */
const SAYS = { nothing: 0, no: 1, yes: 2, anyNo: 3, anyYes: 4 } as const;
type Says = (typeof SAYS)[keyof typeof SAYS];

/**
 * True when the client takes gzip: named, or meant by `*` without being named, with a weight above 0 (RFC 9110 12.5.3). Named more than
 * once, every time must allow it. A member that is malformed allows nothing; without the field the answer goes out as it is.
 */
export function acceptsGzip(head: RequestHead): boolean {
  const { bytes, fields } = head;
  let named: Says = SAYS.nothing;
  let any: Says = SAYS.nothing;
  for (let i = 0; i < fields.count; i++) {
    if (fields.id(i) !== FIELD.acceptEncoding) continue;
    const cursor: ListCursor = { next: fields.valueStart(i), start: 0, end: 0 };
    while (readListMember(bytes, fields.valueEnd(i), cursor)) {
      const says = readMember(bytes, cursor.start, cursor.end);
      if (says === SAYS.no || (says === SAYS.yes && named === SAYS.nothing)) named = says;
      else if (says === SAYS.anyNo || (says === SAYS.anyYes && any === SAYS.nothing)) any = says;
    }
  }
  return named === SAYS.nothing ? any === SAYS.anyYes : named === SAYS.yes;
}

function readMember(bytes: Uint8Array, name: number, end: number): Says {
  const nameEnd = tokenEnd(bytes, name, end);
  const isAny = nameEnd === name + 1 && bytes[name] === STAR;
  if (!isAny && !equalsFolded(bytes, name, nameEnd, GZIP) && !equalsFolded(bytes, name, nameEnd, X_GZIP)) return SAYS.nothing;
  const isYes = hasWeight(bytes, nameEnd, end);
  if (isAny) return isYes ? SAYS.anyYes : SAYS.anyNo;
  return isYes ? SAYS.yes : SAYS.no;
}

/** True when nothing follows, or `OWS ";" OWS "q=" qvalue` with a value above 0 (RFC 9110 12.4.2). */
function hasWeight(bytes: Uint8Array, start: number, end: number): boolean {
  let i = skipSpace(bytes, start, end);
  if (i === end) return true;
  if (bytes[i] !== SEMICOLON) return false;
  i = skipSpace(bytes, i + 1, end);
  if (end - i < 3 || (bytes[i] | 0x20) !== Q || bytes[i + 1] !== EQUALS) return false;
  const whole = bytes[i + 2] - ZERO;
  if (whole !== 0 && whole !== 1) return false;
  i += 3;
  let thousandths = whole * 1000;
  if (i < end && bytes[i] === DOT) {
    i++;
    for (let place = 100; place >= 1 && i < end; place = Math.trunc(place / 10), i++) {
      const digit = bytes[i] - ZERO;
      if (digit < 0 || digit > 9) break;
      thousandths += digit * place;
    }
  }
  return skipSpace(bytes, i, end) === end && thousandths > 0 && thousandths <= 1000;
}
