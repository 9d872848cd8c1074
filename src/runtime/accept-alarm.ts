/** Tells of failed accepts at most once a second, however many fail. */
export class AcceptAlarm {
  readonly #tell: ((code: string) => void) | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: ((code: string) => void) | undefined) {
    this.#tell = tell;
  }

  failed(code: string): void {
    const now = performance.now();
    if (now - this.#toldAt < 1000) return;
    this.#toldAt = now;
    this.#tell?.(code);
  }
}
