/**
 * The error log: one line an event, `TIME LEVEL message key=value …`, escaped, written in batches, and never more than
 * 100 lines a second for one code: what was left out is counted and told.
 */

export type Level = 'error' | 'warn' | 'info' | 'debug';

/** What a line tells beside its message; `undefined` is left out. */
export type Details = Readonly<Record<string, string | number | undefined>>;

/** Takes finished lines. */
export type LineSink = (text: string) => void;

const RANK: Readonly<Record<Level, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const MAX_LINES_PER_CODE = 100;
const FLUSH_MS = 50;
const MAX_BATCH_CHARS = 64 * 1024;
const MAX_VALUE_CHARS = 256;

export class Log {
  readonly #sink: LineSink;
  readonly #level: number;
  readonly #counts = new Map<string, number>();
  /** The second that is counted. */
  #second = 0;
  #leftOut = 0;
  #batch = '';
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

  /** Writes what waits, and tells what was left out. To be called before the process ends. */
  flush(): void {
    this.#tellLeftOut();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writeBatch();
  }

  #writeBatch(): void {
    if (this.#batch === '') return;
    const text = this.#batch;
    this.#batch = '';
    try {
      this.#sink(text);
    } catch {
      // Nobody is above a timer, and no request shall fail because a line about it cannot be written.
    }
  }

  /** Goes on while a count of lines left out waits for its second to end: nothing may follow that would tell it. */
  #due(): void {
    this.#timer = null;
    if (this.#leftOut > 0 && currentSecond() !== this.#second) this.#tellLeftOut();
    this.#writeBatch();
    if (this.#leftOut > 0) this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#due(), FLUSH_MS);
  }

  #write(level: Level, message: string, details?: Details): void {
    if (!this.writes(level)) return;
    let line = `${new Date().toISOString()} ${level} ${escapeText(message)}`;
    for (const [key, value] of Object.entries(details ?? {})) if (value !== undefined) line += ` ${key}=${formatValue(value)}`;
    this.#batch += `${line}\n`;
    if (this.#batch.length >= MAX_BATCH_CHARS) this.#writeBatch();
    else this.#schedule();
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
    this.#schedule();
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

function formatValue(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = escapeText(value.length > MAX_VALUE_CHARS ? `${value.slice(0, MAX_VALUE_CHARS)}…` : value);
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** A client can write into the log only what cannot be mistaken for a line of its own, or steer a terminal. */
function escapeText(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\\]/g, (char) => (char === '\\' ? '\\\\' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`));
}
