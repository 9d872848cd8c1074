// Not imported: a bundle would load it at the start of every binary.
const { stat } = process.getBuiltinModule('node:fs/promises');

/** Asked of the file system once a second: its own notices get lost on network drives and when a file is replaced. */
const LOOK_MS = 1_000;

/** Tells when a file is another one: written to, replaced, gone or back. */
export class FileWatch {
  readonly #file: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #seen: string;
  #isBusy = false;

  /**
   * @param seen the file's state that is known already, by `fileState`
   * @param changed is told of each new state, one at a time; false when it could not be dealt with yet: it is told again
   */
  constructor(file: string, seen: string, changed: (state: string) => Promise<boolean>) {
    this.#file = file;
    this.#seen = seen;
    this.#timer = setInterval(() => void this.#look(changed), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(changed: (state: string) => Promise<boolean>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const state = await fileState(this.#file);
    if (state !== this.#seen && (await changed(state))) this.#seen = state;
    this.#isBusy = false;
  }
}

/** A text that is another one whenever the file may be; the error's code when it cannot be seen. */
export async function fileState(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return (error as { code?: string }).code ?? 'EIO';
  }
}
