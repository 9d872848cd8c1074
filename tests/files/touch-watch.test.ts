/** Files that are touched, for touch-reload and its like. */

import assert from 'node:assert/strict';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TouchWatch } from '../../src/files/touch-watch.ts';
import { temporaryFolder } from '../support/paths.ts';
import { settle, waitFor } from '../support/wait.ts';

const PERIOD = 20;
/** Enough looks for whatever would be told. */
const quiet = (): Promise<void> => settle(15);

class Watch {
  readonly told: string[] = [];
  readonly #watch: TouchWatch;

  constructor(...paths: string[]) {
    // Files are younger than the millisecond they were made in: what was there before the watch counts as older than the next one.
    this.#watch = new TouchWatch(paths, Date.now() + 1, (files) => this.told.push(...files), PERIOD);
  }

  async takes(count: number): Promise<string[]> {
    await waitFor(`${count} files, got ${this.told}`, () => this.told.length >= count);
    await quiet();
    return this.told.splice(0);
  }

  [Symbol.dispose](): void {
    this.#watch.stop();
  }
}

test('N19: tells which file was touched, once for each time', async () => {
  await using folder = temporaryFolder();
  const [a, b] = [folder.file('a'), folder.file('b')];
  for (const file of [a, b]) writeFileSync(file, '');
  using watch = new Watch(a, b);
  await quiet();
  assert.deepEqual(watch.told, []);
  utimesSync(b, new Date(), new Date());
  assert.deepEqual(await watch.takes(1), [b]);
  // Also back in time, as a file restored by tar is.
  utimesSync(a, 1_000, 1_000);
  assert.deepEqual(await watch.takes(1), [a]);
});

test('tells of what is touched right behind its start', async () => {
  await using folder = temporaryFolder();
  const [there, missing] = [folder.file('there'), folder.file('missing')];
  writeFileSync(there, '');
  using watch = new Watch(there, missing);
  utimesSync(there, 1_000, 1_000);
  writeFileSync(missing, '');
  assert.deepEqual(await watch.takes(2), [there, missing]);
});

test('tells of what was touched before it, but behind what it shall tell of', async () => {
  await using folder = temporaryFolder();
  const [old, fresh, created] = [folder.file('old'), folder.file('fresh'), folder.file('created')];
  for (const file of [old, fresh]) writeFileSync(file, '');
  const now = Date.now();
  utimesSync(old, now / 1000 - 20, now / 1000 - 20);
  utimesSync(fresh, now / 1000 - 5, now / 1000 - 5);
  writeFileSync(created, '');
  const told: string[] = [];
  const watch = new TouchWatch([old, fresh, created], now - 10_000, (files) => told.push(...files), PERIOD);
  await waitFor('what was touched', () => told.length >= 2);
  await quiet();
  watch.stop();
  assert.deepEqual(told, [fresh, created]);
});

test('a file that was missing counts when it appears, and none when it goes', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('later');
  using watch = new Watch(file);
  await quiet();
  writeFileSync(file, '');
  assert.deepEqual(await watch.takes(1), [file]);
  rmSync(file);
  await quiet();
  assert.deepEqual(watch.told, []);
  writeFileSync(file, '');
  assert.deepEqual(await watch.takes(1), [file]);
});

test('tells nothing after stop', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('a');
  writeFileSync(file, '');
  {
    using watch = new Watch(file);
    await quiet();
    watch[Symbol.dispose]();
    utimesSync(file, 1_000, 1_000);
    await quiet();
    assert.deepEqual(watch.told, []);
  }
});
