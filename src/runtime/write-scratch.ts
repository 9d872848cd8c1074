/** A response head and a small body fit; who waits with less does not pin more. */
const SMALL = 4096;
const LARGE = 65536;

/**
 * Copies of what is written, for runtimes that read a buffer after `write` has returned.
 * A copy that the kernel took at once is overwritten by the next one, so that writing costs no allocation.
 */
export class WriteScratch {
  #small = Buffer.allocUnsafeSlow(SMALL);
  #large = Buffer.allocUnsafeSlow(LARGE);

  /** A copy of `bytes[start, end)`. The next `copy` overwrites it, unless `keep` is called before. */
  copy(bytes: Uint8Array, start: number, end: number): Buffer {
    const length = end - start;
    const scratch = length <= SMALL ? this.#small : length <= LARGE ? this.#large : Buffer.allocUnsafeSlow(length);
    scratch.set(length === bytes.length ? bytes : bytes.subarray(start, end));
    return length === scratch.length ? scratch : scratch.subarray(0, length);
  }

  /** Leaves the last copy to whoever still reads it. */
  keep(copy: Buffer): void {
    if (copy.buffer === this.#small.buffer) this.#small = Buffer.allocUnsafeSlow(SMALL);
    else if (copy.buffer === this.#large.buffer) this.#large = Buffer.allocUnsafeSlow(LARGE);
  }
}
