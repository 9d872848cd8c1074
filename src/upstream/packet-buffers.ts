const USUAL_BYTES = 4096;
const MAX_SPARE = 256;

/** Buffers for packets that wait for their connection to open. A packet larger than usual gets one of its own. */
export class PacketBuffers {
  readonly #spare: Uint8Array[] = [];

  take(bytes: number): Uint8Array {
    if (bytes > USUAL_BYTES) return new Uint8Array(bytes);
    return this.#spare.pop() ?? new Uint8Array(USUAL_BYTES);
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === USUAL_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
