import { copyBytes } from './bytes.ts';

const NONE = new Uint8Array(0);

/**
 * Pieces gathered behind each other in one buffer. It doubles, so that each byte is copied a bounded number of times whatever pieces
 * they come in, and nothing is kept for each piece.
 */
export class GrowingBytes {
  /** Bytes gathered so far. */
  length = 0;
  #buffer: Uint8Array<ArrayBuffer> = NONE;

  /** Copies `bytes[start, end)` behind what is there. */
  append(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const wanted = this.length + end - start;
    if (wanted > this.#buffer.length) {
      // The first piece is most often the only one.
      const longer = new Uint8Array(this.length === 0 ? wanted : Math.max(wanted, 2 * this.#buffer.length));
      longer.set(this.length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.length));
      this.#buffer = longer;
    }
    this.length = copyBytes(this.#buffer, this.length, bytes, start, end);
  }

  /** A view of all of it, which later pieces do not change. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.length);
  }

  /** All of it, in a buffer that holds nothing else. */
  get whole(): Uint8Array<ArrayBuffer> {
    if (this.length < this.#buffer.length) this.#buffer = this.#buffer.slice(0, this.length);
    return this.#buffer;
  }

  /** Begins anew; what was given out stays as it is. */
  clear(): void {
    this.#buffer = NONE;
    this.length = 0;
  }
}
