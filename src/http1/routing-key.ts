/** Routing keys: what a request asks for, in the one spelling that mappers and pools know. */

import type { RequestHead } from './request-head.ts';

/** A longer one is no key for uWSGI either. */
export const MAX_KEY_CHARS = 255;

const COLON = ':';
const DOT = 0x2e;

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

/**
 * The one spelling of a key: lower case, and without the dot that may end a host name (RFC 3986 3.2.2). `example.com.` is the
 * same host to DNS, and must not be a way around what is set for `example.com`.
 */
export function normalKey(text: string): string {
  return withoutRootDot(text.toLowerCase());
}

/** `host.` → `host`, `host.:80` → `host:80`; a host that is nothing but a dot stays. */
function withoutRootDot(key: string): string {
  const end = portStart(key);
  if (end < 2 || key.charCodeAt(end - 1) !== DOT) return key;
  return key.slice(0, end - 1) + key.slice(end);
}

/** `host:port` → `host`, whatever the port; a key without one as it is. */
export function withoutPort(key: string): string {
  const end = portStart(key);
  return end === key.length ? key : key.slice(0, end);
}

/** True when the key can be a part of a file's name and nothing more: no separator, no way up, no control byte. */
export function isFileName(key: string): boolean {
  if (key === '' || key === '.' || key.length > MAX_KEY_CHARS || key.includes('..')) return false;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code <= 0x20 || code === 0x2f || code === 0x5c || code >= 0x7f) return false;
  }
  return true;
}

/** Where `:port` begins; the length when there is none. The colons of an IPv6 address stand in brackets. */
function portStart(key: string): number {
  const colon = key.lastIndexOf(COLON);
  return colon > key.lastIndexOf(']') ? colon : key.length;
}
