import type { BigIntStats } from 'node:fs';
import { nodeFs } from '../builtin/modules.ts';
import type { UnixAddress } from '../net/address.ts';
import { type ConnectFailure, type ConnectionHandlers, ListenError, type Sockets } from './seam/sockets.ts';

/**
 * Binds a unix socket's path by `bind`. When the path is taken: a socket file nobody listens on is removed and bound again.
 * @param probe connects to the path once: null when somebody answered
 * @throws {ListenError} `in-use` when somebody listens there, or the file is no socket
 */
export async function bindPath<T>(path: string, bind: () => T | Promise<T>, probe: () => Promise<ConnectFailure | null>): Promise<T> {
  try {
    return await bind();
  } catch (error) {
    const file = fileAt(path);
    if (file === null) throw error;
    if (!file.isSocket()) throw new ListenError('in-use', `${path} exists and is no socket; it is left alone`);
    const failure = await probe();
    if (failure === null || failure.reason === 'busy') throw new ListenError('in-use', `${path} is in use: somebody listens there`);
    if (failure.reason !== 'refused' && failure.reason !== 'missing') throw error;
    // Only the file that was probed: another process may have bound the path meanwhile.
    if (sameFile(fileAt(path), file)) nodeFs().unlinkSync(path);
    return bind();
  }
}

/** Runs `close`, which unlinks the `path` it once bound. The file is there afterwards, and but for a moment all the time. */
export function spareFile(path: string, close: () => void): void {
  const aside = `${path}.${process.pid}.aside`;
  // An ugate of the same number may have died in here; process 1 of a container has it at every start.
  nodeFs().rmSync(aside, { force: true });
  nodeFs().linkSync(path, aside);
  try {
    close();
  } finally {
    nodeFs().renameSync(aside, path);
    // Two names of one file are left as they are by rename(2).
    nodeFs().rmSync(aside, { force: true });
  }
}

/** Connects to `address` once and closes again: null when somebody answered. */
export function probePath(sockets: Pick<Sockets, 'connect'>, address: UnixAddress): Promise<ConnectFailure | null> {
  return new Promise((resolve) => {
    const nothing = (): void => {};
    const handlers: ConnectionHandlers<null> = {
      open: (connection) => connection.destroy(),
      data: nothing,
      drain: nothing,
      end: nothing,
      close: () => resolve(null),
      connectFailed: (_owner, failure) => resolve(failure),
    };
    sockets.connect(address, null, handlers);
  });
}

/** Runs `bind` so that the socket file it makes has `mode` from the start. Without a mode the umask stays as it is. */
export function withMode<T>(mode: number | undefined, bind: () => T): T {
  if (mode === undefined) return bind();
  const umask = process.umask(0o777 & ~mode);
  try {
    return bind();
  } finally {
    process.umask(umask);
  }
}

/** The file a listener made by binding a path; remembers which one, because the path may be somebody else's by the time of `close`. */
export class SocketFile {
  readonly #path: string;
  readonly #made: BigIntStats | null;

  constructor(path: string) {
    this.#path = path;
    this.#made = fileAt(path);
  }

  /** Runs `close`, which may unlink the path by itself; afterwards our file is gone and a file of somebody else is still there. */
  closeWith(close: () => void): void {
    const now = fileAt(this.#path);
    const ours = sameFile(now, this.#made);
    const aside = `${this.#path}.${process.pid}.aside`;
    if (now !== null && !ours) nodeFs().renameSync(this.#path, aside);
    close();
    if (now !== null && !ours) nodeFs().renameSync(aside, this.#path);
    if (ours && sameFile(fileAt(this.#path), this.#made)) nodeFs().unlinkSync(this.#path);
  }

  /** Runs `close`, which may unlink the path; afterwards it is as it was, whoever made what is there. */
  spareWith(close: () => void): void {
    if (sameFile(fileAt(this.#path), this.#made)) spareFile(this.#path, close);
    else this.closeWith(close);
  }
}

function fileAt(path: string): BigIntStats | null {
  return nodeFs().lstatSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

function sameFile(a: BigIntStats | null, b: BigIntStats | null): boolean {
  return a !== null && b !== null && a.ino === b.ino && a.dev === b.dev;
}
