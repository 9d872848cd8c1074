/** How the text of a value is read and checked, one reader for each form of the table. Times come out in ms, sizes in bytes. */

import { isIpLiteral, type ListenAddress } from '../net/address.ts';
import { readDuration, readInteger, readSize } from './amounts.ts';
import { readCodeString } from './code-string.ts';
import { DEFAULT_CHECK, type HealthCheckConfig, readHealthCheck } from './health-check.ts';
import { readKeyPattern } from './key-pattern.ts';
import { readListenAddress } from './listen-value.ts';
import { readModule } from './module-value.ts';
import { readNetworks } from './networks.ts';
import { type ParsedNode, parseNode } from './node-address.ts';
import type { Form } from './option.ts';
import { type Redirect, readRedirect } from './redirect.ts';
import { didYouMean } from './suggest.ts';
import { addressed, quote, ValueError } from './value-error.ts';

/** What a node speaks that is written without a scheme. */
export type DefaultKind = 'uwsgi' | 'http';

/** The type a form's text becomes. */
export type ValueOf<F extends Form> = F extends { kind: 'flag' }
  ? boolean
  : F extends { kind: 'integer' | 'size' | 'duration' | 'mode' }
    ? number
    : F extends { kind: 'switch' }
      ? boolean | number
      : F extends { kind: 'choice'; of: readonly (infer Choice)[] }
        ? Choice
        : F extends { kind: 'pair' }
          ? readonly [string, string]
          : F extends { kind: 'listen-address' }
            ? ListenAddress
            : F extends { kind: 'node' }
              ? ParsedNode
              : F extends { kind: 'redirect' }
                ? Redirect
                : F extends { kind: 'networks' }
                  ? readonly string[]
                  : F extends { kind: 'check' }
                    ? HealthCheckConfig | null
                    : F extends { kind: 'process-count' }
                      ? number | 'auto'
                      : F extends { kind: 'watch' }
                        ? string | boolean
                        : string;

export type Value = ValueOf<Form> | string;

/** True, on, yes, 1 → true; false, off, no, 0 → false, in upper or lower case; anything else → null. */
export function readSwitchWord(text: string): boolean | null {
  const word = text.toLowerCase();
  if (word === 'true' || word === 'on' || word === 'yes' || word === '1') return true;
  if (word === 'false' || word === 'off' || word === 'no' || word === '0') return false;
  return null;
}

/**
 * Reads the text of a value in the given form. `defaultKind` is for nodes only.
 * @throws {ValueError}
 */
export function readValue(form: Form, text: string, defaultKind: DefaultKind = 'uwsgi'): Value {
  switch (form.kind) {
    case 'flag':
      return readFlag(text);
    case 'integer':
      return readInteger(text, form.min, form.max);
    case 'size':
      return readSize(text, form.min, form.zero === 'unlimited');
    case 'duration':
      return readDuration(text);
    case 'switch':
      return readSwitchWord(text) ?? readAmount(text, form.amount);
    case 'choice':
      if (form.of.includes(text)) return text;
      throw new ValueError(`${quote(text)} is none of ${form.of.join(', ')}`, didYouMean(text, form.of));
    case 'mode':
      if (/^[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
      throw new ValueError(`${quote(text)} is no mode`, 'write exactly three octal digits, such as 660');
    case 'pair':
      return readPair(text);
    case 'listen-address':
      return readListenAddress(text);
    case 'node':
      return addressed(() => parseNode(text, defaultKind));
    case 'redirect':
      return readRedirect(text);
    case 'networks':
      return readNetworks(text, form.any === true);
    case 'ip':
      if (isIpLiteral(text)) return text;
      throw new ValueError(`${quote(text)} is no IP address`, 'write one address without a port, such as 127.0.0.1; give the option once for each');
    case 'check':
      return readCheck(text);
    case 'key-pattern':
      return readKeyPattern(text);
    case 'code-string':
      return readCodeString(text);
    case 'module':
      return readModule(text);
    case 'process-count':
      return text.toLowerCase() === 'auto' ? 'auto' : readInteger(text, 1, form.max);
    case 'watch':
      return readSwitchWord(text) ?? readValue({ kind: 'path' }, text);
    case 'path':
      if (text.includes('\0')) throw new ValueError('a path holds no NUL');
      return text;
    case 'string':
      return text;
  }
}

function readFlag(text: string): boolean {
  const flag = readSwitchWord(text);
  if (flag === null) throw new ValueError(`${quote(text)} is neither on nor off`, 'write true, on, yes or 1, or false, off, no or 0');
  return flag;
}

function readCheck(text: string): HealthCheckConfig | null {
  const isOn = readSwitchWord(text);
  if (isOn !== null) return isOn ? DEFAULT_CHECK : null;
  return readHealthCheck(text);
}

/** 0 and 1 are words of a switch and never come here. */
function readAmount(text: string, amount: 'duration' | 'size'): boolean | number {
  const [read, what] = amount === 'duration' ? [readDuration, 'seconds'] : [(value: string) => readSize(value, 0, false), 'bytes'];
  if (!/^\d/.test(text))
    throw new ValueError(`${quote(text)} is neither on, off nor a number of ${what}`, `write true, false or a number of ${what}`);
  // 0s and 0k can only mean off.
  return read(text) || false;
}

function readPair(text: string): readonly [string, string] {
  if (text.includes('\0')) throw new ValueError(`${quote(text.replaceAll('\0', '\\0'))}: a variable holds no NUL`);
  const equals = text.indexOf('=');
  if (equals === -1) throw new ValueError(`${quote(text)} has no "="`, 'write KEY=VALUE');
  if (equals === 0) throw new ValueError(`${quote(text)} has no key before the "="`, 'write KEY=VALUE');
  const key = text.slice(0, equals);
  if (/\s/.test(key)) throw new ValueError(`the key "${key}" has a blank in it`, 'write KEY=VALUE without blanks around the "="');
  return [key, text.slice(equals + 1)];
}
