import { ascii, equalsFolded, tokenEnd } from './bytes.ts';
import { FIELD } from './field-names.ts';
import { type ListCursor, readListMember } from './list.ts';
import type { RequestHead } from './request-head.ts';

const H2C = ascii('h2c');

/** Connection names Upgrade. It is passed on where a tunnel can follow it: HTTP/1.1, no body, and never to h2c, which would go around our parser. */
export function settleUpgrade(head: RequestHead, upgrades: number): void {
  const { bytes, fields } = head;
  head.wantsUpgrade = upgrades > 0 && !head.isHttp10 && !head.hasBody;
  // All of them: a backend joins what stands in several fields.
  for (let i = 0; head.wantsUpgrade && i < fields.count; i++) {
    if (fields.id(i) === FIELD.upgrade) head.wantsUpgrade = mayUpgradeTo(bytes, fields.valueStart(i), fields.valueEnd(i));
  }
}

/** True for a list of `token [ "/" token ]` (RFC 9110 7.8) that does not offer h2c, in any version. */
function mayUpgradeTo(bytes: Uint8Array, start: number, end: number): boolean {
  const cursor: ListCursor = { next: start, start, end };
  while (readListMember(bytes, end, cursor)) {
    const nameEnd = tokenEnd(bytes, cursor.start, cursor.end);
    if (nameEnd === cursor.start || equalsFolded(bytes, cursor.start, nameEnd, H2C)) return false;
    if (nameEnd === cursor.end) continue;
    const isVersioned = bytes[nameEnd] === 0x2f && nameEnd + 1 < cursor.end;
    if (!isVersioned || tokenEnd(bytes, nameEnd + 1, cursor.end) !== cursor.end) return false;
  }
  return true;
}
