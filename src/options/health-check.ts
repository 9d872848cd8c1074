/** The value of `http-check`: how nodes are asked whether they are well. */

import { readDuration, readInteger } from './amounts.ts';
import { didYouMean } from './suggest.ts';
import { quote, ValueError } from './value-error.ts';

/** Times are milliseconds. */
export interface HealthCheckConfig {
  /** What is asked for; null only connects. */
  readonly path: string | null;
  /** The Host that is asked for. */
  readonly host: string;
  readonly interval: number;
  /** Failures in a row after which a node is not used. */
  readonly fails: number;
  /** Successes in a row after which it is used again. */
  readonly passes: number;
  readonly timeout: number;
}

export const DEFAULT_CHECK: HealthCheckConfig = Object.freeze({ path: null, host: 'localhost', interval: 5000, fails: 2, passes: 2, timeout: 5000 });

const MAX_COUNT = 1000;
/** Checks more often than this would be load, and nothing is learned from them. */
const MIN_TIME = 100;

/**
 * `path=/healthz,interval=5,fails=2,passes=2,timeout=5`, each key optional.
 * @throws {ValueError}
 */
export function readHealthCheck(text: string): HealthCheckConfig {
  const check = { ...DEFAULT_CHECK };
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    if (equals === -1) throw new ValueError(`${quote(part.trim())} is no key=value`, pathHint(part.trim()));
    if (!Object.hasOwn(check, key)) throw new ValueError(`the check has no key ${quote(key)}`, didYouMean(key, Object.keys(check)) ?? keysHint());
    if (seen.has(key)) throw new ValueError(`${quote(key)} is there twice`, 'keep one of them');
    seen.add(key);
    switch (key) {
      case 'path':
        check.path = readPath(value);
        break;
      case 'host':
        check.host = readHost(value);
        break;
      case 'interval':
      case 'timeout':
        check[key] = readTime(key, value);
        break;
      case 'fails':
      case 'passes':
        check[key] = readInteger(value, 1, MAX_COUNT);
    }
  }
  if (seen.has('host') && check.path === null) throw new ValueError('host= asks for nothing without path=', 'write path=/healthz,host=…');
  return check;
}

function readHost(value: string): string {
  // As RFC 9110 7.2 has it, of what names a server in practice.
  if (!/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(value))
    throw new ValueError(`${quote(value)} is no host`, 'write what clients send as Host, such as host=www.example.com');
  return value;
}

function readPath(value: string): string {
  if (!value.startsWith('/')) throw new ValueError(`the path ${quote(value)} does not begin with "/"`, `write path=/${value}`);
  // It goes into a request line as it is.
  if (!/^[\x21-\x7e]+$/.test(value) || value.includes('#'))
    throw new ValueError(`the path ${quote(value)} has characters that a request line cannot hold`, 'write them as %XX escapes');
  return value;
}

function readTime(key: string, value: string): number {
  const time = readDuration(value);
  if (time < MIN_TIME) throw new ValueError(`${key}=${value} is too short`, `write ${MIN_TIME}ms or more`);
  return time;
}

function pathHint(part: string): string {
  return part.startsWith('/') ? `write path=${part}` : keysHint();
}

function keysHint(): string {
  return `the keys are ${Object.keys(DEFAULT_CHECK).join(', ')}, such as path=/healthz,interval=5`;
}
