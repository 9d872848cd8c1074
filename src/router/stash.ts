import { copyBytes } from '../http1/bytes.ts';

/** So much is read ahead of the current request before the client is held back: as long as we read we see that it leaves. */
const ROOM = 16 * 1024;
const FIRST = 512;

/** Bytes of later requests, which wait for their turn, in one buffer that doubles. */
export class Stash {
  #bytes: Uint8Array | null = null;
  #start = 0;
  #end = 0;

  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /**
   * Keeps `bytes` behind what is there; false when the client is to be held back. What `take` gave out may come back without the requests
   * at its start: it is kept where it lies, and moved to a smaller buffer only when half of that is gone. So many requests that came at
   * once cost their bytes, not for each of them a copy of all behind it.
   */
  keep(bytes: Uint8Array): boolean {
    if (this.#bytes !== null && bytes.buffer === this.#bytes.buffer) this.#takeBack(bytes.byteOffset);
    else this.#add(bytes);
    return this.#end - this.#start < ROOM;
  }

  /** All of it; null when there is nothing. `keep` knows it again until `read`. */
  take(): Uint8Array | null {
    if (this.isEmpty) return null;
    const bytes = this.#bytes!.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return bytes;
  }

  /** What was taken has been read, but for what was kept of it. */
  read(): void {
    if (this.isEmpty) this.clear();
  }

  clear(): void {
    this.#bytes = null;
    this.#start = 0;
    this.#end = 0;
  }

  #takeBack(start: number): void {
    this.#start = start;
    const length = this.#end - start;
    if (length > 0 && length * 2 < this.#bytes!.length) this.#move(length);
  }

  #add(bytes: Uint8Array): void {
    const room = this.#bytes?.length ?? 0;
    if (this.#end + bytes.length > room) this.#move(Math.max(FIRST, 2 * room, this.#end - this.#start + bytes.length));
    this.#end = copyBytes(this.#bytes!, this.#end, bytes, 0, bytes.length);
  }

  #move(room: number): void {
    const moved = new Uint8Array(room);
    if (this.#bytes !== null) copyBytes(moved, 0, this.#bytes, this.#start, this.#end);
    this.#bytes = moved;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
