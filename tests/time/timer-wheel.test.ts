import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline, TimerWheel } from '../../src/time/timer-wheel.ts';
import { FakeTime } from '../support/fake-time.ts';

const crashed = (): void => assert.fail('crashed');

/** A deadline that notes when it fired. */
function armed(time: FakeTime, fired: number[]): Deadline {
  return new Deadline({ expired: () => fired.push(time.now), crashed });
}

const TICK = 100;
const TURN = 1024 * TICK;

test('deadlines fire at most one tick early and two late, whatever their length', () => {
  for (const ms of [1, 50, 99, 100, 101, 250, 1000, 30_000, TURN - 200, TURN - 100, TURN, TURN + 1, TURN + 150, 3 * TURN + 7]) {
    using time = new FakeTime(1_000_037);
    const wheel = new TimerWheel(() => time.now, assert.ifError);
    const fired: number[] = [];
    const start = time.now;
    wheel.arm(armed(time, fired), ms);
    time.advance(ms + 10 * TURN);
    assert.equal(fired.length, 1, `${ms} ms`);
    const late = fired[0] - start - ms;
    assert.ok(late >= -TICK && late <= 2 * TICK, `${ms} ms came ${late} ms late`);
  }
});

test('a deadline that is put off fires once, at its new time', () => {
  using time = new FakeTime();
  const wheel = new TimerWheel(() => time.now, assert.ifError);
  const fired: number[] = [];
  const deadline = armed(time, fired);
  wheel.arm(deadline, 1000);
  for (let i = 0; i < 50; i++) {
    time.advance(500);
    wheel.arm(deadline, 1000);
  }
  assert.deepEqual(fired, []);
  const last = time.now;
  time.advance(5000);
  assert.equal(fired.length, 1);
  assert.ok(Math.abs(fired[0] - last - 1000) <= 2 * TICK);
});

test('a deadline that is moved up fires early, once', () => {
  using time = new FakeTime();
  const wheel = new TimerWheel(() => time.now, assert.ifError);
  const fired: number[] = [];
  const deadline = armed(time, fired);
  const start = time.now;
  wheel.arm(deadline, 60_000);
  wheel.arm(deadline, 90_000);
  wheel.arm(deadline, 70_000);
  wheel.arm(deadline, 300);
  time.advance(200_000);
  assert.equal(fired.length, 1);
  assert.ok(Math.abs(fired[0] - start - 300) <= 2 * TICK);
});

test('a removed deadline never fires, and can be armed again', () => {
  using time = new FakeTime();
  const wheel = new TimerWheel(() => time.now, assert.ifError);
  const fired: number[] = [];
  const deadline = armed(time, fired);
  wheel.remove(deadline);
  wheel.arm(deadline, 300);
  wheel.remove(deadline);
  wheel.remove(deadline);
  time.advance(1000);
  assert.deepEqual(fired, []);
  wheel.arm(deadline, 300);
  time.advance(1000);
  assert.equal(fired.length, 1);
});

test('neighbours in a slot are unlinked in any order', () => {
  const places = [0, 1, 2, 3];
  for (const first of places) {
    for (const second of places) {
      using time = new FakeTime();
      const wheel = new TimerWheel(() => time.now, assert.ifError);
      const fired: number[] = [];
      const deadlines = places.map((i) => new Deadline({ expired: () => fired.push(i), crashed }));
      for (const deadline of deadlines) wheel.arm(deadline, 500);
      wheel.remove(deadlines[first]);
      wheel.remove(deadlines[second]);
      time.advance(1000);
      assert.deepEqual(
        fired.sort(),
        places.filter((i) => i !== first && i !== second),
      );
    }
  }
});

test('owners arm and remove their own and other deadlines while a slot is walked', () => {
  using time = new FakeTime();
  const wheel = new TimerWheel(() => time.now, assert.ifError);
  const fired: string[] = [];
  const other = new Deadline({ expired: () => fired.push('other'), crashed });
  const late = new Deadline({ expired: () => fired.push('late'), crashed });
  const again: Deadline = new Deadline({
    expired: () => {
      fired.push('again');
      wheel.remove(other);
      wheel.arm(late, 5000);
      if (fired.length < 3) wheel.arm(again, 0);
    },
    crashed,
  });
  wheel.arm(late, 500);
  wheel.arm(other, 500);
  wheel.arm(again, 500);
  time.advance(3000);
  assert.deepEqual(fired, ['again', 'again', 'again']);
  time.advance(5000);
  assert.deepEqual(fired, ['again', 'again', 'again', 'late']);
});

test('after a long sleep of the machine everything due fires in one turn', () => {
  using time = new FakeTime();
  const wheel = new TimerWheel(() => time.now, assert.ifError);
  const fired: number[] = [];
  for (let i = 1; i <= 50; i++) wheel.arm(new Deadline({ expired: () => fired.push(i), crashed }), i * 2000);
  wheel.arm(new Deadline({ expired: () => fired.push(99), crashed }), 10 * TURN);
  time.sleep(5 * TURN);
  time.advance(TICK);
  assert.equal(fired.length, 50);
  time.advance(5 * TURN);
  assert.deepEqual([fired.length, fired.at(-1)], [51, 99]);
});

test('no timer runs while nothing waits', () => {
  using time = new FakeTime();
  const wheel = new TimerWheel(() => time.now, assert.ifError);
  assert.equal(time.pending, 0);
  const deadline = new Deadline({ expired: () => {}, crashed });
  wheel.arm(deadline, 1000);
  assert.equal(time.pending, 1);
  wheel.arm(deadline, 2000);
  wheel.remove(deadline);
  assert.equal(time.pending, 0);
  wheel.arm(deadline, 500);
  time.advance(1000);
  assert.equal(time.pending, 0);
  // Long asleep: the wheel's clock must not be the one of its last turn.
  time.advance(1_000_000);
  const fired: number[] = [];
  const start = time.now;
  wheel.arm(armed(time, fired), 1000);
  time.advance(2000);
  assert.ok(Math.abs(fired[0] - start - 1000) <= 2 * TICK);
  assert.equal(wheel.precise(), time.now);
});

test('an owner that throws is told so, and the others of its slot still fire', () => {
  using time = new FakeTime();
  const told: unknown[] = [];
  const wheel = new TimerWheel(
    () => time.now,
    (error) => told.push((error as Error).message),
  );
  const throws = () => {
    throw new Error('boom');
  };
  wheel.arm(new Deadline({ expired: throws, crashed: () => told.push('crashed') }), 500);
  wheel.arm(new Deadline({ expired: () => told.push('fine'), crashed }), 500);
  time.advance(1000);
  assert.deepEqual(told.sort(), ['boom', 'crashed', 'fine']);
});
