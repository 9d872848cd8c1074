/** Lists of networks, such as those of the proxies that are believed. */

import { CidrSet } from '../net/cidr.ts';
import { addressed, quote, ValueError } from './value-error.ts';

/** Stands for everyone, alone in its list. */
export const ANY = 'any';

/**
 * Networks and addresses between commas: `10.0.0.0/8, 192.0.2.1, fd00::/8`; `["any"]` for that word, where it is allowed.
 * @throws {ValueError}
 */
export function readNetworks(text: string, mayBeAny: boolean): readonly string[] {
  if (text === ANY && mayBeAny) return [ANY];
  const networks = text.split(',').map((one) => one.trim());
  for (const network of networks) {
    if (network === '') throw new ValueError(`${quote(text)} has nothing between its commas`, 'write networks such as 10.0.0.0/8,fd00::/8');
    if (network === ANY && mayBeAny) throw new ValueError('"any" stands beside networks', 'write any alone, or leave it out');
    if (network === ANY) throw new ValueError('"any" would let every client choose its address', 'name the networks that the proxies are in');
    addressed(() => new CidrSet([network]));
  }
  return networks;
}
