/** The short form of `npm run soak`: all kinds of clients at once for a quarter of a minute, and nothing is left of them. */

import assert from 'node:assert/strict';
import { SHORT, type SoakReport, soak } from '../soak/one.ts';
import { underTest } from '../support/ugate.ts';
import { blackbox } from './front.ts';

const SECONDS = 15;

function summary(report: SoakReport): string {
  const curve = report.samples.map(({ rss, descriptors }) => `${rss.toFixed(0)} MiB/${descriptors}`).join(' ');
  return `${report.tally.requests} requests, ${report.tally.cutOff} cut off; ${curve}; log ${JSON.stringify(Object.fromEntries(report.codes))}`;
}

blackbox(
  'mixed load with a node that comes and goes: no error, no descriptor left, memory bounded',
  { differs: 'it closes without an answer where ugate refuses, and its log has no codes' },
  async () => {
    const report = await soak({ under: underTest(), seconds: SECONDS, bounds: SHORT, share: 0.5 });
    assert.deepEqual(report.faults, [], summary(report));
  },
);
