import { AddedFields, fieldName } from '../http1/added-fields.ts';
import { latin1 } from '../http1/bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { originForm } from '../http1/request-target.ts';
import type { OwnAnswer } from './own-answer.ts';

/** Where a listener of `http-to-https` sends its clients. */
export interface HttpsRedirect {
  /** The https port; null for the usual one. */
  readonly port: number | null;
}

const LOCATION = fieldName('Location');
const NO_BODY = new Uint8Array(0);

/**
 * The answer that sends a request to https: 301 for GET and HEAD, which older clients know best, and 308 for the others, which keep
 * their method and body. Null without a host to send it to.
 */
export function httpsRedirect(head: RequestHead, { port }: HttpsRedirect): OwnAnswer | null {
  const { bytes, hostStart, hostEnd, isAsterisk } = head;
  const host = latin1(bytes, hostStart, hostEnd).replace(/:\d*$/, '');
  if (host === '') return null;
  const target = isAsterisk ? '' : originForm(head);
  const path = target.startsWith('/') ? target : `/${target}`;
  return {
    status: head.isGet || head.isHead ? 301 : 308,
    fields: new AddedFields().add(LOCATION, `https://${host}${port === null ? '' : `:${port}`}${path}`),
    body: NO_BODY,
  };
}
