import { nodeFs } from '../builtin/modules.ts';
import type { FileLock } from './seam/host.ts';

const LOCK_SHARED = 1;
const LOCK_EXCLUSIVE = 2;
const NOT_WAITING = 4;

/** flock(2): 0, or -1 when it cannot be had. */
export type Flock = (fd: number, operation: number) => number;

/**
 * Locks the file at `path` by a descriptor of its own; null when somebody else's lock forbids it, undefined without `flock`. Throws what
 * opening throws.
 */
export function lockBy(flock: Flock | null, path: string, isExclusive: boolean): FileLock | null | undefined {
  if (flock === null) return undefined;
  const fd = nodeFs().openSync(path, 'r');
  const release = (): void => nodeFs().closeSync(fd);
  if (flock(fd, (isExclusive ? LOCK_EXCLUSIVE : LOCK_SHARED) | NOT_WAITING) === 0) return { release };
  release();
  return null;
}
