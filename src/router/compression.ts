import type { GzipEngine, GzipOutput, GzipStream } from '../encoding/gzip.ts';
import { FAILURES } from '../failure/failures.ts';
import { acceptsGzip } from '../http1/accept-encoding.ts';
import { fieldName } from '../http1/added-fields.ts';
import { ascii, equalsFolded, latin1 } from '../http1/bytes.ts';
import { FIELD } from '../http1/field-names.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Log } from '../log/log.ts';

const GZIP = ascii('gzip');
const VARY = fieldName('Vary');
const CONTENT_ENCODING = fieldName('Content-Encoding');
const ETAG = fieldName('ETag');

/** The compressor of one answer, from its head to its end. */
export class Compression {
  readonly #stream: GzipStream;
  readonly #log: Log;

  constructor(stream: GzipStream, log: Log) {
    this.#stream = stream;
    this.#log = log;
  }

  /** Compresses `bytes[start, end)`. False: it failed, which has been told, and the answer is to be cut off. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#stream.write(bytes, start, end) || this.#failed();
  }

  /** Hands over the end; false as in `write`. */
  finish(): boolean {
    return this.#stream.finish() || this.#failed();
  }

  /** Frees the compressor, wherever it is. */
  discard(): void {
    this.#stream.discard();
  }

  #failed(): false {
    const { level, code, rule } = FAILURES.gzipFailed;
    this.#log.event(level, code, rule);
    this.discard();
    return false;
  }
}

/** What compressing rests on. */
export interface CompressionParts {
  readonly gzip: GzipEngine | null;
  readonly log: Log;
}

/**
 * Reads the app's wish to have its answer compressed (`uWSGI-Encoding: gzip`), takes it out of the head wherever it stands, and opens a
 * compressor that writes to `to`. Only a whole answer of unknown length that is not encoded yet is compressed; whatever the client
 * accepts, `Vary` tells caches that the answer depends on it, and a strong ETag becomes a weak one, because the bytes are others (RFC
 * 9110 8.8.1). A client that does not accept it, and an app that says no-transform, get it plain; so does who comes while too many
 * compressors are open. Null: the body goes as it comes.
 */
export function compressed(head: ResponseHead, request: RequestHead, { gzip, log }: CompressionParts, to: GzipOutput): Compression | null {
  if (gzip === null || !head.hasUwsgiEncoding) return null;
  const { bytes, fields } = head;
  let isWanted = false;
  let isPlain = true;
  let mayTransform = true;
  let variesAlready = false;
  let etag = -1;
  for (let i = 0; i < fields.count; i++) {
    const start = fields.valueStart(i);
    const end = fields.valueEnd(i);
    switch (fields.id(i)) {
      case FIELD.uwsgiEncoding:
        isWanted ||= equalsFolded(bytes, start, end, GZIP);
        head.drop(i);
        break;
      case FIELD.contentEncoding:
      case FIELD.contentRange:
        isPlain = false;
        break;
      case FIELD.cacheControl:
        mayTransform &&= !/(^|[\s,])no-transform([\s,]|$)/i.test(latin1(bytes, start, end));
        break;
      case FIELD.vary:
        variesAlready ||= /(^|[\s,])(\*|accept-encoding)([\s,]|$)/i.test(latin1(bytes, start, end));
        break;
      case FIELD.etag:
        etag = i;
        break;
    }
  }
  const isSized = head.contentLength !== -1 || head.isChunked;
  const isWhole = head.status >= 200 && head.status !== 206 && head.status !== 204 && head.status !== 304;
  if (!isWanted || !isPlain || !mayTransform || !isWhole || isSized) return null;
  if (!variesAlready) head.add(VARY, 'Accept-Encoding');
  if (request.isHead || !acceptsGzip(request)) return null;
  if (etag !== -1) weaken(head, etag);
  const stream = gzip.open(to);
  if (stream === null) return null;
  head.add(CONTENT_ENCODING, 'gzip');
  return new Compression(stream, log);
}

function weaken(head: ResponseHead, etag: number): void {
  const tag = latin1(head.bytes, head.fields.valueStart(etag), head.fields.valueEnd(etag));
  if (tag.startsWith('W/')) return;
  head.drop(etag);
  head.add(ETAG, `W/${tag}`);
}
