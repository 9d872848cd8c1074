const USUAL_BYTES = 4096;
const MAX_SPARE = 256;

/** Buffers for packets that wait for their connection to open. One that does not fit gets a buffer of its own, which is not kept. */
export class PacketBuffers {
  readonly #spare: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(USUAL_BYTES);
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === USUAL_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
