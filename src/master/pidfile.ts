import { chmodSync, closeSync, lstatSync, openSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Runtime, Signal } from '../runtime/seam.ts';
import { codeOf, SetupError } from './setup-error.ts';

const MODE = 0o644;
/** Process ids are positive 32 bit numbers; 0 and negative ones would mean whole groups. */
const MAX_PID = 0x7fffffff;
/** A pidfile holds one number. What is longer is another file. */
const MAX_BYTES = 64;

/**
 * Writes `pid` and a newline, at once: who reads it meanwhile sees the old number or the new one.
 * @throws {SetupError}
 */
export function writePidfile(path: string, pid: number): void {
  try {
    const old = lstatSync(path, { throwIfNoEntry: false });
    // A link or a device is written to: renaming over it would put a plain file in its place.
    if (old !== undefined && !old.isFile()) return writeFileSync(path, `${pid}\n`);
    const fresh = `${path}.${pid}.tmp`;
    rmSync(fresh, { force: true });
    const fd = openSync(fresh, 'wx', MODE);
    try {
      writeFileSync(fd, `${pid}\n`);
      chmodSync(fresh, MODE);
      renameSync(fresh, path);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new SetupError(`the pidfile ${path} cannot be written: ${codeOf(error)}`, 'give a path in a directory that ugate may write to');
  }
}

/** Removes the file if it still holds `pid`: another ugate may have written its own there. */
export function removePidfile(path: string, pid: number): void {
  try {
    if (lstatSync(path).isFile() && readPid(path) === pid) unlinkSync(path);
  } catch {
    // Gone already, or not ours any more.
  }
}

/**
 * Sends a signal to the process whose id stands in the file, for `--stop`, `--reload` and `--pause`.
 * @returns what went wrong, in one line, or null
 */
export function signalByPidfile(runtime: Pick<Runtime, 'signal'>, path: string, signal: Signal): string | null {
  let pid: number | null;
  try {
    pid = readPid(path);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT'
      ? `there is no pidfile ${path}: is ugate running, and with this --pidfile?`
      : `the pidfile ${path} cannot be read: ${code}`;
  }
  if (pid === null) return `the pidfile ${path} does not hold a process id`;
  try {
    return runtime.signal(pid, signal) ? null : `the pidfile ${path} says ${pid}, and there is no such process: ugate has ended and left the file`;
  } catch (error) {
    return `the pidfile ${path} says ${pid}, and that process cannot be sent ${signal}: ${codeOf(error)}`;
  }
}

/** The number in the file, or null when it holds something else. Throws what reading throws. */
function readPid(path: string): number | null {
  const { size, ...kind } = fileAt(path);
  // Reading a FIFO would wait for somebody to write.
  if (!kind.isFile || size > MAX_BYTES) return null;
  const digits = /^\s*(\d{1,10})\s*$/.exec(readFileSync(path, 'latin1'))?.[1];
  const pid = Number(digits ?? 0);
  return pid >= 1 && pid <= MAX_PID ? pid : null;
}

function fileAt(path: string): { isFile: boolean; size: number } {
  const stats = statSync(path);
  return { isFile: stats.isFile(), size: stats.size };
}
