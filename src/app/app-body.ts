import { concat, copyBytes } from '../http1/bytes.ts';

/** So much of a body waits for the app before the client is held back, in bytes. */
const HIGH_WATER = 64 * 1024;
const NONE = new Uint8Array(0);

/**
 * The body of a request on its way to an app. As long as nobody asked for a stream its bytes are gathered, up to `HIGH_WATER`:
 * a small one is there whole when the app looks, and needs none.
 */
export class AppBody {
  #gathered: Uint8Array = NONE;
  #isEnded = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  /** Nobody wants the rest. */
  #isDone = false;
  #error: Error | null = null;
  readonly #wanted: () => void;

  /** @param wanted is called when the app takes bytes again after `write` returned false, and maybe when it did not */
  constructor(wanted: () => void) {
    this.#wanted = wanted;
  }

  /** Takes over a copy of `bytes[start, end)`; false to be given no more until `wanted`. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isDone) return true;
    // Not `slice`: on Node the bytes are a Buffer, whose `slice` is a view.
    const piece = new Uint8Array(end - start);
    copyBytes(piece, 0, bytes, start, end);
    if (this.#controller === null) {
      this.#gathered = this.#gathered.length === 0 ? piece : concat(this.#gathered, piece);
      return this.#gathered.length < HIGH_WATER;
    }
    this.#controller.enqueue(piece);
    return (this.#controller.desiredSize ?? 1) > 0;
  }

  end(): void {
    this.#isEnded = true;
    if (!this.#isDone) this.#controller?.close();
    this.#isDone = true;
  }

  /** The client broke off: who reads the body is told. */
  fail(error: Error): void {
    if (this.#isEnded) return;
    this.#error = error;
    if (!this.#isDone) this.#controller?.error(error);
    this.#isDone = true;
  }

  /** All of it, when it is all here and nobody has begun to read it as a stream; else null. */
  get whole(): Uint8Array<ArrayBuffer> | null {
    return this.#isEnded && this.#stream === null ? (this.#gathered as Uint8Array<ArrayBuffer>) : null;
  }

  get stream(): ReadableStream<Uint8Array> {
    this.#stream ??= this.#open();
    return this.#stream;
  }

  #open(): ReadableStream<Uint8Array> {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => {
        if (this.#gathered.length > 0) controller.enqueue(this.#gathered);
        this.#gathered = NONE;
        if (this.#error !== null) controller.error(this.#error);
        else if (this.#isEnded) controller.close();
        else this.#controller = controller;
      },
      pull: () => this.#wanted(),
      cancel: () => {
        this.#isDone = true;
        // The client's bytes have to go somewhere, if only to get at its next request.
        this.#wanted();
      },
    };
    return new ReadableStream(source, { highWaterMark: HIGH_WATER, size: (piece) => piece?.byteLength ?? 0 });
  }
}
