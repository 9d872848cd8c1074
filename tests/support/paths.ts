/** Where things are: the checkout, the runtimes of node_modules, and places for sockets that nobody else uses. */

import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root folder, without a closing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The full path of a tool: the one in node_modules/.bin, else the first on the PATH, else null. */
export function findTool(name: string): string | null {
  const folders = [join(ROOT, 'node_modules/.bin'), ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** A folder of its own that is removed at the end of the block: `await using folder = temporaryFolder()`. */
export interface TemporaryFolder {
  readonly path: string;
  /** The path of a file or unix socket in it. */
  file(name: string): string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Short on purpose: a unix socket's path holds at most 107 bytes. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'ugate-'));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Below those that Linux gives away by itself, to port 0 and to outgoing connections: one of them would be somebody's a moment later. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;
const TRIES = 100;

/**
 * A TCP port of 127.0.0.1 that nobody listens on. For programs that cannot tell which port they got;
 * whatever can listen on port 0 should do that instead.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.on('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
