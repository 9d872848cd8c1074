const encoder = new TextEncoder();

/**
 * What an app streams as its answer. Each piece is asked for as bytes, and all together are held to the Content-Length that the app gave:
 * of one that says too little or too much the client must not take the end for the end.
 */
export class AnswerStream {
  readonly stream: ReadableStream<unknown>;
  readonly #length: number;
  #taken = 0;

  /** @param length −1 when the app did not say */
  constructor(stream: ReadableStream<unknown>, length: number) {
    this.stream = stream;
    this.#length = length;
  }

  /**
   * A piece as it goes out. Texts and any view of bytes are taken wherever we run, because the server of one runtime or another takes
   * them: as UTF-8, and as they lie. @throws {TypeError} when it is neither, or more than the app has announced
   */
  take(piece: unknown): Uint8Array {
    const bytes = bytesOf(piece);
    this.#taken += bytes.length;
    if (this.#length !== -1 && this.#taken > this.#length)
      throw new TypeError(`the stream of the answer gave ${this.#taken} bytes, and its Content-Length is ${this.#length}: it is cut off`);
    return bytes;
  }

  /** Behind the last piece. @throws {TypeError} when there were fewer bytes than the app has announced */
  end(): void {
    if (this.#taken < this.#length)
      throw new TypeError(`the stream of the answer ended behind ${this.#taken} bytes, and its Content-Length is ${this.#length}: it is cut off`);
  }
}

/** The pieces of `answer` as they go out, for a server that reads them itself. @param failed is told what they break off with */
export function outgoing(answer: AnswerStream, failed: (error: unknown) => void): ReadableStream<Uint8Array> {
  const reader = answer.stream.getReader();
  let isCancelled = false;
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (isCancelled) return;
        if (!done) return controller.enqueue(answer.take(value));
        answer.end();
        controller.close();
      } catch (error) {
        if (isCancelled) return;
        failed(error);
        controller.error(error);
        cancelBody(reader);
      }
    },
    cancel(reason) {
      isCancelled = true;
      return reader.cancel(reason);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** The stream of an answer, to be read from its beginning; null for none. @throws {TypeError} when somebody has begun to read it */
export function unreadBody(response: Response): ReadableStream<unknown> | null {
  const { body } = response;
  if (body !== null && (response.bodyUsed || body.locked)) throw new TypeError('the body of the answer has been read already, or is being read');
  return body;
}

/** Nobody will read it. Whoever made it may throw at that, which concerns nobody. It may be none at all: apps give anything. */
export function cancelBody(body: unknown): void {
  try {
    (body as ReadableStream | null | undefined)?.cancel?.().catch(() => {});
  } catch {
    // It is no stream.
  }
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === 'string') return encoder.encode(piece);
  if (ArrayBuffer.isView(piece)) return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  if (piece instanceof ArrayBuffer) return new Uint8Array(piece);
  throw new TypeError(`the stream of the answer gave ${nameOf(piece)} where bytes or a text should be: it is cut off`);
}

function nameOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
