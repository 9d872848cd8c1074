import { isFileName, normalKey } from '../../http1/routing-key.ts';
import { MapperError, type MapperFault } from './mapper-error.ts';

/** More would scroll the first ones away, and the first ones are usually the cause. */
const MAX_FAULTS = 20;
/** Requests go on while a long file is read: so many lines at a time. */
const LINES_AT_ONCE = 2_000;

const FORM = 'write the host, a space and the address, such as: example.com 127.0.0.1:3031';

const WHOLE = 'put a new line at its end; write a new version to another file and rename that (mv), so that half of it is never seen';
const EMPTY = 'a map without hosts is a file with a comment in it; write a new version to another file and rename that (mv)';

/**
 * Reads a file of `key address` or `key = address` lines; empty ones and those that begin with `#` or `;` are left out. Who writes a
 * file in place begins with an empty one and ends with a line end: without these it is half written, and half an address another node.
 * @param check throws when a text is no address
 * @throws {MapperError} with every fault, at most 20
 */
export async function readAddresses(file: string, text: string, check: (address: string) => void): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  const lineOf = new Map<string, number>();
  const checked = new Set<string>();
  const faults: MapperFault[] = [];
  const lines = text.replace(/^\ufeff/, '').split('\n');
  if (text === '') throw new MapperError([{ file, line: 0, message: 'the file is empty', hint: EMPTY }]);
  if (!text.endsWith('\n'))
    throw new MapperError([{ file, line: lines.length, message: 'the last line has no end: it may be half written', hint: WHOLE }]);
  for (let i = 0; i < lines.length && faults.length < MAX_FAULTS; i++) {
    if (i % LINES_AT_ONCE === LINES_AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve));
    const line = lines[i].trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const number = i + 1;
    const say = (message: string, hint: string | null): void => void faults.push({ file, line: number, message, hint });
    const match = /^([^\s=]+)(?:\s*=\s*|\s+)(\S+)$/.exec(line);
    if (match === null) {
      const hasComment = /\s[#;]/.test(line);
      say(`"${line.slice(0, 100)}" is no key and address`, hasComment ? 'a comment stands on a line of its own' : FORM);
      continue;
    }
    const key = normalKey(match[1]);
    const before = lineOf.get(key);
    if (!isFileName(key)) say(`"${match[1]}" is no host`, 'write what clients send as Host, such as example.com, example.com:8080 or xn--…');
    else if (before !== undefined) say(`"${key}" is there already`, `it was first given in line ${before}; several addresses are written a|b`);
    else {
      const fault = checked.has(match[2]) ? null : faultOf(match[2], check);
      if (fault !== null) say(fault, null);
      checked.add(match[2]);
      addresses.set(key, match[2]);
      lineOf.set(key, number);
    }
  }
  if (faults.length > 0) throw new MapperError(faults);
  return addresses;
}

function faultOf(address: string, check: (address: string) => void): string | null {
  try {
    check(address);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
