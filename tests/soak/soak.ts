/**
 * Mixed load on ugate for as long as one likes, and whether memory, descriptors or errors grow meanwhile.
 *
 *     npm run soak -- [--runtime bun,deno,node,binary] [--minutes 10]
 *
 * One runtime after the other. Prints memory and descriptors once a minute and a table at the end; ends with 1 when anything is wrong.
 */

import { parseArgs } from 'node:util';
import type { UnderTest } from '../support/ugate.ts';
import { LONG, SHORT, type SoakReport, soak } from './one.ts';

function line(report: SoakReport): string {
  const { under, tally, samples, slope, descriptors, leavings } = report;
  const peak = Math.max(0, ...samples.map((sample) => sample.rss));
  const third = samples.find((sample) => sample.at > (samples.at(-1)?.at ?? 0) / 3)?.rss ?? Number.NaN;
  const memory = `${third.toFixed(0)} → ${(samples.at(-1)?.rss ?? Number.NaN).toFixed(0)} (peak ${peak.toFixed(0)})`;
  const fds = `${descriptors.before} / ${descriptors.peak} / ${descriptors.after}`;
  return `| ${under} | ${tally.requests} | ${leavings} | ${tally.cutOff} | ${memory} | ${slope.toFixed(2)} | ${fds} | ${report.faults.length} |`;
}

const { values } = parseArgs({ options: { runtime: { type: 'string' }, minutes: { type: 'string' } } });
const minutes = Number(values.minutes ?? 10);
const targets = (values.runtime ?? 'bun,deno,node,binary').split(',') as UnderTest[];
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes}: a number above 0`);

const reports: SoakReport[] = [];
for (const under of targets) {
  let told = 0;
  const report = await soak({
    under,
    seconds: minutes * 60,
    // A heap needs its first minutes to find its size.
    bounds: minutes < 3 ? SHORT : LONG,
    onSample: (sample, { requests, cutOff, errors }) => {
      if (sample.at < told) return;
      told += 60;
      const load = `${requests} requests, ${cutOff} cut off by the node, ${errors.length} errors`;
      console.log(`${under} ${sample.at.toFixed(0).padStart(4)} s  ${sample.rss.toFixed(0)} MiB  ${sample.descriptors} descriptors  ${load}`);
    },
  });
  reports.push(report);
  console.log(`  backend: ${report.backend}; rounds: ${[...report.tally.rounds].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  console.log(`  log: ${[...report.codes].map(([code, count]) => `${code} ${count}`).join(', ')}`);
  for (const fault of report.faults) console.log(`  ✗ ${fault}`);
}
console.log(`\n${minutes} minutes each; memory in MiB after a third of the time and at the end\n`);
console.log('| ugate on | requests | node left | cut off by it | memory | MiB a minute | descriptors before / peak / after | faults |');
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const report of reports) console.log(line(report));
process.exit(reports.every((report) => report.faults.length === 0) ? 0 : 1);
