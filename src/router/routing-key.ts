import type { RequestHead } from '../http1/request-head.ts';
import { normalKey, withoutRootDot } from '../pool/mappers/key.ts';

/**
 * The authority a request asks for, with its port where it gives one, as mappers know it: lower case, no dot at the end of the
 * host. A request without one (HTTP/1.0) has the key of `otherwise`: the TLS server name or this machine's name.
 */
export function routingKey(head: RequestHead, otherwise = ''): string {
  const { bytes, hostStart, hostEnd } = head;
  if (hostStart === hostEnd) return normalKey(otherwise);
  let key = '';
  for (let i = hostStart; i < hostEnd; i++) {
    const byte = bytes[i];
    key += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  }
  return withoutRootDot(key);
}
