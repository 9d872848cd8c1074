import { Poll } from './poll.ts';
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
 * `--watch`: tells when source files below the given directories (or these files) change.
 */
export class SourceWatch {
  readonly #roots: readonly string[];
  readonly #maxFiles: number;
  readonly #tree: SourceTree;
  readonly #events: SourceWatchEvents;
  readonly #poll: Poll;
  /** When the changes that are not told yet began; null when there are none. */
  #changingSince: number | null = null;
  #hasToldFull = false;

  constructor(roots: readonly string[], events: SourceWatchEvents, maxFiles = MAX_FILES) {
    this.#roots = roots;
    this.#maxFiles = maxFiles;
    this.#events = events;
    const started = performance.now();
    this.#tree = new SourceTree(roots, maxFiles);
    this.#tellIfFull();
    this.#poll = new Poll(() => this.#look(), pause(performance.now() - started));
  }

  stop(): void {
    this.#poll.stop();
  }

  #tellIfFull(): void {
    if (!this.#tree.isFull || this.#hasToldFull) return;
    this.#hasToldFull = true;
    this.#events.tooMany(
      `watch covers ${this.#maxFiles} files below ${this.#roots.join(', ')}, those nearest to the top; changes in others are not seen. ` +
        'Give the directories that matter, such as --watch=src',
    );
  }

  #look(): number {
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
    return this.#changingSince === null ? pause(ended - started) : SETTLE_MS;
  }
}

function pause(cost: number): number {
  return Math.max(LOOK_MS, cost / SHARE);
}
