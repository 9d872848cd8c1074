import { nodePath } from '../builtin/modules.ts';
import type { Config } from '../options/config.ts';

/** `pidfile`, `pidfile2` and `safe-pidfile`: written when everything serves, removed at the end with `vacuum`. */
export class Pidfiles {
  readonly #paths: readonly string[];
  readonly #isRemoved: boolean;
  #remove: ((path: string, pid: number) => void) | null = null;

  /** @param directory relative paths count from there */
  constructor({ pidfile, pidfile2, safePidfile, vacuum }: Config, directory: string) {
    this.#paths = [pidfile, pidfile2, safePidfile].filter((path) => path !== null).map((path) => nodePath().resolve(directory, path));
    this.#isRemoved = vacuum;
  }

  /** @throws {SetupError} */
  async write(): Promise<void> {
    if (this.#paths.length === 0) return;
    const { writePidfile, removePidfile } = await import('../master/pidfile.ts');
    this.#remove = removePidfile;
    for (const path of this.#paths) writePidfile(path, process.pid);
  }

  /** Those that still hold our number. */
  remove(): void {
    if (this.#isRemoved) for (const path of this.#paths) this.#remove?.(path, process.pid);
  }
}
