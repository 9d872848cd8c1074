import { readFileSync } from 'node:fs';
import type { Host } from '../runtime/seam/host.ts';
import type { Processes, Signal } from '../runtime/seam/processes.ts';
import { readPid } from './pidfile.ts';
import { codeOf } from './setup-error.ts';

/**
 * Sends a signal to the ugate whose id stands in the file, for `--stop`, `--reload` and `--pause`. To no other process that has got that
 * number since: an ugate that lives has its pidfile locked. Where this runtime cannot tell, the number is believed.
 * @returns what went wrong, in one line, or null
 */
export function signalByPidfile(runtime: Pick<Processes, 'signal'> & Pick<Host, 'isFileLocked'>, path: string, signal: Signal): string | null {
  let pid: number | null;
  let isOwned: boolean | null = null;
  try {
    pid = readPid(path);
    if (pid !== null) isOwned = runtime.isFileLocked(path);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT'
      ? `there is no pidfile ${path}: is ugate running, and with this --pidfile?`
      : `the pidfile ${path} cannot be read: ${code}`;
  }
  if (pid === null) return `the pidfile ${path} does not hold a process id`;
  if (isOwned === false)
    return `the pidfile ${path} says ${pid}, and no ugate that runs has written it: it has ended and left the file; nothing was sent`;
  if (isOwned && isSeenHere(pid) === false)
    return `the pidfile ${path} says ${pid}, and the ugate that has it runs elsewhere, such as in another container; nothing was sent`;
  try {
    return runtime.signal(pid, signal) ? null : `the pidfile ${path} says ${pid}, and there is no such process: ugate has ended and left the file`;
  } catch (error) {
    return `the pidfile ${path} says ${pid}, and that process cannot be sent ${signal}: ${codeOf(error)}`;
  }
}

/** True when the process of this number, as we count processes, has a lock on a file; null where the kernel does not tell. */
function isSeenHere(pid: number): boolean | null {
  try {
    const locks = readFileSync('/proc/locks', 'latin1');
    return new RegExp(`FLOCK +ADVISORY +WRITE +${pid} `).test(locks);
  } catch {
    return null;
  }
}
