import type { Failure } from '../failure/failures.ts';
import { copyOf } from '../http1/bytes.ts';
import { GrowingBytes } from '../http1/growing-bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { BodySpool } from './body-spool.ts';
import type { Service } from './service.ts';
import type { Upstream } from './upstream.ts';

/** Chunks go on as they came, whatever the node (`http-chunked-input`). */
function keepsChunks({ isChunked }: RequestHead, { needsLength, settings }: Service): boolean {
  return isChunked && needsLength && settings.chunkedInput;
}

/** A body without a length towards uwsgi, which knows no other than CONTENT_LENGTH; and any body with `http-post-buffering`. */
export function mustSpool(request: RequestHead, service: Service): boolean {
  if (!request.hasBody || request.isRaw) return false;
  return service.settings.postBuffering > 0 || (request.lengthIsUnknown && service.needsLength && !keepsChunks(request, service));
}

/** What has come of a request's body before anybody took it: its first bytes, or all of it where it has to be read whole first. */
export class HeldBody {
  #early: GrowingBytes | null = null;
  #trailers: Uint8Array | null = null;
  #spool: BodySpool | null = null;

  /** It is read whole before it goes on. */
  get isSpooled(): boolean {
    return this.#spool !== null;
  }

  /** Why it could not be put into a file, or read from it again, for the log; undefined when that went well. */
  get problem(): string | undefined {
    return this.#spool?.problem;
  }

  keep(bytes: Uint8Array, start: number, end: number): void {
    this.#early ??= new GrowingBytes();
    this.#early.append(bytes, start, end);
  }

  keepTrailers(lines: Uint8Array): void {
    this.#trailers = copyOf(lines);
  }

  /** The first bytes, which are held no more; null when none have come. */
  takeEarly(): Uint8Array | null {
    const early = this.#early?.bytes ?? null;
    this.#early = null;
    return early;
  }

  sendTrailers(upstream: Upstream): void {
    if (this.#trailers !== null) upstream.trailers?.(this.#trailers);
  }

  /** From now on it is read whole. Why it cannot be, or null. */
  spool({ settings, bodyBudget }: Service): Failure | null {
    this.#spool = new BodySpool(settings, settings.postBuffering || settings.bodyBuffer, bodyBudget);
    const early = this.takeEarly();
    return early === null ? null : this.#spool.write(early);
  }

  /** Spools bytes. Why they cannot be kept, or null. */
  write(bytes: Uint8Array): Failure | null {
    return this.#spool!.write(bytes);
  }

  /** It has come whole: the length that is to be told in place of one the request did not give; −1 for none. */
  lengthFor(request: RequestHead, service: Service): number {
    return request.lengthIsUnknown && !keepsChunks(request, service) ? this.#spool!.size : -1;
  }

  /** Sends on of what was spooled. True when nothing more comes of it; false: again when the upstream has drained. */
  sendSpool(upstream: Upstream): boolean {
    const spool = this.#spool!;
    for (let piece = spool.read(); piece !== null; piece = spool.read()) if (!upstream.body(piece, 0, piece.length)) return false;
    return true;
  }

  discard(): void {
    this.#spool?.discard();
  }
}
