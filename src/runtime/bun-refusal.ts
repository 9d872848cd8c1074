import { nodeFs, nodePath } from '../builtin/modules.ts';
import { isIpLiteral, type TcpAddress, type UnixAddress } from '../net/address.ts';
import { connectFailure, errorCode } from './connect-failure.ts';
import type { ConnectFailure } from './seam/sockets.ts';
import type { BunNamespace } from './types/bun.ts';

/** How long a reading of /proc/net/unix serves, in ms: it costs about 1 µs per unix socket of the machine, just when we are busy. */
const SNAPSHOT_AGE = 100;

/** A refusal comes within a round trip; what takes longer than this many ms was nobody's answer. The kernel repeats a SYN after 1 s. */
const NO_ANSWER = 2500;

/**
 * Bun 1.4 says ECONNREFUSED for nearly every failed connect(2), also for EAGAIN, EMFILE, EACCES, ETIMEDOUT and EHOSTUNREACH.
 * This finds out what it was by looking at what can be looked at.
 */
export class Refusals {
  readonly #bun: BunNamespace;
  #listening = '';
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(bun: BunNamespace) {
    this.#bun = bun;
  }

  /** The failure behind Bun's `code` for a connect to `to` that took `took` ms. A promise only where the network has to be asked. */
  explain(to: TcpAddress | UnixAddress, code: string, took: number): ConnectFailure | Promise<ConnectFailure> {
    if (code !== 'ECONNREFUSED') return connectFailure(code);
    const descriptors = descriptorShortage();
    if (descriptors !== null) return connectFailure(descriptors);
    if (to.kind === 'tcp' && took >= NO_ANSWER) return connectFailure('ETIMEDOUT');
    if (to.kind === 'tcp') return isIpLiteral(to.host) && !isLoopback(to.host) ? this.#route(to, code) : connectFailure(code);
    if (!to.abstract) {
      try {
        nodeFs().accessSync(to.path, nodeFs().constants.W_OK);
      } catch (error) {
        return connectFailure(errorCode(error, code));
      }
    }
    return this.#isListening(to) ? connectFailure('EAGAIN') : connectFailure(code);
  }

  /** Connecting a UDP socket sends nothing, but tells whether there is a route. */
  async #route(to: TcpAddress, code: string): Promise<ConnectFailure> {
    try {
      const hostname = to.host.includes(':') ? '::' : '0.0.0.0';
      (await this.#bun.udpSocket({ hostname, connect: { hostname: to.host, port: to.port } })).close();
      return connectFailure(code);
    } catch (error) {
      const failure = connectFailure(errorCode(error, code));
      return failure.reason === 'unreachable' ? failure : connectFailure(code);
    }
  }

  /** Whether somebody listens on the path: then its backlog was full, else the file is stale. False where there is no /proc. */
  #isListening(to: UnixAddress): boolean {
    const now = performance.now();
    // "Yes" serves a while, since a busy node is asked again and again; "no" may be older than the listener.
    if (now - this.#readAt <= SNAPSHOT_AGE && this.#knows(to)) return true;
    this.#readAt = now;
    this.#listening = listeningUnixSockets();
    return this.#knows(to);
  }

  #knows(to: UnixAddress): boolean {
    if (to.abstract) return this.#listening.includes(` @${to.path}\n`);
    // The kernel lists the path that was bound: as it is, or through a link. A relative one is known by its last part alone.
    const name = to.path.slice(to.path.lastIndexOf('/') + 1);
    return [nodePath().resolve(to.path), realPath(to.path), name].some((path) => this.#listening.includes(` ${path}\n`));
  }
}

/** The path without links; as it is when it cannot be followed. */
function realPath(path: string): string {
  try {
    return nodeFs().realpathSync(path);
  } catch {
    return path;
  }
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

/** EMFILE or ENFILE when no descriptor is left, else null. */
function descriptorShortage(): string | null {
  try {
    nodeFs().closeSync(nodeFs().openSync('/dev/null', 'r'));
    return null;
  } catch (error) {
    const code = errorCode(error, '');
    return code === 'EMFILE' || code === 'ENFILE' ? code : null;
  }
}

/** The lines of listening stream sockets (flag __SO_ACCEPTCON, type 1) in /proc/net/unix, each with a closing newline. */
function listeningUnixSockets(): string {
  try {
    const lines = nodeFs().readFileSync('/proc/net/unix', 'latin1').split('\n');
    return lines
      .filter((line) => line.includes(' 00010000 0001 '))
      .map((line) => `${line}\n`)
      .join('');
  } catch {
    return '';
  }
}
