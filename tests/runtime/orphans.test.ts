import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Orphans } from '../../src/runtime/orphans.ts';

test('W5: what is still there a look later is waited for, and nothing else', () => {
  let zombies: number[] = [];
  let listed = 0;
  const taken: number[] = [];
  const kernel = {
    endedChild: () => zombies[0] ?? 0,
    waitFor: (pid: number) => {
      taken.push(pid);
      zombies = zombies.filter((other) => other !== pid);
      return pid;
    },
  };
  const orphans = new Orphans(kernel, () => {
    listed++;
    return zombies;
  });
  orphans.look();
  assert.equal(listed, 0, 'one question when there is none');
  zombies = [7, 8, 9];
  orphans.look();
  assert.deepEqual(taken, []);
  // The runtime has heard of the end of one of its own meanwhile, and another one has ended.
  zombies = [7, 9, 10];
  orphans.look();
  assert.deepEqual(taken, [7, 9]);
  // The number of a child that is gone may be that of another, later.
  zombies = [];
  orphans.look();
  zombies = [10];
  orphans.look();
  assert.deepEqual(taken, [7, 9]);
  orphans.look();
  assert.deepEqual(taken, [7, 9, 10]);
});
