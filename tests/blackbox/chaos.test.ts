/** The short form of `npm run chaos`: a quarter of a minute on each target. */

import assert from 'node:assert/strict';
import { chaos } from '../soak/turmoil.ts';
import { underTest } from '../support/ugate.ts';
import { OTHER } from './embedded.ts';
import { blackbox } from './front.ts';

const SECONDS = 8;

blackbox('chaos: nothing is lost but what a killed process held, and nothing is left', { ...OTHER, timeout: 240_000 }, async () => {
  const { faults, answered, steps } = await chaos({ under: underTest(), seconds: SECONDS });
  assert.deepEqual(faults, [], faults.join('\n'));
  assert.ok(answered > 100 && steps.size >= 10, `${answered} answers, ${[...steps.keys()]}`);
});
