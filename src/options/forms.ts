/** How the text of a value is read and checked, one reader for each form of the table. Times come out in ms, sizes in bytes. */

import { AddressError, type ConnectAddress, type ListenAddress, parseConnectAddress, parseListenAddress } from '../net/address.ts';
import { adviseAddress } from './address-advice.ts';
import type { Form } from './option.ts';
import { didYouMean } from './suggest.ts';

/** A value that cannot be read; `message` says what is wrong with it and `hint` what to write. The caller knows the option and the place. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** A value in a message: in double quotes, or in single ones when it has double ones of its own. */
export function quote(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

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
            : F extends { kind: 'connect-address' }
              ? ConnectAddress
              : string;

export type Value = ValueOf<Form> | string;

/** A day count would not fit the timers of the runtimes, which count 31 bits of milliseconds. */
const MAX_DURATION = 2_147_483_000;
const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1000],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1024],
  ['m', 1024 ** 2],
  ['g', 1024 ** 3],
]);

/** True, on, yes, 1 → true; false, off, no, 0 → false, in upper or lower case; anything else → null. */
export function readSwitchWord(text: string): boolean | null {
  const word = text.toLowerCase();
  if (word === 'true' || word === 'on' || word === 'yes' || word === '1') return true;
  if (word === 'false' || word === 'off' || word === 'no' || word === '0') return false;
  return null;
}

/**
 * Reads the text of a value in the given form.
 * @throws {ValueError}
 */
export function readValue(form: Form, text: string): Value {
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
      return readAddress(text, parseListenAddress);
    case 'connect-address':
      return readAddress(text, parseConnectAddress);
    case 'string':
      return text;
  }
}

function readFlag(text: string): boolean {
  const flag = readSwitchWord(text);
  if (flag === null) throw new ValueError(`${quote(text)} is neither on nor off`, 'write true, on, yes or 1, or false, off, no or 0');
  return flag;
}

function readInteger(text: string, min: number, max: number): number {
  if (!/^-?\d+$/.test(text)) throw new ValueError(`${quote(text)} is no number`, `write a decimal number from ${min} to ${max}`);
  const value = Number(text);
  if (value >= min && value <= max) return value;
  throw new ValueError(`${quote(text)} is out of range`, `write a value from ${min} to ${max}`);
}

function readSize(text: string, min: number, zeroIsUnlimited: boolean): number {
  const match = /^(\d+) ?(?:([kmg])i?)?b?$/i.exec(text);
  if (match === null) throw new ValueError(`${quote(text)} is no size`, 'write bytes, or a number with k, m or g, such as 65536 or 64k');
  const size = Number(match[1]) * SIZE_UNITS.get((match[2] ?? '').toLowerCase())!;
  if (size === 0 && zeroIsUnlimited) return Number.POSITIVE_INFINITY;
  if (size < min) throw new ValueError(`${quote(text)} is too little`, `write ${min} bytes or more`);
  if (size > Number.MAX_SAFE_INTEGER) throw new ValueError(`${quote(text)} is too much`, 'write fewer bytes');
  return size;
}

function readDuration(text: string): number {
  const match = /^(\d+) ?(ms|s|m|h|)$/i.exec(text);
  if (match === null)
    throw new ValueError(`${quote(text)} is no time`, 'write whole seconds, or a number with ms, s, m or h, such as 60, 500ms or 2m');
  const duration = Number(match[1]) * DURATION_UNITS.get(match[2].toLowerCase())!;
  if (duration > MAX_DURATION)
    throw new ValueError(`${quote(text)} is too long`, `the longest time is ${MAX_DURATION / 1000} seconds, a little under 25 days`);
  return duration;
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
  const equals = text.indexOf('=');
  if (equals === -1) throw new ValueError(`${quote(text)} has no "="`, 'write KEY=VALUE');
  if (equals === 0) throw new ValueError(`${quote(text)} has no key before the "="`, 'write KEY=VALUE');
  const key = text.slice(0, equals);
  if (/\s/.test(key)) throw new ValueError(`the key "${key}" has a blank in it`, 'write KEY=VALUE without blanks around the "="');
  return [key, text.slice(equals + 1)];
}

function readAddress<A>(text: string, parse: (text: string) => A): A {
  const advice = adviseAddress(text);
  if (advice !== null) throw new ValueError(`${quote(text)} is no address`, advice);
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof AddressError) throw new ValueError(error.message);
    throw error;
  }
}
