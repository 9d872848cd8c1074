import { SourceTree } from './source-tree.ts';

/** From look to look, in ms. */
const LOOK_MS = 300;
/** After a change, until a look finds no further one, in ms: one save is several steps in many editors. */
const SETTLE_MS = 50;
/** Told then even if changes go on, in ms. */
const PATIENCE_MS = 2_000;
const MAX_FILES = 20_000;
/** Looking takes at most this share of the time: a large tree is looked at less often. */
const SHARE = 0.1;

export interface SourceWatchEvents {
  /** Files that were changed, added or removed. */
  changed(files: readonly string[]): void;
  /** There are more files than are watched; the line for the log says what is covered. */
  tooMany(text: string): void;
}

/**
 * `--watch`: tells when source files below the given directories (or these files) change. Asked of the file system again and again:
 * its own notices have limits a user must raise, and get lost on network drives and in containers.
 */
export class SourceWatch {
  readonly #roots: readonly string[];
  readonly #maxFiles: number;
  readonly #tree: SourceTree;
  readonly #events: SourceWatchEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the changes that are not told yet began; null when there are none. */
  #changingSince: number | null = null;
  #hasToldFull = false;
  #isStopped = false;

  constructor(roots: readonly string[], events: SourceWatchEvents, maxFiles = MAX_FILES) {
    this.#roots = roots;
    this.#maxFiles = maxFiles;
    this.#events = events;
    const started = performance.now();
    this.#tree = new SourceTree(roots, maxFiles);
    this.#tellIfFull();
    this.#schedule(pause(performance.now() - started, LOOK_MS));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #tellIfFull(): void {
    if (!this.#tree.isFull || this.#hasToldFull) return;
    this.#hasToldFull = true;
    this.#events.tooMany(
      `watch covers ${this.#maxFiles} files below ${this.#roots.join(', ')}, those nearest to the top; changes in others are not seen. ` +
        'Give the directories that matter, such as --watch=src',
    );
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => this.#look(), ms);
    this.#timer.unref();
  }

  #look(): void {
    const started = performance.now();
    const isChanging = this.#tree.look();
    const ended = performance.now();
    if (isChanging) this.#changingSince ??= started;
    const isSettled = this.#changingSince !== null && (!isChanging || ended - this.#changingSince > PATIENCE_MS);
    if (isSettled) {
      this.#changingSince = null;
      const files = this.#tree.takeChanges();
      if (files.length > 0) this.#events.changed(files);
    }
    this.#tellIfFull();
    this.#schedule(this.#changingSince === null ? pause(ended - started, LOOK_MS) : SETTLE_MS);
  }
}

function pause(cost: number, period: number): number {
  return Math.max(period, cost / SHARE);
}
