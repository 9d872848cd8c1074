import { nodeFs } from '../builtin/modules.ts';

/** The most bytes one `data` carries, so that a relay queues no more than this. Bun itself delivers up to 512 KiB. */
export const SLICE = 131072;
/** Bytes of one read of our own: half of what a unix socket holds by default (net.core.wmem_default), the cheapest of the sizes tried. */
const READ_BYTES = 106496;

/** What the connections of one runtime share to read by themselves. */
export class BunReading {
  /** Made when the first stream was paused. */
  #buffer: Uint8Array | null = null;
  #read: typeof import('node:fs').readSync | null = null;

  /**
   * Reads once; what comes is valid until the next read, and shorter than a whole one where nothing is left behind it. Null at the end.
   * @throws with the system's code, EAGAIN when nothing is there
   */
  read(fd: number): Uint8Array | null {
    this.#buffer ??= new Uint8Array(READ_BYTES);
    this.#read ??= nodeFs().readSync;
    const count = this.#read(fd, this.#buffer);
    return count === 0 ? null : this.#buffer.subarray(0, count);
  }
}

/** Whether a read of our own took all there was room for: more is likely to be there. */
export function isWhole(read: Uint8Array | null): boolean {
  return read !== null && read.length === READ_BYTES;
}

/** What is not told yet because of a pause: the rest of a large piece, or what Bun delivered when the peer reset. */
export class HeldBytes {
  readonly #pieces: Uint8Array[] = [];

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** The next slice; null when nothing is held. */
  next(): Uint8Array | null {
    const bytes = this.#pieces[0];
    if (bytes === undefined) return null;
    if (bytes.length > SLICE) {
      this.#pieces[0] = bytes.subarray(SLICE);
      return bytes.subarray(0, SLICE);
    }
    this.#pieces.shift();
    return bytes;
  }

  /** A small rest of a large buffer is copied, so that a long pause does not pin all of it. */
  trim(): void {
    const rest = this.#pieces[0];
    if (rest !== undefined && rest.length < rest.buffer.byteLength * 0.75) this.#pieces[0] = Uint8Array.from(rest);
  }
}
