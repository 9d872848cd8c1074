import type { AddedFields } from '../http1/added-fields.ts';
import { copyBytes } from '../http1/bytes.ts';
import { MAX_CHUNK_SIZE_LINE, writeChunkSize } from '../http1/chunked-writer.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import type { OutBuffer } from './out-buffer.ts';

/** A piece up to this is copied behind what is gathered, to go out with it; a larger one is written as it is. */
const COPY_BYTES = 64 * 1024;
/** With nothing gathered a piece of this size is better written where it lies. */
const ALONE_BYTES = 4 * 1024;
/** A chunk is worth more copying: its size line and its end would be two more writes. */
const COPY_CHUNK_BYTES = 128 * 1024;

const CRLF = Uint8Array.of(0x0d, 0x0a);

/** Who wants to know what becomes of it. */
interface OutputOwner {
  /** The kernel did not take all: the client reads more slowly than it is written to. */
  fellBehind(): void;
}

/** What a client's connection is sent: gathered in the buffer of all until the end of an event, and read ahead of a slow client within bounds. */
export class Http1Output {
  /** The buffer that heads are written into, behind `roomForHead`. */
  readonly buffer: OutBuffer;
  /** More than `limit` waits for the kernel. */
  isBlocked = false;
  /** Bytes put on the wire so far. */
  written = 0;
  /** The shield (`http-response-buffer`): so many bytes are read ahead of a slow client, to let the backend go. */
  limit: number;
  readonly #connection: Connection<unknown>;
  readonly #owner: OutputOwner;

  constructor(buffer: OutBuffer, limit: number, connection: Connection<unknown>, owner: OutputOwner) {
    this.buffer = buffer;
    this.limit = limit;
    this.#connection = connection;
    this.#owner = owner;
  }

  /** Bytes so far: those written, and what waits to be flushed. */
  get produced(): number {
    return this.written + this.buffer.length;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const out = this.buffer;
    if (end - start <= (out.length === 0 ? ALONE_BYTES : COPY_BYTES)) {
      if (!out.has(end - start)) this.flush();
      out.length = copyBytes(out.bytes, out.length, bytes, start, end);
      return;
    }
    this.flush();
    this.#send(bytes, start, end);
  }

  /** Size line, bytes and CRLF; small ones in one write with what is there already. */
  writeChunk(bytes: Uint8Array, start: number, end: number): void {
    const out = this.buffer;
    const length = end - start;
    if (length === 0) return;
    const isCopied = length <= COPY_CHUNK_BYTES;
    if (!out.has(MAX_CHUNK_SIZE_LINE + (isCopied ? length + CRLF.length : 0))) this.flush();
    out.length = writeChunkSize(out.bytes, out.length, length);
    if (isCopied) out.length = copyBytes(out.bytes, out.length, bytes, start, end);
    else this.write(bytes, start, end);
    this.write(CRLF);
  }

  /** Makes room in the buffer for a head of any size, and `added`. */
  roomForHead(added: AddedFields | null): void {
    if (!this.buffer.hasRoomForHead(added === null ? 0 : added.length)) this.flush();
  }

  /** Puts what is gathered on the wire. */
  flush(): void {
    const out = this.buffer;
    const { length } = out;
    if (length === 0) return;
    out.length = 0;
    this.#send(out.bytes, 0, length);
  }

  /** Sends what is left, and closes the connection behind it. */
  close(): void {
    const out = this.buffer;
    const { length } = out;
    out.length = 0;
    this.written += length;
    this.#connection.close(out.bytes, 0, length);
    if (this.#connection.queued > 0) this.#owner.fellBehind();
  }

  #send(bytes: Uint8Array, start: number, end: number): void {
    this.written += end - start;
    if (this.#connection.write(bytes, start, end)) return;
    this.isBlocked = this.#connection.queued > this.limit;
    this.#owner.fellBehind();
  }
}
