import type { GzipEngine, GzipOutput, GzipStream } from './gzip.ts';
import { NativeDeflater } from './native-deflater.ts';

const EMPTY = new Uint8Array(0);
const OUT_BYTES = 64 * 1024;
/** Making a state costs 10 to 25 µs, using one again 2 µs; one that has seen a page weighs 250 KiB. */
const MAX_IDLE = 8;

/** Gzip by the runtime's own zlib, with one output buffer for all streams and a few states kept for the next answers. */
export class NativeGzipEngine implements GzipEngine {
  readonly name = 'native';
  readonly notice = null;
  readonly #level: number;
  readonly #maxStreams: number;
  readonly #idle: NativeDeflater[] = [];
  readonly #out = new Uint8Array(OUT_BYTES);
  #openStreams = 0;

  constructor(level: number, maxStreams: number) {
    this.#level = level;
    this.#maxStreams = maxStreams;
  }

  get openStreams(): number {
    return this.#openStreams;
  }

  open(owner: GzipOutput): GzipStream | null {
    if (this.#openStreams >= this.#maxStreams) return null;
    let deflater = this.#idle.pop();
    if (deflater === undefined) {
      try {
        deflater = new NativeDeflater(this.#level);
      } catch {
        return null;
      }
    }
    this.#openStreams++;
    return new NativeGzipStream(this, deflater, owner, this.#out);
  }

  /** Takes a stream's state back. */
  release(deflater: NativeDeflater): void {
    this.#openStreams--;
    if (deflater.hasFailed || this.#idle.length >= MAX_IDLE) return deflater.close();
    deflater.reset();
    this.#idle.push(deflater);
  }

  close(): void {
    for (const deflater of this.#idle.splice(0)) deflater.close();
  }
}

class NativeGzipStream implements GzipStream {
  readonly #engine: NativeGzipEngine;
  readonly #owner: GzipOutput;
  readonly #out: Uint8Array;
  /** Null once finished or discarded: the state may be another stream's by then. */
  #deflater: NativeDeflater | null;

  constructor(engine: NativeGzipEngine, deflater: NativeDeflater, owner: GzipOutput, out: Uint8Array) {
    this.#engine = engine;
    this.#deflater = deflater;
    this.#owner = owner;
    this.#out = out;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return start === end ? this.#deflater !== null : this.#run(bytes, start, end, false);
  }

  finish(): boolean {
    const isWhole = this.#run(EMPTY, 0, 0, true);
    this.discard();
    return isWhole;
  }

  discard(): void {
    const deflater = this.#deflater;
    if (deflater === null) return;
    this.#deflater = null;
    this.#engine.release(deflater);
  }

  #run(bytes: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    const deflater = this.#deflater;
    if (deflater === null) return false;
    deflater.feed(bytes, start, end, isLast);
    // The owner may discard this stream in `output`.
    do {
      const length = deflater.pull(this.#out);
      if (length > 0) this.#owner.output(this.#out, 0, length);
    } while (this.#deflater === deflater && !deflater.isDrained);
    return !deflater.hasFailed;
  }
}
