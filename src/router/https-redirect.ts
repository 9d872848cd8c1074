import { ascii, latin1 } from '../http1/bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { originForm } from '../http1/request-target.ts';

/** Where a listener of `http-to-https` sends its clients. */
export interface HttpsRedirect {
  /** The https port; null for the usual one. */
  readonly port: number | null;
}

/**
 * The answer that sends a request to https: 301 for GET and HEAD, which older clients know best, and 308 for the others, which keep
 * their method and body. Null without a host to send it to. `date` is a Date line.
 */
export function httpsRedirect(head: RequestHead, { port }: HttpsRedirect, persists: boolean, date: Uint8Array): Uint8Array | null {
  const { bytes, hostStart, hostEnd, isAsterisk } = head;
  const host = latin1(bytes, hostStart, hostEnd).replace(/:\d*$/, '');
  if (host === '') return null;
  const target = isAsterisk ? '' : originForm(head);
  const path = target.startsWith('/') ? target : `/${target}`;
  const lines = [
    redirectStatus(head) === 301 ? 'HTTP/1.1 301 Moved Permanently' : 'HTTP/1.1 308 Permanent Redirect',
    `Location: https://${host}${port === null ? '' : `:${port}`}${path}`,
    'Content-Length: 0',
    ...connectionLine(persists, head.isHttp10),
    `${latin1(date, 0, date.length)}\r\n`,
  ];
  return ascii(lines.join('\r\n'));
}

export function redirectStatus({ isGet, isHead }: RequestHead): 301 | 308 {
  return isGet || isHead ? 301 : 308;
}

/** HTTP/1.0 closes unless it is told otherwise. */
function connectionLine(persists: boolean, isHttp10: boolean): string[] {
  if (!persists) return ['Connection: close'];
  return isHttp10 ? ['Connection: keep-alive'] : [];
}
