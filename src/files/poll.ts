/**
 * Looks at something again and again, one look at a time, and keeps no process alive. Files are asked for so: the notices of a file system
 * have limits that a user must raise, and get lost on network drives, in containers and when a file is replaced.
 */
export class Poll {
  readonly #look: () => number | Promise<number>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  /**
   * @param look says how long to wait before the next one, in ms
   * @param first how long to wait before the first one, in ms
   */
  constructor(look: () => number | Promise<number>, first: number) {
    this.#look = look;
    this.#wait(first);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  #wait(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#next(), ms);
    this.#timer.unref();
  }

  async #next(): Promise<void> {
    this.#wait(await this.#look());
  }
}
