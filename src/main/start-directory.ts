import { nodeFs } from '../builtin/modules.ts';

/**
 * Where ugate was started: relative paths of the config count from there, also when an app of this process went elsewhere (`chdir`). A
 * deployment may remove it while ugate runs, and no process can be started from a directory that is gone.
 */
export class StartDirectory {
  readonly path: string;
  /** The same as the shell names it: through a link, which may lead to another release by now. Null when it does not say. */
  readonly #named: string | null;

  constructor() {
    this.path = currentDirectory() ?? '/';
    const { PWD } = process.env;
    this.#named = PWD !== undefined && isSame(PWD, this.path) ? PWD : null;
  }

  /** A directory that is there: this one, what the shell called it, or `/`. A process whose own is gone is there from now on. */
  there(): string {
    const there = [this.path, this.#named].find((path) => path !== null && isDirectory(path)) ?? '/';
    if (currentDirectory() === null) process.chdir(there);
    return there;
  }

  /** Runs `step` there. The app of this process does not notice: `step` cannot wait. */
  run<T>(step: () => T): T {
    const there = this.there();
    const before = currentDirectory();
    if (before === there) return step();
    process.chdir(there);
    try {
      return step();
    } finally {
      if (before !== null) process.chdir(before);
    }
  }
}

export function isDirectory(path: string): boolean {
  try {
    return nodeFs().statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    // A part of the path is a file, or may not be looked into.
    return false;
  }
}

/** Null when it was removed, also when another one has its name now. */
function currentDirectory(): string | null {
  try {
    // Some runtimes remember the name, and the system the directory.
    const path = process.cwd();
    return isSame(path, '.') ? path : null;
  } catch {
    return null;
  }
}

function isSame(one: string, other: string): boolean {
  try {
    const [a, b] = [nodeFs().statSync(one), nodeFs().statSync(other)];
    return a.ino === b.ino && a.dev === b.dev && a.nlink > 0;
  } catch {
    return false;
  }
}
