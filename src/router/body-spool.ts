import { nodeFs } from '../builtin/modules.ts';
import { FAILURES, type Failure } from '../failure/failures.ts';

const PIECE_BYTES = 64 * 1024;
const MIN_MEMORY_BYTES = 4 * 1024;
const NONE = new Uint8Array(0);

/** What all spools of a router may hold together (`http-body-buffer-total`), in memory and on disk. */
export class BodyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

export interface SpoolLimits {
  /** Bytes in all. */
  readonly bodyBufferMax: number;
  /** Null when nothing may be written. */
  readonly tempDirectory: string | null;
}

/**
 * A request body put aside until its length is known: in memory to a bound, then in a temporary file that has lost its name
 * as soon as it is open, so that nothing stays behind whatever happens. Written first, then read once from the start.
 */
export class BodySpool {
  /** Bytes written so far. */
  size = 0;
  /** Why it could not be put into a file, or read from it, for the log: the system's code and words. */
  problem: string | undefined = undefined;
  readonly #limits: SpoolLimits;
  readonly #memoryBytes: number;
  readonly #budget: BodyBudget;
  #memory = NONE;
  #inMemory = 0;
  #file = -1;
  #read = 0;
  #buffer: Uint8Array | null = null;

  /** @param memoryBytes so much is kept in memory */
  constructor(limits: SpoolLimits, memoryBytes: number, budget: BodyBudget) {
    this.#limits = limits;
    this.#memoryBytes = memoryBytes;
    this.#budget = budget;
  }

  /** Keeps a copy of the bytes; a refusal when they cannot be kept. */
  write(bytes: Uint8Array): Failure | null {
    if (this.size + bytes.length > this.#limits.bodyBufferMax) return FAILURES.bufferTooLarge;
    if (!this.#budget.take(bytes.length)) return FAILURES.bufferFull;
    this.size += bytes.length;
    if (this.#file === -1 && this.size <= this.#memoryBytes) {
      this.#remember(bytes);
      return null;
    }
    const { tempDirectory } = this.#limits;
    if (tempDirectory === null) return this.#failed('there is no directory that may be written to');
    try {
      if (this.#file === -1) this.#file = openNameless(tempDirectory);
      writeAll(this.#file, bytes, this.size - bytes.length - this.#inMemory);
      return null;
    } catch (error) {
      // Such as `ENOSPC: no space left on device, write`.
      return this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  #failed(problem: string): Failure {
    this.problem = problem;
    return FAILURES.bufferFailed;
  }

  /** The next piece of the body, valid until the next call; null behind the last one, and where the file cannot be read (`problem`). */
  read(): Uint8Array | null {
    try {
      return this.#next();
    } catch (error) {
      this.problem = String(error);
      return null;
    }
  }

  #next(): Uint8Array | null {
    if (this.#read < this.#inMemory) {
      this.#read = this.#inMemory;
      return this.#memory.subarray(0, this.#inMemory);
    }
    if (this.#read === this.size) return null;
    this.#buffer ??= new Uint8Array(PIECE_BYTES);
    const count = nodeFs().readSync(this.#file, this.#buffer, 0, PIECE_BYTES, this.#read - this.#inMemory);
    if (count === 0) throw new Error('a temporary file is shorter than what was written to it');
    this.#read += count;
    return this.#buffer.subarray(0, count);
  }

  /** Gives memory, file and budget back. */
  discard(): void {
    if (this.#file !== -1) nodeFs().closeSync(this.#file);
    this.#file = -1;
    this.#memory = NONE;
    this.#budget.give(this.size);
    this.size = 0;
  }

  /** One buffer that doubles: a body of one-byte chunks takes no more than its bytes. */
  #remember(bytes: Uint8Array): void {
    const wanted = this.#inMemory + bytes.length;
    if (wanted > this.#memory.length) {
      const longer = new Uint8Array(Math.min(Math.max(wanted, this.#memory.length * 2, MIN_MEMORY_BYTES), this.#memoryBytes));
      longer.set(this.#memory.subarray(0, this.#inMemory));
      this.#memory = longer;
    }
    this.#memory.set(bytes, this.#inMemory);
    this.#inMemory = wanted;
  }
}

/** Bodies cannot be put where they shall go; `message` is for people. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
}

/**
 * Tries what a body beyond memory will ask of the directory, so that a wrong one is known at the start and not by an upload.
 * @throws {SpoolError}
 */
export function checkSpoolDirectory(directory: string): void {
  try {
    nodeFs().closeSync(openNameless(directory));
  } catch (error) {
    // What has no code is no answer of the system: the runtime withholds a right.
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error;
    throw new SpoolError(`http-post-buffering-dir: no file can be made in ${directory} (${error.code}); name a directory that ugate may write to`);
  }
}

/** Opened anew and only for us, then unlinked: the name is gone before the first byte is in it. */
function openNameless(directory: string): number {
  const path = `${directory}/ugate-body-${crypto.randomUUID()}`;
  const file = nodeFs().openSync(path, 'wx+', 0o600);
  nodeFs().unlinkSync(path);
  return file;
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += nodeFs().writeSync(file, bytes, done, bytes.length - done, position + done);
}
