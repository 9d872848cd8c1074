import { NativeDeflater } from './native-deflater.ts';

// Not imported: a bundle would load it at the start of every binary.
const { constants, gunzipSync } = process.getBuiltinModule('node:zlib');
const OUT_BYTES = 64;

/**
 * Why native zlib cannot be used here, or null. What NativeDeflater rests on is in no documentation: it is tried before it is believed,
 * with flushes, an output buffer that is too small, and a second member from the same state.
 */
export function nativeGzipFault(level: number): string | null {
  try {
    const deflater = new NativeDeflater(level);
    const text = Uint8Array.from({ length: 500 }, (_, i) => (i * i) & 0x7f);
    for (let member = 0; member < 2; member++) {
      const parts: Uint8Array[] = [];
      for (const end of [200, 500]) {
        pullAll(deflater, text, end === 200 ? 0 : 200, end, false, parts);
        const soFar = gunzipSync(concat(parts), { finishFlush: constants.Z_SYNC_FLUSH });
        if (!isSame(soFar, text, end)) return 'a flushed write does not decode';
      }
      pullAll(deflater, text, 0, 0, true, parts);
      if (!isSame(gunzipSync(concat(parts)), text, text.length)) return 'what it makes does not decode';
      deflater.reset();
    }
    deflater.close();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function pullAll(deflater: NativeDeflater, bytes: Uint8Array, start: number, end: number, isLast: boolean, parts: Uint8Array[]): void {
  const out = new Uint8Array(OUT_BYTES);
  deflater.feed(bytes, start, end, isLast);
  do parts.push(out.slice(0, deflater.pull(out)));
  while (!deflater.isDrained);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function isSame(decoded: Uint8Array, text: Uint8Array, length: number): boolean {
  return decoded.length === length && decoded.every((byte, i) => byte === text[i]);
}
