import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import type { TcpAddress, UnixAddress } from '../net/address.ts';
import { connectFailure, errorCode } from './connect-failure.ts';
import type { ConnectFailure } from './seam.ts';

/** How long a reading of /proc/net/unix serves, in ms: it costs about 1 µs per unix socket of the machine, just when we are busy. */
const SNAPSHOT_AGE = 100;

/**
 * Bun 1.4 says ECONNREFUSED for nearly every failed connect(2), also for EAGAIN, EMFILE and EACCES.
 * This finds out what it was by looking at what can be looked at.
 */
export class Refusals {
  #listening = '';
  #readAt = Number.NEGATIVE_INFINITY;

  /** The failure behind Bun's `code` for a connect to `to`. */
  explain(to: TcpAddress | UnixAddress, code: string): ConnectFailure {
    if (code !== 'ECONNREFUSED') return connectFailure(code);
    const descriptors = descriptorShortage();
    if (descriptors !== null) return connectFailure(descriptors);
    if (to.kind === 'tcp') return connectFailure(code);
    if (!to.abstract) {
      try {
        accessSync(to.path, constants.W_OK);
      } catch (error) {
        return connectFailure(errorCode(error, code));
      }
    }
    return this.#isListening(to) ? connectFailure('EAGAIN') : connectFailure(code);
  }

  /** Whether somebody listens on the path: then its backlog was full, else the file is stale. False where there is no /proc. */
  #isListening(to: UnixAddress): boolean {
    const now = performance.now();
    if (now - this.#readAt > SNAPSHOT_AGE) {
      this.#readAt = now;
      this.#listening = listeningUnixSockets();
    }
    // A listener may have bound the same file by another path (relative, through a link), so the last part decides.
    const name = to.abstract ? `@${to.path}` : to.path.slice(to.path.lastIndexOf('/') + 1);
    return this.#listening.includes(` ${name}\n`) || (!to.abstract && this.#listening.includes(`/${name}\n`));
  }
}

/** EMFILE or ENFILE when no descriptor is left, else null. */
function descriptorShortage(): string | null {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return null;
  } catch (error) {
    const code = errorCode(error, '');
    return code === 'EMFILE' || code === 'ENFILE' ? code : null;
  }
}

/** The lines of listening stream sockets (flag __SO_ACCEPTCON, type 1) in /proc/net/unix, each with a closing newline. */
function listeningUnixSockets(): string {
  try {
    const lines = readFileSync('/proc/net/unix', 'latin1').split('\n');
    return lines
      .filter((line) => line.includes(' 00010000 0001 '))
      .map((line) => `${line}\n`)
      .join('');
  } catch {
    return '';
  }
}
