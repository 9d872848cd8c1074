import { concat, copyOf } from '../http1/bytes.ts';

/** Bytes of later requests, which wait for their turn. */
export class Stash {
  #bytes: Uint8Array | null = null;
  /** What is read at this moment: part of it may come back. */
  #taken: Uint8Array | null = null;

  get isEmpty(): boolean {
    return this.#bytes === null;
  }

  /**
   * Keeps `bytes` behind what is there. What `take` gave out may come back without the requests at its start: it is kept where it lies,
   * and moved to a smaller buffer only when half of that is gone. So many requests that came at once cost their bytes, not for each
   * of them a copy of all behind it.
   */
  keep(bytes: Uint8Array): void {
    if (this.#bytes !== null) this.#bytes = concat(this.#bytes, bytes);
    else if (bytes.buffer === this.#taken?.buffer && bytes.length * 2 >= bytes.buffer.byteLength) this.#bytes = bytes;
    else this.#bytes = copyOf(bytes);
  }

  /** All of it; null when there is nothing. `keep` knows it again until `read`. */
  take(): Uint8Array | null {
    const bytes = this.#bytes;
    this.#bytes = null;
    this.#taken = bytes;
    return bytes;
  }

  /** What was taken has been read, but for what was kept of it. */
  read(): void {
    this.#taken = null;
  }

  clear(): void {
    this.#bytes = null;
    this.#taken = null;
  }
}
