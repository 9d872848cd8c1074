import { statSync } from 'node:fs';

// Not imported: a bundle would load it at the start of every binary.
const { stat } = process.getBuiltinModule('node:fs/promises');

/** As often as uWSGI looks, in ms. */
const LOOK_MS = 1_000;
const NS_PER_MS = 1_000_000n;

/**
 * The files of `touch-reload` and its like: tells when the time of their last change is another one than before.
 * A file that is missing counts as touched once it is there; one that goes away does not.
 */
export class TouchWatch {
  readonly #touched: (files: readonly string[]) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Time of last change in ns by path; null when the file is missing or cannot be seen, or was touched before the first look. */
  readonly #times = new Map<string, bigint | null>();
  #isBusy = false;
  #isStopped = false;

  /**
   * @param since in ms of the epoch: what was touched later is told of as well. An app may take its time to load, and what it has loaded
   *   is not what is there now
   * @param touched is told of all files that were touched since the last look
   * @param period ms from look to look
   */
  constructor(paths: readonly string[], since: number, touched: (files: readonly string[]) => void, period = LOOK_MS) {
    this.#touched = touched;
    // What lies in the future was written by somebody whose clock is ahead, and says nothing.
    const [from, to] = [BigInt(since) * NS_PER_MS, BigInt(Date.now() + 1) * NS_PER_MS];
    for (const path of paths) {
      const time = changeTimeNow(path);
      this.#times.set(path, time !== null && time > from && time < to ? null : time);
    }
    this.#timer = setInterval(() => void this.#look(), period);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // A network drive may take longer than a period to answer.
    if (this.#isBusy) return;
    this.#isBusy = true;
    const touched: string[] = [];
    for (const [path, before] of this.#times) {
      const time = await changeTime(path);
      this.#times.set(path, time);
      if (time !== null && time !== before) touched.push(path);
    }
    this.#isBusy = false;
    if (touched.length > 0 && !this.#isStopped) this.#touched(touched);
  }
}

function changeTimeNow(path: string): bigint | null {
  try {
    return statSync(path, { bigint: true }).mtimeNs;
  } catch {
    return null;
  }
}

async function changeTime(path: string): Promise<bigint | null> {
  try {
    return (await stat(path, { bigint: true })).mtimeNs;
  } catch {
    return null;
  }
}
