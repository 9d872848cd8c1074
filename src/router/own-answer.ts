import type { Failure } from '../failure/failures.ts';
import { AddedFields, fieldName } from '../http1/added-fields.ts';
import { ascii } from '../http1/bytes.ts';
import { REASON_PHRASES } from '../http1/reason-phrases.ts';

/** A whole answer that no node made, as data: whoever frames it adds its length, the Date, and what it says of the connection. */
export interface OwnAnswer {
  readonly status: number;
  /** What else its head says. */
  readonly fields: AddedFields;
  /** Left out for HEAD; what it would have been long is said all the same. */
  readonly body: Uint8Array;
}

const CONTENT_TYPE = fieldName('Content-Type');
const RETRY_AFTER = fieldName('Retry-After');

/** The answer to what went wrong: a line of text with the stable code. */
export function errorAnswer({ status, code, retryAfter }: Failure): OwnAnswer {
  const fields = new AddedFields().add(CONTENT_TYPE, 'text/plain; charset=utf-8');
  if (retryAfter !== undefined) fields.add(RETRY_AFTER, String(retryAfter));
  return { status, fields, body: ascii(`${status} ${REASON_PHRASES[status] ?? 'Error'}: ${code}\n`) };
}
