/** Bytes the kernel has not taken yet, in order. Holds copies of the right size, so that callers may reuse their buffers. */
export class SendQueue {
  /** Bytes waiting. */
  size = 0;
  readonly #chunks: Uint8Array[] = [];

  /** Copies `bytes[start, end)` behind what waits already. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    // Uint8Array.prototype.slice, because Buffer's own slice does not copy.
    this.#chunks.push(Uint8Array.prototype.slice.call(bytes, start, end));
    this.size += end - start;
  }

  /** The oldest bytes; undefined when nothing waits. */
  first(): Uint8Array | undefined {
    return this.#chunks[0];
  }

  /** Forgets the oldest `count` bytes of `first()`. */
  taken(count: number): void {
    const first = this.#chunks[0]!;
    if (count === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    this.size -= count;
  }
}
