/** Numbers, sizes and times. Sizes come out in bytes, times in ms. */

import { quote, ValueError } from './value-error.ts';

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

/**
 * A decimal number from `min` to `max`.
 * @throws {ValueError}
 */
export function readInteger(text: string, min: number, max: number): number {
  if (!/^-?\d+$/.test(text)) throw new ValueError(`${quote(text)} is no number`, `write a decimal number from ${min} to ${max}`);
  const value = Number(text);
  if (value >= min && value <= max) return value;
  throw new ValueError(`${quote(text)} is out of range`, `write a value from ${min} to ${max}`);
}

/**
 * Bytes, `min` and more; Infinity for 0 where that means no limit.
 * @throws {ValueError}
 */
export function readSize(text: string, min: number, zeroIsUnlimited: boolean): number {
  const match = /^(\d+) ?(?:([kmg])i?)?b?$/i.exec(text);
  if (match === null) throw new ValueError(`${quote(text)} is no size`, 'write bytes, or a number with k, m or g, such as 65536 or 64k');
  const size = Number(match[1]) * SIZE_UNITS.get((match[2] ?? '').toLowerCase())!;
  if (size === 0 && zeroIsUnlimited) return Number.POSITIVE_INFINITY;
  if (size < min) throw new ValueError(`${quote(text)} is too little`, `write ${min} bytes or more`);
  if (size > Number.MAX_SAFE_INTEGER) throw new ValueError(`${quote(text)} is too much`, 'write fewer bytes');
  return size;
}

/**
 * Milliseconds, 0 and more.
 * @throws {ValueError}
 */
export function readDuration(text: string): number {
  const match = /^(\d+) ?(ms|s|m|h|)$/i.exec(text);
  if (match === null)
    throw new ValueError(`${quote(text)} is no time`, 'write whole seconds, or a number with ms, s, m or h, such as 60, 500ms or 2m');
  const duration = Number(match[1]) * DURATION_UNITS.get(match[2].toLowerCase())!;
  if (duration > MAX_DURATION)
    throw new ValueError(`${quote(text)} is too long`, `the longest time is ${MAX_DURATION / 1000} seconds, a little under 25 days`);
  return duration;
}
