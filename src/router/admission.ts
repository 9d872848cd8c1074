import { FAILURES, type Failure } from '../failure/failures.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Front } from './front.ts';
import type { ServiceSettings } from './service.ts';

/**
 * What becomes of a request whose head has been read, before anybody looks for who answers it. `refused`: it breaks a limit, and what
 * follows on its connection cannot be told from it. `turned-down`: nothing is wrong with it.
 */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'turned-down'; readonly failure: Failure };

const ADMITTED: Admission = { kind: 'admitted' };
const TOO_LARGE: Admission = { kind: 'refused', failure: FAILURES.bodyTooLarge };
const EXPECTS_TOO_MUCH: Admission = { kind: 'refused', failure: FAILURES.expectTooLarge };
const PAUSED: Admission = { kind: 'turned-down', failure: FAILURES.paused };

/** The rules for a request as a whole, whatever protocol it came by: limits, pause. Pure. */
export function admission(head: RequestHead, { maxBody, expectMaxBody }: ServiceSettings, isPaused: boolean): Admission {
  if (head.contentLength > maxBody) return TOO_LARGE;
  if (head.expectsContinue && head.contentLength > expectMaxBody) return EXPECTS_TOO_MUCH;
  return isPaused ? PAUSED : ADMITTED;
}

/**
 * True for a request that is followed by bytes both ways until its connection ends (`http-raw-body`, `http-manage-source`, RTSP).
 * Chunks are, as in uWSGI; what has a length keeps it. What only redirects passes nothing on.
 */
export function isRaw(head: RequestHead, { redirect }: Front, { rawBody, manageSource }: ServiceSettings): boolean {
  if (redirect !== null) return false;
  return head.isRtsp || (rawBody && head.contentLength === -1) || (manageSource && head.isSource);
}
