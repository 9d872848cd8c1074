/**
 * Everything that can happen to a tree of processes, at random and under load, for as long as one likes: kill -9, STOP and CONT, reloads with
 * code that works and code that does not, chain reloads, takeovers, pauses.
 *
 *     npm run chaos -- [--runtime bun,deno,node,binary] [--seconds 600]
 *
 * One runtime after the other. Ends with 1 when a request was lost that no killed process held, or when a process, file or descriptor is left.
 */

import { parseArgs } from 'node:util';
import type { UnderTest } from '../support/ugate.ts';
import { chaos } from './turmoil.ts';

const { values } = parseArgs({ options: { runtime: { type: 'string' }, seconds: { type: 'string' } } });
const seconds = Number(values.seconds ?? 600);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds}: a number above 0`);

let isWell = true;
for (const under of (values.runtime ?? 'bun,deno,node,binary').split(',') as UnderTest[]) {
  const { answered, excused, steps, faults } = await chaos({ under, seconds, told: (text) => console.log(`${under} ${text}`) });
  const counts = [...steps].map(([name, count]) => `${name} ${count}`).join(', ');
  console.log(`${under}: ${answered} answers, ${excused} excused by a kill, ${faults.length} faults; ${counts}`);
  for (const fault of faults) console.log(`  ${fault}`);
  if (faults.length > 0) isWell = false;
}
process.exitCode = isWell ? 0 : 1;
