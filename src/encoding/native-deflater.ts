import type { Gzip } from 'node:zlib';

// Not imported: a bundle would load it at the start of every binary.
const { constants, createGzip } = process.getBuiltinModule('node:zlib');

const EMPTY = new Uint8Array(0);

/** What Node's `gzipSync` itself calls, and Bun's and Deno's too; not in the documentation, therefore native-probe.ts. */
interface ZlibHandle {
  writeSync(flush: number, input: Uint8Array, inputStart: number, inputLength: number, out: Uint8Array, outStart: number, outLength: number): void;
}

interface ZlibInternals {
  readonly _handle: ZlibHandle;
  /** Documented, but missing in @types/node for Gzip. */
  reset(): void;
  /** After a call: bytes of `out` not used, bytes of input not read. */
  readonly _writeState: Uint32Array;
}

/**
 * A zlib gzip state that is driven synchronously: none of the events, promises and thread hops of a zlib stream, which cost 10 times as
 * much as the compressing of a small write. Used again for member after member.
 */
export class NativeDeflater {
  readonly #gzip: Gzip & ZlibInternals;
  readonly #handle: ZlibHandle;
  readonly #state: Uint32Array;
  #bytes: Uint8Array = EMPTY;
  #next = 0;
  #end = 0;
  #flush: number = constants.Z_SYNC_FLUSH;
  /** All that was given is compressed and has come out of `pull`. */
  isDrained = true;
  hasFailed = false;

  /**
   * The stream's own buffer, which stays unused, is as small as may be.
   * @throws when zlib finds no memory
   */
  constructor(level: number) {
    this.#gzip = createGzip({ level, chunkSize: constants.Z_MIN_CHUNK }) as Gzip & ZlibInternals;
    // A fault is seen in `destroyed`; the event that follows it must find a listener.
    this.#gzip.on('error', ignore);
    this.#handle = this.#gzip._handle;
    this.#state = this.#gzip._writeState;
  }

  /** Input for the next calls of `pull`; `isLast` ends the member. */
  feed(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.#bytes = bytes;
    this.#next = start;
    this.#end = end;
    this.#flush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
    this.isDrained = false;
  }

  /** Fills `out`, returns how many bytes came. To be called until `isDrained`. */
  pull(out: Uint8Array): number {
    const state = this.#state;
    const length = this.#end - this.#next;
    // A call that fails leaves them as they are: then nothing came and nothing was read.
    state[0] = out.length;
    state[1] = length;
    this.#handle.writeSync(this.#flush, this.#bytes, this.#next, length, out, 0, out.length);
    this.hasFailed ||= this.#gzip.destroyed || (length > 0 && state[0] === out.length && state[1] === length);
    this.#next = this.#end - state[1];
    this.isDrained = state[0] !== 0 || this.hasFailed;
    if (this.isDrained) this.#bytes = EMPTY;
    return this.hasFailed ? 0 : out.length - state[0];
  }

  /** Ready for another member, whatever it was doing. */
  reset(): void {
    this.#gzip.reset();
    this.#bytes = EMPTY;
    this.isDrained = true;
  }

  /** Gives zlib's memory back now, not when the collector comes by. */
  close(): void {
    this.#gzip.close();
  }
}

function ignore(): void {}
