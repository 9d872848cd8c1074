import { copyOf } from '../http1/bytes.ts';
import { GrowingBytes } from '../http1/growing-bytes.ts';

/** So much of a body waits for the app before the client is held back, in bytes. */
const HIGH_WATER = 64 * 1024;

/**
 * The body of a request on its way to an app. What the app has not asked for is gathered, up to `HIGH_WATER`, be there a stream or
 * not: a small one is there whole when the app looks, and needs none; and what waits for a slow reader is one piece, however many
 * it came in.
 */
export class AppBody {
  readonly #gathered = new GrowingBytes();
  #isEnded = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  /** Somebody waits for bytes of the stream. */
  #isAsked = false;
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
    if (this.#isAsked) {
      this.#isAsked = false;
      this.#controller!.enqueue(copyOf(bytes, start, end));
      return true;
    }
    this.#gathered.append(bytes, start, end);
    return this.#gathered.length < HIGH_WATER;
  }

  end(): void {
    this.#isEnded = true;
    if (!this.#isDone && this.#controller !== null) {
      this.#enqueueGathered(this.#controller);
      this.#controller.close();
    }
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
    return this.#isEnded && this.#stream === null ? this.#gathered.whole : null;
  }

  get stream(): ReadableStream<Uint8Array> {
    this.#stream ??= this.#open();
    return this.#stream;
  }

  #open(): ReadableStream<Uint8Array> {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => {
        if (this.#error !== null) controller.error(this.#error);
        else if (this.#isEnded) {
          this.#enqueueGathered(controller);
          controller.close();
        } else this.#controller = controller;
      },
      pull: (controller) => {
        this.#isAsked = !this.#enqueueGathered(controller as ReadableStreamDefaultController<Uint8Array>);
        this.#wanted();
      },
      cancel: () => {
        this.#isDone = true;
        this.#gathered.clear();
        // The client's bytes have to go somewhere, if only to get at its next request.
        this.#wanted();
      },
    };
    // What waits is gathered here and not in the stream, which keeps pieces as they come.
    return new ReadableStream(source, { highWaterMark: 0 });
  }

  /** False when there was nothing. */
  #enqueueGathered(controller: ReadableStreamDefaultController<Uint8Array>): boolean {
    if (this.#gathered.length === 0) return false;
    const { whole } = this.#gathered;
    this.#gathered.clear();
    controller.enqueue(whole);
    return true;
  }
}
