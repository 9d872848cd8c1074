import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import type { Processes } from '../runtime/seam/processes.ts';
import { codeOf, SetupError } from './setup-error.ts';

const HINT = 'give a path in a directory that ugate may write to, such as /run/ugate/ugate.fifo';

/** One FIFO in the file system, made anew (mode 600) and open for reading. Knows which file it made, in case another takes its place. */
export class FifoFile {
  readonly path: string;
  readonly #fd: number;
  readonly #made: { readonly ino: bigint; readonly dev: bigint };

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    this.#made = fstatSync(fd, { bigint: true });
  }

  /**
   * Makes the FIFO and opens it. One that was left there is replaced, as uWSGI does; one that somebody reads and any other file are left alone.
   * @param isHeir who reads it makes room for us
   * @throws {SetupError}
   */
  static async make(processes: Pick<Processes, 'spawn'>, path: string, isHeir: boolean): Promise<FifoFile> {
    if (!isHeir && isRead(path))
      throw new SetupError(
        `the FIFO ${path} is read by another process: is it that of an ugate that runs?`,
        'give this one a FIFO of its own, or end the other',
      );
    const fault = removeOld(path) ?? (await makeFifo(processes, path));
    if (fault !== null) throw new SetupError(`the FIFO ${path} cannot be made: ${fault}`, HINT);
    let fd: number;
    try {
      // For writing too: with a writer of our own there is never an end of file. Not blocking: a read that waits would hold up the
      // whole process, and on Node its exit.
      fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    } catch (error) {
      throw new SetupError(`the FIFO ${path} cannot be opened: ${codeOf(error)}`, HINT);
    }
    if (fstatSync(fd).isFIFO()) return new FifoFile(path, fd);
    closeSync(fd);
    throw new SetupError(`${path} was replaced by another file while it was made`, HINT);
  }

  /**
   * What was written since, at most `buffer` full: the count of bytes, 0 when there is nothing.
   * Throws what reading throws.
   */
  read(buffer: Uint8Array): number {
    try {
      return readSync(this.#fd, buffer, 0, buffer.length, null);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EAGAIN' || code === 'EINTR') return 0;
      throw error;
    }
  }

  /** Closes it, and removes the file unless another ugate has put its own there. Called once. */
  close(): void {
    try {
      const now = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
      if (now !== undefined && now.ino === this.#made.ino && now.dev === this.#made.dev) unlinkSync(this.path);
    } catch {
      // The directory is gone or no longer ours: nothing that ending could mend.
    }
    // After the comparison: an open file keeps its inode number from being given to a new one.
    closeSync(this.#fd);
  }
}

/** True when a FIFO is there and somebody has it open for reading. */
function isRead(path: string): boolean {
  try {
    if (lstatSync(path).isFIFO() === false) return false;
    // Fails with ENXIO while nobody reads.
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with the path, or null when nothing is there any more. */
function removeOld(path: string): string | null {
  try {
    const old = lstatSync(path, { throwIfNoEntry: false });
    if (old === undefined) return null;
    if (!old.isFIFO()) return 'something else is there, and it is left alone';
    unlinkSync(path);
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

/** JavaScript has no call for it, the system has a command (POSIX). Gives what went wrong, or null. */
function makeFifo(processes: Pick<Processes, 'spawn'>, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    let said = '';
    processes.spawn(['mkfifo', '-m', '600', '--', path], {
      stdio: 'pipe',
      output: (_child, bytes) => {
        said += new TextDecoder().decode(bytes);
      },
      exit: (_child, code) => {
        if (code === 0) resolve(null);
        else if (code === 127) resolve('the command mkfifo is missing; it comes with coreutils or busybox');
        else resolve(said.trim().split('\n')[0] || `mkfifo ended with ${code}`);
      },
    });
  });
}
