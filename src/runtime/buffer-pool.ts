/** How many buffers a pool keeps for later; more are left to the garbage collector. */
const KEPT = 256;

/** Buffers of one size, used again. */
export class BufferPool {
  readonly size: number;
  readonly #free: Uint8Array[] = [];

  constructor(size: number) {
    this.size = size;
  }

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.size);
  }

  give(buffer: Uint8Array): void {
    if (this.#free.length < KEPT) this.#free.push(buffer);
  }
}

/** The two sizes a connection uses: small while little flows, because a pending read or write pins its buffer; large in a stream. */
export class BufferPools {
  readonly small = new BufferPool(2048);
  readonly large = new BufferPool(65536);

  /** A buffer for `length` bytes; longer ones are made for the purpose. */
  takeFor(length: number): Uint8Array {
    return length <= this.small.size ? this.small.take() : length <= this.large.size ? this.large.take() : new Uint8Array(length);
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === this.small.size) this.small.give(buffer);
    else if (buffer.length === this.large.size) this.large.give(buffer);
  }
}
