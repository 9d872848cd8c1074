/** Changes of a request's vars, of which the allowed differences between uWSGI's router and ugate are made. */

import type { Vars } from './support.ts';

export type Change = (vars: Vars) => Vars;

export const without =
  (...keys: string[]): Change =>
  (vars) =>
    vars.filter(([key]) => !keys.includes(key));

export const set =
  (key: string, value: string): Change =>
  (vars) =>
    vars.map(([name, old]) => [name, name === key ? value : old]);

/** Without keys: every value. */
export const map =
  (change: (value: string) => string, ...keys: string[]): Change =>
  (vars) =>
    vars.map(([key, value]) => [key, keys.length === 0 || keys.includes(key) ? change(value) : value]);

/** uWSGI prints the port as it lies in memory, in network order. */
export function swapped(port: number): string {
  return String(((port & 0xff) << 8) | (port >> 8));
}
