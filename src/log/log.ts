/**
 * The error log: one line an event, `TIME LEVEL message key=value …`, escaped, and never more than 100 lines a second for one code:
 * what was left out is counted and told.
 */

import { type Details, formatLine, type Level } from './line.ts';

export type { Details, Level };

/** Takes finished lines, each with its line end. */
export type LineSink = (text: string) => void;

const RANK: Readonly<Record<Level, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const MAX_LINES_PER_CODE = 100;
/** How often it is looked whether the second of a count is over, in ms. */
const LOOK_MS = 50;

export class Log {
  readonly #sink: LineSink;
  readonly #level: number;
  readonly #counts = new Map<string, number>();
  /** The second that is counted. */
  #second = 0;
  #leftOut = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(sink: LineSink, level: Level = 'info') {
    this.#sink = sink;
    this.#level = RANK[level];
  }

  /** True when lines of this level are written: asked before a line costs anything. */
  writes(level: Level): boolean {
    return RANK[level] <= this.#level;
  }

  error(message: string, details?: Details): void {
    this.#write('error', message, details);
  }
  warn(message: string, details?: Details): void {
    this.#write('warn', message, details);
  }
  info(message: string, details?: Details): void {
    this.#write('info', message, details);
  }
  debug(message: string, details?: Details): void {
    this.#write('debug', message, details);
  }

  /** A line that belongs to a stable code and is counted under it. */
  event(level: Level, code: string, message: string, details?: Details): void {
    if (!this.writes(level) || !this.#mayWrite(code)) return;
    this.#write(level, message, { code, ...details });
  }

  /** Tells what was left out so far. To be called before the process ends. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#tellLeftOut();
  }

  #write(level: Level, message: string, details?: Details): void {
    if (!this.writes(level)) return;
    try {
      this.#sink(formatLine(level, message, details));
    } catch {
      // No request shall fail because a line about it cannot be written.
    }
  }

  /** Nothing may follow that would tell what was left out: its second is waited for. */
  #awaitSecond(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (currentSecond() !== this.#second) this.#tellLeftOut();
      else if (this.#leftOut > 0) this.#awaitSecond();
    }, LOOK_MS);
  }

  #mayWrite(code: string): boolean {
    const second = currentSecond();
    if (second !== this.#second) {
      this.#tellLeftOut();
      this.#second = second;
      this.#counts.clear();
    }
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= MAX_LINES_PER_CODE) return true;
    this.#leftOut++;
    this.#awaitSecond();
    return false;
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return;
    this.#leftOut = 0;
    for (const [code, count] of this.#counts) {
      if (count <= MAX_LINES_PER_CODE) continue;
      this.#counts.set(code, MAX_LINES_PER_CODE);
      this.#write('warn', 'log lines left out', { code, lines: count - MAX_LINES_PER_CODE });
    }
  }
}

function currentSecond(): number {
  return Math.floor(Date.now() / 1000);
}
