import type { ListenOptions } from './seam/sockets.ts';

/** A shortage is over when nothing has failed for so long, in ms. */
const QUIET_MS = 1000;

/** Tells when accepting begins to fail, and when that is over: once each, however many clients are concerned. */
export class AcceptAlarm {
  readonly #options: Pick<ListenOptions, 'acceptFailed' | 'acceptsAgain'>;
  /** Runs during a shortage. */
  #quiet: ReturnType<typeof setTimeout> | null = null;

  constructor(options: Pick<ListenOptions, 'acceptFailed' | 'acceptsAgain'>) {
    this.#options = options;
  }

  /** It fails, or still does. */
  failed(code: string): void {
    const isNew = this.#quiet === null;
    if (!isNew) clearTimeout(this.#quiet!);
    this.#quiet = setTimeout(() => {
      this.#quiet = null;
      this.#options.acceptsAgain?.();
    }, QUIET_MS);
    // Nobody waits for what is left of a shortage. On Deno it is a number.
    this.#quiet.unref?.();
    if (isNew) this.#options.acceptFailed?.(code);
  }

  /** Nothing is accepted any more: nothing is told. */
  stop(): void {
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    this.#quiet = null;
  }
}
