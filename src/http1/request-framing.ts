import { FAILURES, type Failure } from '../failure/failures.ts';
import { readDecimal } from './bytes.ts';
import type { RequestHead } from './request-head.ts';
import { readTransferEncoding, TRANSFER } from './transfer-encoding.ts';

/**
 * How the body of an HTTP/1 request is framed on the wire (RFC 9112 6.3), stricter: whatever two parsers could read in two ways is
 * refused. `length` and `encoding` are the numbers of the fields, −1 without; `encodings` counts the second.
 */
export function checkFraming(head: RequestHead, length: number, encoding: number, encodings: number): Failure | null {
  const { bytes, fields } = head;
  if (length !== -1) {
    head.contentLength = readDecimal(bytes, fields.valueStart(length), fields.valueEnd(length));
    if (encodings > 0) return FAILURES.lengthAndEncoding;
    return head.contentLength === -1 ? FAILURES.badLength : null;
  }
  if (encodings === 0) return null;
  if (head.isHttp10) return FAILURES.encodingOn10;
  if (encodings > 1) return FAILURES.badEncoding;
  const kind = readTransferEncoding(bytes, fields.valueStart(encoding), fields.valueEnd(encoding));
  if (kind === TRANSFER.malformed) return FAILURES.badEncoding;
  if (kind === TRANSFER.unknown) return FAILURES.unknownEncoding;
  head.isChunked = true;
  head.lengthIsUnknown = true;
  return null;
}
