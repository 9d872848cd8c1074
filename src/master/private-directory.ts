import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PermissionError, type Runtime } from '../runtime/seam.ts';
import { isAlive } from './is-alive.ts';
import { codeOf, SetupError } from './setup-error.ts';

/** `ugate-<pid>-<six random characters>`. */
const NAME = /^ugate-(\d{1,10})-\w{6}$/;
/** Names in the directory may be so long, which is checked when it is made. */
const NAME_BYTES = 32;
/** What a unix socket's path may have on Linux, its closing NUL aside (unix(7)). */
const PATH_BYTES = 107;
/** Says on which machine a directory's process id counts: containers may share a directory and not their processes. */
const HOST_FILE = 'host';

const HINT = 'set TMPDIR to a directory with a short path that ugate may write to';

/** A directory that only this user can enter (mode 700), for the sockets and files that the processes of one ugate share. */
export class PrivateDirectory {
  /** `<tmp>/ugate-<pid>-<random>`. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /**
   * Makes the directory, and removes those that dead processes of this user have left.
   * @throws {PermissionError} when this runtime withholds the temporary directory
   * @throws {SetupError} when it cannot be made, or its path leaves no room for sockets
   */
  static make(runtime: Pick<Runtime, 'tempDirectory' | 'hostname'>): PrivateDirectory {
    const parent = runtime.tempDirectory();
    if (parent === null) throw new PermissionError('the right to read and write the temporary directory is missing: add --allow-read --allow-write');
    const prefix = join(parent, `ugate-${process.pid}-`);
    if (byteLength(prefix) + 6 + 1 + NAME_BYTES > PATH_BYTES)
      throw new SetupError(`the temporary directory ${parent} has too long a path: a unix socket's may have ${PATH_BYTES} bytes`, HINT);
    const host = runtime.hostname();
    let root: string;
    try {
      root = mkdtempSync(prefix);
      if (host !== null) writeFileSync(join(root, HOST_FILE), host, { mode: 0o600 });
    } catch (error) {
      throw new SetupError(`no private directory can be made in ${parent}: ${codeOf(error)}`, HINT);
    }
    if (host !== null) sweep(parent, lstatSync(root).uid, host);
    return new PrivateDirectory(root);
  }

  /** The path of a file or socket in it. @throws {SetupError} when it is longer than a unix socket's may be */
  path(name: string): string {
    const path = join(this.root, name);
    const length = byteLength(path);
    if (length > PATH_BYTES) throw new SetupError(`${path} has ${length} bytes: a unix socket's path may have ${PATH_BYTES}`, HINT);
    return path;
  }

  /** Removes it with all that is in it. May be called again. */
  remove(): void {
    removeTree(this.root);
  }
}

/** Removes directories of this name in `parent` that belong to `uid`, were made on this machine, and whose process is gone. */
function sweep(parent: string, uid: number, host: string): void {
  let names: string[];
  try {
    names = readdirSync(parent);
  } catch {
    return;
  }
  for (const name of names) {
    const pid = Number(NAME.exec(name)?.[1] ?? 0);
    if (pid === 0) continue;
    const path = join(parent, name);
    if (isOurs(path, uid, host) && !isAlive(pid)) removeTree(path);
  }
}

function isOurs(path: string, uid: number, host: string): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() && stats.uid === uid && readFileSync(join(path, HOST_FILE), 'utf8') === host;
  } catch {
    return false;
  }
}

function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // A directory left behind is swept by the next start.
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
