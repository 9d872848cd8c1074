import { Poll } from './poll.ts';

// Not imported: a bundle would load it at the start of every binary.
const { stat } = process.getBuiltinModule('node:fs/promises');

/** From look to look, in ms: as often as uWSGI looks. */
export const LOOK_MS = 1_000;

/** Tells when a file is another one: written to, replaced, gone or back. */
export class FileWatch {
  readonly #poll: Poll;
  #seen: string;

  /**
   * @param seen the file's state that is known already, by `fileState`
   * @param changed is told of each new state, one at a time; false when it could not be dealt with yet: it is told again
   */
  constructor(file: string, seen: string, changed: (state: string) => Promise<boolean>) {
    this.#seen = seen;
    this.#poll = new Poll(async () => {
      const state = await fileState(file);
      if (state !== this.#seen && (await changed(state))) this.#seen = state;
      return LOOK_MS;
    }, LOOK_MS);
  }

  stop(): void {
    this.#poll.stop();
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
