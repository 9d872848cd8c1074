import { FAILURES, type Failure } from '../failure/failures.ts';
import type { RequestHead } from './request-head.ts';
import { readTransferEncoding, TRANSFER } from './transfer-encoding.ts';

/**
 * How the body of an HTTP/1 request with Transfer-Encoding is framed on the wire (RFC 9112 6.3), stricter: whatever two parsers could read
 * in two ways is refused. `encoding` is the number of the last of `encodings` fields.
 */
export function checkEncoding(head: RequestHead, encoding: number, encodings: number, hasLength: boolean): Failure | null {
  const { bytes, fields } = head;
  if (hasLength) return FAILURES.lengthAndEncoding;
  if (head.isHttp10) return FAILURES.encodingOn10;
  if (encodings > 1) return FAILURES.badEncoding;
  const kind = readTransferEncoding(bytes, fields.valueStart(encoding), fields.valueEnd(encoding));
  if (kind === TRANSFER.malformed) return FAILURES.badEncoding;
  if (kind === TRANSFER.unknown) return FAILURES.unknownEncoding;
  head.isChunked = true;
  head.lengthIsUnknown = true;
  return null;
}
