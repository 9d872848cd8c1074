import { CR, LF } from './bytes.ts';

const HEX_DIGITS = '0123456789abcdef';

/** The most that `writeChunkSize` writes: 14 digits hold any length, and CRLF. */
export const MAX_CHUNK_SIZE_LINE = 16;

/** The end of a chunked body that has no trailers. */
export const LAST_CHUNK: Readonly<Uint8Array> = Uint8Array.of(0x30, CR, LF, CR, LF);

/** Writes a chunk's size line at `offset`; returns the offset behind it. `size` is at least 1: a size of 0 would end the body. */
export function writeChunkSize(out: Uint8Array, offset: number, size: number): number {
  let digits = 1;
  for (let rest = size; rest >= 16; rest = Math.floor(rest / 16)) digits++;
  for (let i = offset + digits - 1, rest = size; i >= offset; i--, rest = Math.floor(rest / 16)) out[i] = HEX_DIGITS.charCodeAt(rest % 16);
  out[offset + digits] = CR;
  out[offset + digits + 1] = LF;
  return offset + digits + 2;
}
