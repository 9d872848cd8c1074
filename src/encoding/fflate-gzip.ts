import { FflateDeflater, MAX_PUSH } from './fflate-deflater.ts';
import type { GzipEngine, GzipOutput, GzipStream } from './gzip.ts';

/** A member of 0 bytes: header, an empty block in the fixed code, checksum and length of nothing. */
const EMPTY_MEMBER: Readonly<Uint8Array> = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** Gzip in JavaScript: works wherever JavaScript does, at more CPU than native zlib. */
export class FflateGzipEngine implements GzipEngine {
  readonly name = 'fflate';
  readonly notice: string | null;
  readonly #level: number;
  readonly #maxStreams: number;
  #openStreams = 0;

  constructor(level: number, maxStreams: number, notice: string | null) {
    this.#level = level;
    this.#maxStreams = maxStreams;
    this.notice = notice;
  }

  get openStreams(): number {
    return this.#openStreams;
  }

  open(owner: GzipOutput): GzipStream | null {
    if (this.#openStreams >= this.#maxStreams) return null;
    this.#openStreams++;
    return new FflateGzipStream(this, this.#level, owner);
  }

  release(): void {
    this.#openStreams--;
  }

  close(): void {}
}

class FflateGzipStream implements GzipStream {
  readonly #engine: FflateGzipEngine;
  readonly #level: number;
  /** Null once finished or discarded. */
  #owner: GzipOutput | null;
  #deflater: FflateDeflater | null = null;

  constructor(engine: FflateGzipEngine, level: number, owner: GzipOutput) {
    this.#engine = engine;
    this.#level = level;
    this.#owner = owner;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#owner === null) return false;
    if (start === end) return true;
    this.#deflater ??= new FflateDeflater(this.#level, this.#output);
    const deflater = this.#deflater;
    // The owner may discard this stream in `output`.
    for (let at = start; at < end && this.#owner !== null; at += MAX_PUSH) deflater.push(bytes.subarray(at, Math.min(at + MAX_PUSH, end)));
    if (this.#owner !== null) deflater.flush(this.#output);
    return true;
  }

  finish(): boolean {
    if (this.#owner === null) return false;
    if (this.#deflater === null) this.#output(EMPTY_MEMBER);
    else this.#deflater.finish();
    this.discard();
    return true;
  }

  discard(): void {
    if (this.#owner === null) return;
    this.#owner = null;
    this.#deflater = null;
    this.#engine.release();
  }

  readonly #output = (chunk: Uint8Array): void => {
    if (chunk.length > 0) this.#owner?.output(chunk, 0, chunk.length);
  };
}
