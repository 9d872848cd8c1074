import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Directories that hold no source of the app, beside those whose name begins with a dot. */
const IGNORED_DIRECTORIES: ReadonlySet<string> = new Set(['node_modules', '__pycache__', 'venv', 'dist', 'coverage', 'htmlcov']);
/** Left by editors and compilers, or written by apps while they run: a reload for each of those would never end. */
const IGNORED_FILES =
  /~$|^\.#|^#.*#$|\.(?:py[co]|sw[a-z]|bak|orig|tmp|temp|part|log|pid|lock|sock|db|sqlite3?|db3)$|\.(?:db|sqlite3?|db3)-(?:journal|wal|shm)$/i;
/** In the top directory of every virtual environment, whatever its name. */
const VENV_MARK = 'pyvenv.cfg';

/** What shows that a file is another one: no content is read. */
type Stamp = readonly [mtime: number, ctime: number, size: number, inode: number];

/**
 * The files below some paths, by what the file system says of them. Directories are listed again only when their own time of last
 * change is another one, so that a look costs one stat a file. Directories behind symbolic links are left out: they may be circles.
 */
export class SourceTree {
  readonly #limit: number;
  readonly #files = new Map<string, Stamp>();
  readonly #directories = new Map<string, number>();
  /** What changed since `takeChanges`, with what was there before it; null for nothing. */
  readonly #before = new Map<string, Stamp | null>();
  #isFull = false;

  /** @param limit of files; what is found beyond it is not looked at */
  constructor(roots: readonly string[], limit: number) {
    this.#limit = limit;
    for (const root of roots) {
      const stats = statOf(root);
      if (stats?.isDirectory()) this.#directories.set(root, Number.NaN);
      else if (stats !== null) this.#files.set(root, stampOf(stats));
    }
    this.#lookAtDirectories();
    this.#before.clear();
  }

  /** True when there are more files than the limit. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Looks at everything once. @returns true when something is not as it was at the last look */
  look(): boolean {
    let hasChanged = false;
    for (const [path, stamp] of this.#files) {
      const stats = statOf(path);
      if (stats !== null && isSame(stamp, stats)) continue;
      hasChanged = true;
      this.#remember(path, stamp);
      if (stats === null) this.#files.delete(path);
      else this.#files.set(path, stampOf(stats));
    }
    return this.#lookAtDirectories() || hasChanged;
  }

  /** Paths that are not as they were at the last call: what came and went again in between is not among them. */
  takeChanges(): string[] {
    const changed: string[] = [];
    for (const [path, before] of this.#before) {
      const now = this.#files.get(path) ?? null;
      if (!isEqual(before, now)) changed.push(path);
    }
    this.#before.clear();
    return changed;
  }

  #lookAtDirectories(): boolean {
    let hasChanged = false;
    // A directory found on the way joins the end of the map, and so this walk: level by level, the nearest files first.
    for (const [path, mtime] of this.#directories) {
      const stats = statOf(path);
      if (stats === null) this.#directories.delete(path);
      else if (stats.mtimeMs !== mtime) {
        // Not the time just read when it is fresh: the clock of file systems has ticks, and a second change in one leaves no trace.
        const isFresh = Date.now() - stats.mtimeMs < 1_000;
        this.#directories.set(path, isFresh ? Number.NaN : stats.mtimeMs);
        if (this.#list(path)) hasChanged = true;
      }
    }
    return hasChanged;
  }

  /** @returns true when there are new files */
  #list(directory: string): boolean {
    let entries: Dirent[];
    try {
      entries = readdirSync(directory, { withFileTypes: true });
    } catch {
      return false;
    }
    if (entries.some(({ name }) => name === VENV_MARK)) return false;
    let hasNew = false;
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        if (!isIgnoredDirectory(path) && !this.#directories.has(path)) this.#addDirectory(path);
      } else if (!IGNORED_FILES.test(entry.name) && !this.#files.has(path)) {
        const stats = statOf(path);
        if (stats?.isFile() && this.#add(path, stats)) hasNew = true;
      }
    }
    return hasNew;
  }

  #add(path: string, stats: Stats): boolean {
    if (this.#files.size >= this.#limit) {
      this.#isFull = true;
      return false;
    }
    this.#remember(path, null);
    this.#files.set(path, stampOf(stats));
    return true;
  }

  #addDirectory(path: string): void {
    if (this.#directories.size >= this.#limit) this.#isFull = true;
    else this.#directories.set(path, Number.NaN);
  }

  #remember(path: string, stamp: Stamp | null): void {
    if (!this.#before.has(path)) this.#before.set(path, stamp);
  }
}

function isIgnoredDirectory(path: string): boolean {
  const name = basename(path);
  return name.startsWith('.') || IGNORED_DIRECTORIES.has(name);
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function stampOf({ mtimeMs, ctimeMs, size, ino }: Stats): Stamp {
  return [mtimeMs, ctimeMs, size, ino];
}

function isSame([mtime, ctime, size, inode]: Stamp, stats: Stats): boolean {
  return mtime === stats.mtimeMs && ctime === stats.ctimeMs && size === stats.size && inode === stats.ino;
}

function isEqual(a: Stamp | null, b: Stamp | null): boolean {
  if (a === null || b === null) return a === b;
  return a.every((value, at) => value === b[at]);
}
