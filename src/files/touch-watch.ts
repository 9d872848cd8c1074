import { statSync } from 'node:fs';
import { LOOK_MS } from './file-watch.ts';
import { Poll } from './poll.ts';

// Not imported: a bundle would load it at the start of every binary.
const { stat } = process.getBuiltinModule('node:fs/promises');

const NS_PER_MS = 1_000_000n;

/**
 * The files of `touch-reload` and its like: tells when the time of their last change is another one than before.
 * A file that is missing counts as touched once it is there; one that goes away does not.
 */
export class TouchWatch {
  readonly #touched: (files: readonly string[]) => void;
  readonly #poll: Poll;
  /** Time of last change in ns by path; null when the file is missing or cannot be seen, or was touched before the first look. */
  readonly #times = new Map<string, bigint | null>();

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
    this.#poll = new Poll(async () => {
      await this.#look();
      return period;
    }, period);
  }

  stop(): void {
    this.#poll.stop();
  }

  async #look(): Promise<void> {
    const touched: string[] = [];
    for (const [path, before] of this.#times) {
      const time = await changeTime(path);
      this.#times.set(path, time);
      if (time !== null && time !== before) touched.push(path);
    }
    if (touched.length > 0 && !this.#poll.isStopped) this.#touched(touched);
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
