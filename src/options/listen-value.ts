/** The value of `http`, and the first part of `http-to-https`. */

import { type ListenAddress, parseListenAddress } from '../net/address.ts';
import { adviseAddress } from './address-advice.ts';
import { addressed, quote, ValueError } from './value-error.ts';

/**
 * An address to listen on.
 * @throws {ValueError}
 */
export function readListenAddress(text: string): ListenAddress {
  const advice = adviseAddress(text);
  if (advice !== null) throw new ValueError(`${quote(text)} is no address`, advice);
  return addressed(() => parseListenAddress(text));
}
