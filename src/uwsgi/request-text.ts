import { FAILURES, type Failure } from '../failure/failures.ts';
import { ascii, TARGET, TOKEN, VALUE } from '../http1/bytes.ts';
import { MAX_TARGET_BYTES } from '../http1/request-head.ts';
import type { Packet } from './packet.ts';

/** The last of doubles wins, as in WSGI. */
export type Vars = ReadonlyMap<string, string>;

/**
 * Fields that are not taken from HTTP_*: said by another var, or between the client and the web server in front. Expect and
 * Upgrade are among them because one answer is all that goes back.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(
  'host content-length content-type connection keep-alive te trailer transfer-encoding upgrade expect proxy proxy-connection'.split(' '),
);
/** Bytes that stand for themselves in a path made of PATH_INFO (RFC 3986 3.3). */
const PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g;

/**
 * A request in the words of HTTP/1.1, from the vars of a uwsgi packet: the head's bytes, for the parser that all requests go
 * through. A refusal when a var would break out of its line. Of a length only CONTENT_LENGTH knows.
 */
export function headOfVars(packet: Pick<Packet, 'vars'>, vars: Vars): Uint8Array | Failure {
  const method = vars.get('REQUEST_METHOD') ?? '';
  if (!isToken(method)) return FAILURES.badMethod;
  const target = targetOf(vars);
  if (target.length > MAX_TARGET_BYTES) return FAILURES.targetTooLong;
  const version = vars.get('SERVER_PROTOCOL') === 'HTTP/1.0' ? 'HTTP/1.0' : 'HTTP/1.1';
  const lines = [`${method} ${target} ${version}`];
  const host = vars.get('HTTP_HOST') || (version === 'HTTP/1.1' ? vars.get('SERVER_NAME') || 'localhost' : '');
  if (host !== '') lines.push(`host: ${host}`);
  for (const key of ['CONTENT_TYPE', 'CONTENT_LENGTH']) {
    const value = vars.get(key) ?? '';
    if (value !== '') lines.push(`${fieldName(key)}: ${value}`);
  }
  for (const [key, value] of packet.vars) {
    if (!key.startsWith('HTTP_')) continue;
    const name = fieldName(key.slice(5));
    if (LEFT_OUT.has(name)) continue;
    if (!isToken(name)) return FAILURES.badFieldName;
    lines.push(`${name}: ${value}`);
  }
  // The method and the target cannot hold such a byte.
  for (let i = 1; i < lines.length; i++) if (!isValue(lines[i])) return FAILURES.badFieldValue;
  return ascii(`${lines.join('\r\n')}\r\n\r\n`);
}

/** REQUEST_URI as the client sent it; where a web server gives none, what it was made into, made back. */
function targetOf(vars: Vars): string {
  const uri = vars.get('REQUEST_URI') ?? '';
  if (uri !== '') return escapeTarget(uri);
  const path = `${vars.get('SCRIPT_NAME') ?? ''}${vars.get('PATH_INFO') ?? ''}`.replace(PATH, escaped);
  const query = escapeTarget(vars.get('QUERY_STRING') ?? '');
  return `${path.startsWith('/') ? '' : '/'}${path}${query === '' ? '' : '?'}${query}`;
}

/** Bytes that no target may hold, which web servers let through. */
function escapeTarget(text: string): string {
  let out = '';
  for (const char of text) out += TARGET[char.charCodeAt(0)] === 1 ? char : escaped(char);
  return out;
}

function escaped(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function fieldName(key: string): string {
  return key.toLowerCase().replaceAll('_', '-');
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] === 0) return false;
  return text !== '';
}

function isValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (VALUE[text.charCodeAt(i)] !== 1) return false;
  return true;
}
