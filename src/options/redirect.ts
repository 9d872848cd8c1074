/** The value of `http-to-https`: where to listen, and the port that clients are sent to. */

import type { ListenAddress } from '../net/address.ts';
import { readInteger } from './amounts.ts';
import { readListenAddress } from './listen-value.ts';

/** A listener that only redirects. */
export interface Redirect {
  readonly address: ListenAddress;
  /** Written behind the host; null leaves it out, for 443. */
  readonly port: number | null;
}

/**
 * `ADDRESS[,PORT]`. A comma before a slash belongs to the path of a socket.
 * @throws {ValueError}
 */
export function readRedirect(text: string): Redirect {
  const comma = text.lastIndexOf(',');
  const hasPort = comma !== -1 && !text.includes('/', comma);
  const listen = (hasPort ? text.slice(0, comma) : text).trim();
  const address = readListenAddress(listen);
  const port = hasPort ? readInteger(text.slice(comma + 1).trim(), 1, 65535) : 443;
  return { address, port: port === 443 ? null : port };
}
