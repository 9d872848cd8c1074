import { ascii, equalsBytes } from '../http1/bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { UpstreamExchange } from '../router/upstream.ts';

/** Safe and idempotent methods (RFC 9110 9.2.2): asking twice is asking once. */
const REPEATABLE: readonly Uint8Array[] = ['OPTIONS', 'TRACE', 'PUT', 'DELETE'].map(ascii);

/** True when the request can be sent a second time, whatever became of the first: idempotent, and there is no body. */
export function isRepeatable({ request }: UpstreamExchange): boolean {
  return !request.hasBody && !request.isRaw && (request.isGet || request.isHead || isIdempotent(request));
}

function isIdempotent({ bytes, methodStart, methodEnd }: RequestHead): boolean {
  for (const method of REPEATABLE) if (equalsBytes(bytes, methodStart, methodEnd, method)) return true;
  return false;
}
