import { formatLine } from './line.ts';

/** A way to a file, pipe, terminal or socket that never waits. */
export interface Outlet {
  /** At most so many bytes in one `write` stay together when other processes write to the same. */
  readonly piece: number;
  /** Takes what it can of `bytes[start, end)`: how many, 0 when it is full now, -1 when it takes nothing (EPIPE, ENOSPC). */
  write(bytes: Uint8Array, start: number, end: number): number;
  /** The process ends when the caller returns: what is taken from now on must not need the event loop. */
  ending?(): void;
}

/** The most that waits for a reader, in UTF-16 units; beyond it lines are lost, and counted. */
export const MAX_WAITING = 1024 * 1024;
const FLUSH_MS = 50;
const MAX_BATCH = 64 * 1024;
/** How often a full outlet is asked again, in ms: within a start, and while the process ends. */
const ASK_MS = 100;
const ASK_AT_END_MS = 5;
const LF = 10;

/** Blocks this thread, event loop and all. */
export function blockFor(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * What a process writes to a log: gathered for 50 ms, in whole lines, never waiting for who reads. What a full outlet does not take
 * waits in memory, up to 1 MiB; what is more is lost and counted, and one line tells it as soon as lines flow again.
 */
export class LogWriter {
  readonly #outlet: Outlet;
  readonly #encoder = new TextEncoder();
  /** Lines that were given since the last write. */
  #text = '';
  /** What of the batch before is still to be written: from `#start` on. */
  #bytes = new Uint8Array(0);
  #start = 0;
  #lost = 0;
  /** Of those, what the line says that is under way. */
  #telling = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #hasEnded = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Something waits to be written. */
  get isWaiting(): boolean {
    return this.#start < this.#bytes.length || this.#text !== '';
  }

  /** @param lines one or more, each with its line end. Never waits, never throws */
  write(lines: string): void {
    if (this.#text.length + this.#bytes.length - this.#start + lines.length > MAX_WAITING) this.#lost += countLines(lines);
    else this.#text += lines;
    const isFull = this.#start < this.#bytes.length;
    if (this.#hasEnded || (this.#text.length >= MAX_BATCH && !isFull)) this.flush();
    else this.#schedule(FLUSH_MS);
  }

  /** Writes what the outlet takes now. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writeAll();
    if (this.isWaiting) this.#schedule(ASK_MS);
  }

  /** Writes what waits, and gives a full outlet at most `patience` ms for it. To be called when the process ends. */
  end(patience: number): void {
    const deadline = performance.now() + (this.#hasEnded ? 0 : patience);
    this.#hasEnded = true;
    this.#outlet.ending?.();
    for (;;) {
      this.flush();
      if (!this.isWaiting || performance.now() >= deadline) return;
      blockFor(ASK_AT_END_MS);
    }
  }

  #schedule(milliseconds: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.flush();
    }, milliseconds);
    // A process that has nothing else to do ends, and `end` writes what waits.
    (this.#timer as { unref?(): void }).unref?.();
  }

  #writeAll(): void {
    for (;;) {
      if (!this.#writeBytes()) return;
      this.#telling = 0;
      if (this.#text === '' && this.#lost > 0) {
        this.#text = formatLine('warn', 'log lines were lost: they were not taken in time', { code: 'log-lost', lines: this.#lost });
        this.#telling = this.#lost;
        this.#lost = 0;
      }
      if (this.#text === '') return;
      this.#bytes = this.#encoder.encode(this.#text);
      this.#start = 0;
      this.#text = '';
    }
  }

  /** False when it has to be tried again later. */
  #writeBytes(): boolean {
    const bytes = this.#bytes;
    while (this.#start < bytes.length) {
      const count = this.#outlet.write(bytes, this.#start, this.#endOfPiece());
      if (count === 0) return false;
      if (count < 0) {
        this.#giveUp();
        return false;
      }
      this.#start += count;
    }
    return true;
  }

  /** As many whole lines as stay together; a longer line goes in pieces. */
  #endOfPiece(): number {
    const most = this.#start + this.#outlet.piece;
    if (most >= this.#bytes.length) return this.#bytes.length;
    const end = this.#bytes.lastIndexOf(LF, most - 1) + 1;
    return end > this.#start ? end : most;
  }

  /** Nobody takes it. The next line is a new try: who reads may be back, or the disk have room. */
  #giveUp(): void {
    if (this.#telling === 0) for (const byte of this.#bytes.subarray(this.#start)) if (byte === LF) this.#lost++;
    this.#lost += this.#telling + countLines(this.#text);
    this.#telling = 0;
    this.#bytes = new Uint8Array(0);
    this.#start = 0;
    this.#text = '';
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
