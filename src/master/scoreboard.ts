/**
 * What a worker is doing, in a file where the master can see it while the worker's own event loop is blocked (`harakiri`).
 *
 * 64 slots of 256 bytes, one for each request in flight: bytes 0-7 when it began (ms since 1970 as a double, 0 in a free slot),
 * 8-11 its number, 12-13 length of the text, from 16 on the request line in latin1. Written by one process and read by another,
 * which may see a text that does not belong to its number: it is for the log.
 */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const SLOTS = 64;
const SLOT_BYTES = 256;
const NUMBER_AT = 8;
const LENGTH_AT = 12;
const TEXT_AT = 16;
const TEXT_BYTES = SLOT_BYTES - TEXT_AT;

/** The worker's side. One write to the file when a request begins and one when it ends; nothing is allocated. */
export class Scoreboard {
  readonly #fd: number;
  readonly #record = Buffer.alloc(SLOT_BYTES);
  readonly #none = new Uint8Array(LENGTH_AT);
  /** Free slots; the first `#freeCount` count. */
  readonly #free = Uint8Array.from({ length: SLOTS }, (_, slot) => slot);
  #freeCount = SLOTS;
  #number = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Makes the file at `path` (mode 600), empty of requests. Throws what the file system throws. */
  static open(path: string): Scoreboard {
    const fd = openSync(path, 'w', 0o600);
    writeSync(fd, new Uint8Array(SLOTS * SLOT_BYTES), 0, SLOTS * SLOT_BYTES, 0);
    return new Scoreboard(fd);
  }

  /**
   * A request begins.
   * @param requestLine such as `GET / HTTP/1.1`; its first 240 characters are kept
   * @returns its slot for `end`; -1 when all are taken: it is not watched then
   */
  begin(requestLine: string): number {
    if (this.#freeCount === 0) return -1;
    const slot = this.#free[--this.#freeCount]!;
    const record = this.#record;
    this.#number = (this.#number + 1) >>> 0;
    record.writeDoubleLE(Date.now(), 0);
    record.writeUInt32LE(this.#number, NUMBER_AT);
    const length = record.write(requestLine, TEXT_AT, TEXT_BYTES, 'latin1');
    record.writeUInt16LE(length, LENGTH_AT);
    writeSync(this.#fd, record, 0, TEXT_AT + length, slot * SLOT_BYTES);
    return slot;
  }

  /** The request in this slot is over. Once for each `begin`. */
  end(slot: number): void {
    if (slot === -1) return;
    this.#free[this.#freeCount++] = slot;
    writeSync(this.#fd, this.#none, 0, LENGTH_AT, slot * SLOT_BYTES);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A request in flight, as the scoreboard tells it. */
export interface RunningRequest {
  readonly slot: number;
  /** Counts the worker's requests; tells two in the same slot apart. */
  readonly id: number;
  /** By the worker's clock, in ms since 1970. */
  readonly startedAt: number;
  readonly request: string;
}

/** The master's side: reads scoreboards of workers into one buffer. */
export class ScoreboardReader {
  readonly #buffer = Buffer.alloc(SLOTS * SLOT_BYTES);

  /** The requests in flight; none when there is no such file, or no whole one yet. */
  read(path: string): RunningRequest[] {
    const buffer = this.#buffer;
    const running: RunningRequest[] = [];
    if (readFile(path, buffer) < buffer.length) return running;
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = slot * SLOT_BYTES;
      const startedAt = buffer.readDoubleLE(at);
      if (startedAt === 0) continue;
      const length = Math.min(buffer.readUInt16LE(at + LENGTH_AT), TEXT_BYTES);
      const request = buffer.toString('latin1', at + TEXT_AT, at + TEXT_AT + length);
      running.push({ slot, id: buffer.readUInt32LE(at + NUMBER_AT), startedAt, request });
    }
    return running;
  }
}

function readFile(path: string, buffer: Uint8Array): number {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return 0;
  }
  try {
    return readSync(fd, buffer, 0, buffer.length, 0);
  } catch {
    return 0;
  } finally {
    closeSync(fd);
  }
}
