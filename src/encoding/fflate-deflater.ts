import { Gzip } from 'fflate';

/**
 * Longest run pushed at once: with it fflate never grows its 96 KiB buffer, and finds more than this behind it once the buffer has gone round.
 */
export const MAX_PUSH = 32 * 1024;
/** `mem` 3: 2^15 hash heads. fflate's own choice for streams is 2^20, 2 MiB of them for each answer, and no smaller. */
const MEM = 3;

/** What fflate 0.8.3 keeps between two pushes; package.json names the exact version for it. */
interface FflateState {
  /** Next byte of the buffer to be hashed. */
  i: number;
  /** Bytes of the buffer that are compressed. */
  w: number;
  /** Bytes in the buffer. */
  z: number;
  /** Bits that fill no byte yet: their number, and from bit 3 on the bits. */
  r: number | undefined;
  h: Uint16Array | undefined;
  p: Uint16Array | undefined;
}

/**
 * fflate's streaming Gzip, kept from three faults of version 0.8.3 that make its output undecodable:
 * - `flush(true)` writes its marker at the wrong place (its issue 267): the marker is written here;
 * - a fresh stream takes 32 KiB of zeros for data before its first byte, and may refer to them (its issue 260): it starts at 0 here;
 * - begun at 0, a block that is stored would begin at the buffer's start, not at the block's: see `#fitsWindow`.
 */
export class FflateDeflater {
  readonly #gzip: Gzip;
  readonly #state: FflateState;

  /** @param ondata gets bytes that are its own */
  constructor(level: number, ondata: (chunk: Uint8Array) => void) {
    this.#gzip = new Gzip({ level: level as 6, mem: MEM, mtime: 0 }, ondata);
    this.#state = (this.#gzip as unknown as { s: FflateState }).s;
    this.#restart();
  }

  /** Takes 1 to MAX_PUSH bytes. */
  push(bytes: Uint8Array): void {
    if (!this.#fitsWindow(bytes.length)) this.#restart();
    this.#gzip.push(bytes);
  }

  /** Everything pushed so far comes out, up to a byte's border (Z_SYNC_FLUSH). Only behind a push. */
  flush(ondata: (chunk: Uint8Array) => void): void {
    const state = this.#state;
    if (state.w !== state.z) this.#gzip.flush();
    ondata(marker(state.r ?? 0));
    state.r = 0;
  }

  /** The last block and the trailer. Only behind a push. */
  finish(): void {
    this.#gzip.push(new Uint8Array(0), true);
  }

  /**
   * fflate weighs storing a block against coding it by all bytes of the buffer up to the block's end, and would store all of them. With at
   * least an eighth as many old bytes as new ones storing always looks dearer than the fixed code with its 9 bits a byte.
   */
  #fitsWindow(length: number): boolean {
    return this.#state.z === 0 || this.#state.z * 8 >= length;
  }

  /** Forgets the window; the bits of the last block go on. */
  #restart(): void {
    const state = this.#state;
    state.i = 0;
    state.w = 0;
    state.z = 0;
    state.h = undefined;
    state.p = undefined;
  }
}

/** An empty stored block, not the last one (RFC 1951 3.2.4), behind the bits of an open byte. */
function marker(rest: number): Uint8Array {
  // Three bits of header, then up to the next byte.
  const lengthAt = ((rest & 7) + 3 + 7) >> 3;
  const bytes = new Uint8Array(lengthAt + 4);
  bytes[0] = rest >> 3;
  bytes[lengthAt + 2] = 0xff;
  bytes[lengthAt + 3] = 0xff;
  return bytes;
}
