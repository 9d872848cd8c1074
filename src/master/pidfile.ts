import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { FileLock, Host } from '../runtime/seam/host.ts';
import { codeOf, SetupError } from './setup-error.ts';

const MODE = 0o644;
/** Process ids are positive 32 bit numbers; 0 and negative ones would mean whole groups. */
const MAX_PID = 0x7fffffff;
/** A pidfile holds one number. What is longer is another file. */
const MAX_BYTES = 64;
/** As the kernel's, for links to links. */
const MAX_LINKS = 40;
const GROUP_OR_OTHERS_WRITE = 0o022;

/**
 * One pidfile of this process. It is locked as long as the process lives, so that others can tell it from one that was left, and its
 * process from another that has got the same number since.
 */
export class Pidfile {
  readonly #host: Pick<Host, 'lockFile' | 'isFileLocked'>;
  readonly #path: string;
  #lock: FileLock | null = null;
  /** Of the file that is locked. */
  #inode: number | null = null;

  constructor(host: Pick<Host, 'lockFile' | 'isFileLocked'>, path: string) {
    this.#host = host;
    this.#path = path;
  }

  /**
   * @param yields the ugate that makes room for this one, or was to take its place; null when there is none
   * @throws {SetupError} while another ugate that lives has this file
   */
  check(yields: number | null): void {
    let pid: number | null;
    try {
      const old = lstatSync(this.#path, { throwIfNoEntry: false });
      if (old === undefined || !statSync(this.#path).isFile() || statSync(this.#path).ino === this.#inode) return;
      if (this.#host.isFileLocked(this.#path) !== true) return;
      pid = readPid(this.#path);
    } catch {
      // A link to nowhere, or nothing we may read: writing tells what is wrong.
      return;
    }
    if (pid !== null && pid === yields) return;
    throw new SetupError(
      `the pidfile ${this.#path} is that of an ugate that runs${pid === null ? '' : ` (${pid})`}`,
      `give this one a pidfile of its own, or end the other: ugate --stop ${this.#path}`,
    );
  }

  /**
   * Writes `pid` and a newline, at once: who reads it meanwhile sees the old number or the new one. A device is written to.
   * @param yields as for `check`
   * @throws {SetupError}
   */
  write(pid: number, yields: number | null): void {
    this.check(yields);
    try {
      const path = this.#target();
      const old = lstatSync(path, { throwIfNoEntry: false });
      if (old === undefined || old.isFile()) this.#replace(path, pid);
      else writeInto(path, pid);
    } catch (error) {
      if (error instanceof SetupError) throw error;
      throw new SetupError(`the pidfile ${this.#path} cannot be written: ${codeOf(error)}`, 'give a path in a directory that ugate may write to');
    }
  }

  /** Removes the file if it still holds `pid`: another ugate may have written its own there. */
  remove(pid: number): void {
    try {
      if (lstatSync(this.#path).isFile() && readPid(this.#path) === pid) unlinkSync(this.#path);
    } catch {
      // Gone already, or not ours any more.
    }
    this.#lock?.release();
    this.#lock = null;
    this.#inode = null;
  }

  #replace(path: string, pid: number): void {
    const fresh = `${path}.${pid}.tmp`;
    rmSync(fresh, { force: true });
    // Exclusively: never through a link.
    const fd = openSync(fresh, 'wx', MODE);
    try {
      writeFileSync(fd, `${pid}\n`);
      chmodSync(fresh, MODE);
      const lock = this.#host.lockFile(fresh);
      renameSync(fresh, path);
      this.#lock?.release();
      this.#lock = lock;
      this.#inode = fstatSync(fd).ino;
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** The path behind symbolic links, each of which must be in a directory where no other user can put one. */
  #target(): string {
    let path = this.#path;
    for (let links = 0; links < MAX_LINKS; links++) {
      if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path;
      if (!isOursAlone(statSync(dirname(path))))
        throw new SetupError(
          `the pidfile ${this.#path} is not written: ${path} is a symbolic link that another user could have made`,
          'remove the link, or give a path in a directory that only you may write to',
        );
      path = resolve(dirname(path), readlinkSync(path));
    }
    return path;
  }
}

/** Only root and this user may write to the directory. */
function isOursAlone({ uid, mode }: Stats): boolean {
  return (uid === 0 || uid === userId()) && (mode & GROUP_OR_OTHERS_WRITE) === 0;
}

/** Null where the runtime does not tell: Deno asks the user for that. */
function userId(): number | null {
  try {
    return process.geteuid?.() ?? null;
  } catch {
    return null;
  }
}

function writeInto(path: string, pid: number): void {
  // Should a link be there by now, or a FIFO that nobody reads, this fails.
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    writeFileSync(fd, `${pid}\n`);
  } finally {
    closeSync(fd);
  }
}

/** The number in the file, or null when it holds something else. Throws what reading throws. */
export function readPid(path: string): number | null {
  const stats = statSync(path);
  // Reading a FIFO would wait for somebody to write.
  if (!stats.isFile() || stats.size > MAX_BYTES) return null;
  const digits = /^\s*(\d{1,10})\s*$/.exec(readFileSync(path, 'latin1'))?.[1];
  const pid = Number(digits ?? 0);
  return pid >= 1 && pid <= MAX_PID ? pid : null;
}
