/** Addresses that are nearly right, or that would be taken for something the user did not mean. */

import { isIpLiteral } from '../net/address.ts';

/**
 * What to write instead of `text`; null when there is nothing to say and the parser shall judge.
 * uWSGI takes every text without a colon for the path of a socket, so that `localhost` or `"127.0.0.1:80"` with
 * its quotes would become a file.
 */
export function adviseAddress(text: string): string | null {
  // Plain looks come first: an expression is compiled when it is first used, and this is done at each start.
  if (text.startsWith('unix:')) return `a path is enough: "${text.slice(5).replace(/^\/+/, '/')}"`;
  const url = text.includes('://') ? /^[a-z][a-z0-9+.]*:\/\/([^/]*)/i.exec(text) : null;
  if (url !== null && !text.startsWith('fd://')) return `write only host and port: "${url[1].includes(':') ? url[1] : `${url[1]}:80`}"`;
  if (text.startsWith('=') && /^=\d/.test(text))
    return 'shared sockets (=N) are not available yet; write the address itself, or fd://N for an inherited descriptor';
  if (isQuoted(text)) return `quotes are part of the value here; leave them out: ${text.slice(1, -1)}`;
  if (text.startsWith('*:')) return `for all IPv4 addresses write "${text.slice(1)}"`;
  if (text.includes(',') && !text.includes('/')) return 'give the option once for each address';
  if (isIpLiteral(text)) return `add a port: "${text.includes(':') ? `[${text}]` : text}:8080"`;
  if (text === 'localhost') return 'add a port: "localhost:8080"; for a socket file of that name write "./localhost"';
  return null;
}

function isQuoted(text: string): boolean {
  const [first = ''] = text;
  return text.length > 1 && (first === '"' || first === "'") && text.endsWith(first);
}
