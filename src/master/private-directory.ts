import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UnixAddress } from '../net/address.ts';
import { type Host, PermissionError } from '../runtime/seam/host.ts';
import { type ConnectionHandlers, ListenError, type Listener, type Sockets } from '../runtime/seam/sockets.ts';
import { probePath } from '../runtime/socket-file.ts';
import { codeOf, SetupError } from './setup-error.ts';

/** `ugate-<pid>-<six random characters>`. */
const NAME = /^ugate-\d{1,10}-\w{6}$/;
/** Names in the directory may be so long, which is checked when it is made. */
const NAME_BYTES = 32;
/** What a unix socket's path may have on Linux, its closing NUL aside (unix(7)). */
const PATH_BYTES = 107;
/**
 * A socket that the owner listens on: the kernel lets go of it with the process, whichever way that ends, and answers whoever shares the
 * directory. Process ids do not: containers may share a directory, and even the name of the machine, and not their processes.
 */
const ALIVE = 'alive';
/** Says on which machine that socket counts, for directories that several share over a network. Written when the socket listens. */
const HOST_FILE = 'host';

const HINT = 'set TMPDIR to a directory with a short path that ugate may write to';

/** A directory that only this user can enter (mode 700), for the sockets and files that the processes of one ugate share. */
export class PrivateDirectory {
  /** `<tmp>/ugate-<pid>-<random>`. */
  readonly root: string;
  readonly #alive: Listener;

  private constructor(root: string, alive: Listener) {
    this.root = root;
    this.#alive = alive;
  }

  /**
   * Makes the directory, holds it while this process lives, and removes those that dead processes of this user have left.
   * @throws {PermissionError} when this runtime withholds the temporary directory
   * @throws {SetupError} when it cannot be made, or its path leaves no room for sockets
   */
  static async make(runtime: Pick<Host, 'tempDirectory' | 'hostname'> & Pick<Sockets, 'listen' | 'connect'>): Promise<PrivateDirectory> {
    const parent = runtime.tempDirectory();
    if (parent === null) throw new PermissionError('the right to read and write the temporary directory is missing: add --allow-read --allow-write');
    const prefix = join(parent, `ugate-${process.pid}-`);
    if (byteLength(prefix) + 6 + 1 + NAME_BYTES > PATH_BYTES)
      throw new SetupError(`the temporary directory ${parent} has too long a path: a unix socket's may have ${PATH_BYTES} bytes`, HINT);
    const host = runtime.hostname();
    let root: string | null = null;
    let alive: Listener | null = null;
    try {
      root = mkdtempSync(prefix);
      alive = await runtime.listen(aliveIn(root), NOBODY);
      if (host !== null) writeFileSync(join(root, HOST_FILE), host, { mode: 0o600 });
    } catch (error) {
      alive?.close();
      if (root !== null) removeTree(root);
      throw new SetupError(`no private directory can be made in ${parent}: ${error instanceof ListenError ? error.message : codeOf(error)}`, HINT);
    }
    if (host !== null) await sweep(runtime, parent, lstatSync(root).uid, host);
    return new PrivateDirectory(root, alive);
  }

  /** False when somebody has removed it: a cleaner of temporary files, or a person. */
  get isThere(): boolean {
    return lstatSync(join(this.root, ALIVE), { throwIfNoEntry: false }) !== undefined;
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
    this.#alive.close();
    removeTree(this.root);
  }
}

/** Whoever wants to know has an answer with the connection. */
const NOBODY: ConnectionHandlers<unknown> = {
  open: (connection) => connection.destroy(),
  data: () => {},
  drain: () => {},
  end: () => {},
  close: () => {},
  connectFailed: () => {},
};

function aliveIn(root: string): UnixAddress {
  return { kind: 'unix', path: join(root, ALIVE), abstract: false };
}

/** Removes directories of this name in `parent` that belong to `uid`, were made on this machine, and whose process is gone. */
async function sweep(runtime: Pick<Sockets, 'connect'>, parent: string, uid: number, host: string): Promise<void> {
  let names: string[];
  try {
    names = readdirSync(parent);
  } catch {
    return;
  }
  for (const name of names) {
    const path = join(parent, name);
    if (!NAME.test(name) || !isOurs(path, uid, host)) continue;
    // Only this says that nobody lives there; any other failure says nothing.
    if ((await probePath(runtime, aliveIn(path)))?.reason === 'refused') removeTree(path);
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
