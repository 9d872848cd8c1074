/** A block for small pieces is as long as what waits already, up to so many bytes: little waits in little memory. */
const BLOCK_BYTES = 16 * 1024;

/**
 * Bytes the kernel has not taken yet, in order, as copies, so that callers may reuse their buffers. Small pieces share a block: what
 * waits costs its bytes and a system call for each block, in however many pieces it was written.
 */
export class SendQueue {
  /** Bytes waiting. */
  size = 0;
  readonly #blocks: Uint8Array[] = [];
  /** The oldest block; those before it are gone. */
  #oldest = 0;
  /** What waits of the oldest block begins here. */
  #start = 0;
  /** What waits of the newest block ends here. */
  #end = 0;

  /** Copies `bytes[start, end)` behind what waits already. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    let block = this.#blocks.at(-1);
    if (block === undefined || block.length - this.#end < length) {
      this.#close();
      block = new Uint8Array(Math.max(length, Math.min(this.size, BLOCK_BYTES)));
      this.#blocks.push(block);
      this.#end = 0;
    }
    block.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#end);
    this.#end += length;
    this.size += length;
  }

  /** The oldest bytes, as a view for now; undefined when nothing waits. */
  first(): Uint8Array | undefined {
    const block = this.#blocks[this.#oldest];
    if (block === undefined) return undefined;
    return block.subarray(this.#start, this.#oldest === this.#blocks.length - 1 ? this.#end : block.length);
  }

  /** Forgets the oldest `count` bytes of `first()`. */
  taken(count: number): void {
    this.size -= count;
    this.#start += count;
    const block = this.#blocks[this.#oldest]!;
    const isNewest = this.#oldest === this.#blocks.length - 1;
    if (this.#start < (isNewest ? this.#end : block.length)) return;
    this.#start = 0;
    this.#oldest++;
    // Now and then, so that forgetting one costs no move of all behind it.
    if (this.#oldest * 2 < this.#blocks.length) return;
    this.#blocks.splice(0, this.#oldest);
    this.#oldest = 0;
  }

  /** The newest block takes no more: of what it has left over nothing is ever sent. */
  #close(): void {
    const last = this.#blocks.length - 1;
    if (last >= 0 && this.#end < this.#blocks[last]!.length) this.#blocks[last] = this.#blocks[last]!.subarray(0, this.#end);
  }
}
