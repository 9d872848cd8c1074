import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { type Sample, slopeOf, Watch } from './watch.ts';

function line(rss: (at: number) => number): Sample[] {
  return Array.from({ length: 61 }, (_, at) => ({ at, rss: rss(at), descriptors: 9 }));
}

test('the slope is told in MiB a minute, and what goes up and down stays flat', () => {
  assert.equal(slopeOf(line(() => 80)), 0);
  assert.ok(Math.abs(slopeOf(line((at) => 80 + at / 30)) - 2) < 1e-9);
  assert.ok(Math.abs(slopeOf(line((at) => 80 + (at % 2) * 20))) < 1);
});

test('a watch sees a descriptor that stays open', { skip: process.platform !== 'linux' }, () => {
  const watch = new Watch(process.pid, () => {});
  watch.stop();
  const before = watch.look()?.descriptors ?? 0;
  for (let count = 0; count < 5; count += 1) openSync('/dev/null', 'r');
  const after = watch.look();
  assert.equal((after?.descriptors ?? 0) - before, 5);
  assert.ok((after?.rss ?? 0) > 10);
  assert.match(watch.descriptors(), /\/dev\/null [5-9]/);
});
