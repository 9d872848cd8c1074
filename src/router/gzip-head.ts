import { acceptsGzip } from '../http1/accept-encoding.ts';
import { ascii, equalsFolded, latin1 } from '../http1/bytes.ts';
import { FIELD } from '../http1/field-names.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';

const GZIP = ascii('gzip');

/** What becomes of an answer whose app asked for compression (`uWSGI-Encoding: gzip`). */
export interface GzipPlan {
  readonly compresses: boolean;
  /** Lines for the head, beside those of the app. */
  readonly lines: string;
}

/**
 * Reads the app's wish off the head and takes it out, wherever it stands. Only a whole answer of unknown length that is not encoded
 * yet is compressed; whatever the client accepts, `Vary` tells caches that the answer depends on it, and a strong ETag becomes a weak
 * one, because the bytes are others (RFC 9110 8.8.1). A client that does not accept it, and an app that says no-transform, get it plain.
 */
export function planGzip(head: ResponseHead, request: RequestHead): GzipPlan {
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
        fields.drop(i);
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
  head.isClean = false;
  const isSized = head.contentLength !== -1 || head.isChunked;
  const isWhole = head.status >= 200 && head.status !== 206 && head.status !== 204 && head.status !== 304;
  const mayCompress = isWanted && isPlain && mayTransform && isWhole && !isSized;
  let lines = mayCompress && !variesAlready ? 'Vary: Accept-Encoding\r\n' : '';
  if (!mayCompress || request.isHead || !acceptsGzip(request)) return { compresses: false, lines };
  lines += 'Content-Encoding: gzip\r\n';
  if (etag !== -1) {
    const tag = latin1(bytes, fields.valueStart(etag), fields.valueEnd(etag));
    if (!tag.startsWith('W/')) {
      fields.drop(etag);
      lines += `ETag: W/${tag}\r\n`;
    }
  }
  return { compresses: true, lines };
}
