/** What an answer that is compressed on its way needs: a stream per answer, synchronous, flushed through with every write. */

/** Who gets the compressed bytes. */
export interface GzipOutput {
  /**
   * Compressed bytes, lent for the call: another stream of the engine may use the same memory afterwards. May be called several times,
   * or not at all, in one `write` or `finish`, and may `discard` the stream.
   */
  output(bytes: Uint8Array, start: number, end: number): void;
}

/** One gzip member (RFC 1952) in the making: no name, no time. */
export interface GzipStream {
  /**
   * Compresses `bytes[start, end)` and hands over everything needed to decode them (Z_SYNC_FLUSH). Nothing for an empty run.
   * @returns false when the compressor failed or the stream had ended: the answer is to be cut off. Never throws.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Hands over the end of the member and frees the stream; a stream without a write becomes a valid member of 0 bytes. False as in `write`. */
  finish(): boolean;
  /** Frees the stream where it is. Allowed at any time, also again and after `finish`. A stream that is neither finished nor discarded stays. */
  discard(): void;
}

/** Which compressor does the work. */
export type GzipEngineName = 'fflate' | 'native';

/** Makes the streams of one thread. */
export interface GzipEngine {
  readonly name: GzipEngineName;
  /** What the log is to say once: that another engine than the chosen one is used, and why. Null when all is as asked. */
  readonly notice: string | null;
  /** Streams that are neither finished nor discarded. */
  readonly openStreams: number;
  /** A stream; null when as many are open as may be, or no memory is left for one: the answer goes out as it is. */
  open(owner: GzipOutput): GzipStream | null;
  /** Frees what is kept for later streams; open ones go on. */
  close(): void;
}

/** Streams open at one time. One that has seen a page weighs 250 KiB, native or fflate: 256 MiB for all of them. */
export const MAX_GZIP_STREAMS = 1024;
