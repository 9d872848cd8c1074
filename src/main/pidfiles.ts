import { nodePath } from '../builtin/modules.ts';
import type { Pidfile } from '../master/pidfile.ts';
import type { Config } from '../options/config.ts';
import type { Runtime } from '../runtime/seam.ts';

/** `pidfile`, `pidfile2` and `safe-pidfile`: written when everything serves, removed at the end with `vacuum`. */
export class Pidfiles {
  readonly #files: readonly Pidfile[];
  readonly #isRemoved: boolean;

  private constructor(files: readonly Pidfile[], isRemoved: boolean) {
    this.#files = files;
    this.#isRemoved = isRemoved;
  }

  /**
   * @param directory relative paths count from there
   * @param yields the ugate whose place this one takes; null when there is none
   * @throws {SetupError} while another ugate that lives has one of them
   */
  static async of(runtime: Runtime, { pidfile, pidfile2, safePidfile, vacuum }: Config, directory: string, yields: number | null): Promise<Pidfiles> {
    const paths = [pidfile, pidfile2, safePidfile].filter((path) => path !== null).map((path) => nodePath().resolve(directory, path));
    if (paths.length === 0) return new Pidfiles([], vacuum);
    const { Pidfile } = await import('../master/pidfile.ts');
    const files = [...new Set(paths)].map((path) => new Pidfile(runtime, path));
    for (const file of files) file.check(yields);
    return new Pidfiles(files, vacuum);
  }

  /** @param yields as for `of`, or the ugate that was to take this one's place and did not @throws {SetupError} */
  write(yields: number | null): void {
    for (const file of this.#files) file.write(process.pid, yields);
  }

  /** With `vacuum` those that still hold our number. */
  remove({ always = false }: { always?: boolean } = {}): void {
    if (this.#isRemoved || always) for (const file of this.#files) file.remove(process.pid);
  }
}
