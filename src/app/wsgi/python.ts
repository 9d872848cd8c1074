import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface Interpreter {
  readonly command: string;
  /** The virtual environment with its full path. */
  readonly home: string | null;
  /** Why the virtual environment cannot be used. */
  readonly problem: string | null;
}

/**
 * Which Python runs the app: that of the virtual environment where it has one, else the machine's `python3`.
 * A relative `home` is looked for in `chdir`, then where ugate was started.
 */
export function findPython(home: string | null, chdir: string | null): Interpreter {
  if (home === null) return { command: 'python3', home: null, problem: null };
  const found = [resolve(chdir ?? '.', home), resolve(home)].find((path) => existsSync(path));
  if (found === undefined) return { command: 'python3', home: null, problem: `home ${home} does not exist` };
  const own = join(found, 'bin/python3');
  return { command: existsSync(own) ? own : 'python3', home: found, problem: null };
}
