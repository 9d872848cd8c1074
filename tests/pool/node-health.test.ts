/** What is known of a node's health: the passive mark (dead) and that of the checks (down). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LearnedMark } from '../../src/pool/backend.ts';
import { die, GRACE, node } from './support.ts';

test('fails= counts failures in a row, of any kind that is the fault of the node', () => {
  const one = node('a', { fails: 3 });
  assert.equal(one.failed('timeout', 0), false);
  assert.equal(one.failed('busy', 0), false);
  assert.equal(one.failed('missing', 0), false);
  one.backend.reached();
  assert.equal(one.failed('refused', 0), false);
  assert.equal(one.failed('refused', 0), false);
  assert.equal(one.backend.isDead, false);
  assert.equal(one.failed('unreachable', 5), true);
  assert.equal(one.isUsable(4 + GRACE, GRACE), false);
  assert.equal(one.isUsable(5 + GRACE, GRACE), true);
  assert.equal(node('b', { fails: 1 }).failed('refused', 0), true);
});

test('broken answers count only where fails= is given', () => {
  const one = node('a');
  for (let i = 0; i < 100; i++) assert.equal(one.answerFailed(0), false);
  assert.equal(one.backend.isDead, false);
});

test('fails= broken answers in a row are death, and connections in between prove nothing', () => {
  const one = node('a', { fails: 2 });
  one.backend.reached();
  assert.equal(one.answerFailed(0), false);
  one.backend.answered();
  one.backend.reached();
  assert.equal(one.answerFailed(0), false);
  one.backend.reached();
  assert.equal(one.answerFailed(7), true);
  one.backend.reached();
  assert.equal(one.backend.isDead, true);
  assert.equal(one.isUsable(6 + GRACE, GRACE), false);
  assert.equal(one.isUsable(7 + GRACE, GRACE), true);
  one.backend.reached();
  assert.equal(one.answerFailed(7 + GRACE), false, 'it was dead already');
  assert.equal(one.isUsable(7 + GRACE, GRACE), false, 'and is so again at once');
  one.backend.answered();
  assert.equal(one.backend.isDead, false);
});

test('an old answer does not bring back a node that cannot be reached', () => {
  const one = node('a', { fails: 1 });
  die(one);
  one.backend.answered();
  assert.equal(one.backend.isDead, true);
  one.backend.reached();
  assert.equal(one.backend.isDead, false);
});

test('broken answers of a node that cannot be reached change nothing: a connection brings it back', () => {
  const one = node('a', { fails: 1 });
  die(one);
  assert.equal(one.answerFailed(1), false);
  one.backend.reached();
  assert.equal(one.backend.isDead, false);
});

test('a node that dies of answers and then cannot be reached comes back by a connection', () => {
  const one = node('a', { fails: 1 });
  one.answerFailed(0);
  die(one, 1);
  one.backend.reached();
  assert.equal(one.backend.isDead, false);
});

test('the first check decides alone, later ones in a row', () => {
  const one = node('a');
  assert.equal(one.backend.isDown, false);
  assert.equal(one.backend.checkFailed(3), true);
  assert.equal(one.backend.checkFailed(3), false);
  assert.equal(one.backend.checkPassed(2), false);
  assert.equal(one.backend.checkFailed(3), false);
  assert.equal(one.backend.checkPassed(2), false, 'the count began anew');
  assert.equal(one.backend.isDown, true);
  assert.equal(one.backend.checkPassed(2), true);
  assert.equal(one.backend.checkPassed(2), false);
  assert.equal(one.backend.checkFailed(3), false);
  assert.equal(one.backend.checkFailed(3), false);
  one.backend.checkPassed(2);
  assert.equal(one.backend.checkFailed(3), false);
  assert.equal(one.backend.checkFailed(3), false);
  assert.equal(one.backend.isDown, false);
  assert.equal(one.backend.checkFailed(3), true);
});

test('the two marks are apart: each alone keeps requests away', () => {
  const one = node('a');
  die(one);
  one.backend.checkPassed(1);
  assert.deepEqual([one.isUsable(0, GRACE), one.isUsable(GRACE, GRACE)], [false, true]);
  one.backend.checkFailed(1);
  one.backend.reached();
  assert.deepEqual([one.backend.isDead, one.backend.isDown, one.isUsable(10 * GRACE, GRACE)], [false, true, false]);
  one.backend.checkPassed(1);
  assert.equal(one.isUsable(0, GRACE), true);
});

test('requests are counted while they last, and a limit is a limit', () => {
  const one = node('a', { maxConnections: 2 });
  one.started();
  assert.equal(one.canTake(0, GRACE), true);
  one.started();
  assert.deepEqual([one.running, one.isFull, one.canTake(0, GRACE), one.isUsable(0, GRACE)], [2, true, false, true]);
  one.finished();
  assert.equal(one.canTake(0, GRACE), true);
  const free = node('b', { maxConnections: 0 });
  for (let i = 0; i < 1000; i++) free.started();
  assert.equal(free.isFull, false);
});

test('slow start rises in tenths from the first question on', () => {
  const one = node('a');
  assert.equal(one.tenths(0, 1000), 10);
  die(one);
  one.backend.reached();
  const rise = [5000, 5111, 5112, 5500, 5888, 5889, 5999, 6000].map((now) => one.tenths(now, 1000));
  assert.deepEqual(rise, [1, 1, 2, 5, 8, 9, 9, 10]);
  assert.equal(one.tenths(5000, 1000), 10, 'once through, it is through');
});

test('a node that died on its way back has a whole turn when its grace is over', () => {
  const one = node('a');
  die(one);
  one.backend.reached();
  assert.equal(one.tenths(0, 1000), 1);
  die(one, 10);
  assert.equal(one.tenths(100, 1000), 10);
});

test('what other processes have seen counts like what was seen here, and is not told on', () => {
  const one = node('a');
  const told: string[] = [];
  one.observe({ nodeMarked: ({ name }, mark) => told.push(`${name} ${mark}`) });
  const learn = (mark: LearnedMark['mark']): void => one.backend.learn({ mark, failsFast: false, isOfAnswers: false }, 0);
  learn('dead');
  assert.equal(one.isUsable(GRACE - 1, GRACE), false);
  assert.equal(one.isUsable(GRACE, GRACE), true);
  learn('alive');
  assert.equal(one.backend.isDead, false);
  learn('down');
  assert.equal(one.isUsable(10 * GRACE, GRACE), false);
  learn('up');
  assert.equal(one.isUsable(0, GRACE), true);
  assert.deepEqual(told, []);
  one.failed('timeout', 0);
  one.failed('timeout', 1);
  one.backend.reached();
  assert.deepEqual(told, [`${one.name} dead`, `${one.name} alive`]);
});

test('B13, F11: a node that another process saw die is asked again as one that died here', () => {
  const dead = (failsFast: boolean, isOfAnswers = false): LearnedMark => ({ mark: 'dead', failsFast, isOfAnswers });
  const one = node('a', { fails: 3 });
  one.backend.learn(dead(true), 0);
  assert.deepEqual([one.backend.isDead, one.backend.failsFast], [true, true]);
  one.backend.learn(dead(false), 0);
  assert.equal(one.backend.failsFast, false);
  one.backend.learn(dead(true), 0);
  one.backend.learn({ mark: 'alive', failsFast: false, isOfAnswers: false }, 0);
  assert.deepEqual([one.backend.isDead, one.backend.failsFast], [false, false]);
  one.backend.learn(dead(false, true), 0);
  one.backend.reached();
  assert.equal(one.backend.isDead, true, 'a connection proves nothing of a node that died of answers elsewhere');
  one.backend.answered();
  assert.equal(one.backend.isDead, false);
});

test('F11: who finds a node dead that others told of looks after it from then on', () => {
  const one = node('a');
  const told: string[] = [];
  one.observe({ nodeMarked: (_node, mark) => told.push(mark) });
  one.backend.learn({ mark: 'dead', failsFast: false, isOfAnswers: false }, 0);
  assert.equal(one.failed('timeout', GRACE), false, 'it was dead before');
  assert.deepEqual(told, ['dead']);
  one.failed('timeout', GRACE);
  assert.deepEqual(told, ['dead'], 'once');
});
