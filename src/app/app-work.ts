/** What apps of this process have begun for others than their clients: the promises of `waitUntil` that are still open. */
export class AppWork {
  #open = 0;
  #waiting: (() => void)[] = [];

  /** How many there are. */
  get open(): number {
    return this.#open;
  }

  /** Counts until `promise` is settled, however it is. */
  add(promise: Promise<unknown>): void {
    this.#open++;
    promise.then(this.#settled, this.#settled);
  }

  /** Resolves when none is left, after `ms` at the latest. */
  async finished(ms: number): Promise<void> {
    if (this.#open === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  readonly #settled = (): void => {
    if (--this.#open > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  };
}
