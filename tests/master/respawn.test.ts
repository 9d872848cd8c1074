/** How long a child that dies is waited for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespawnDelay } from '../../src/master/respawn.ts';

class Place {
  now = 5_000;
  readonly delay = new RespawnDelay(() => this.now);

  /** A child that serves for so long, then dies. */
  lives(ms: number): number {
    this.delay.started();
    this.now += ms;
    return this.delay.ended();
  }
}

test('a child that served is started again at once', () => {
  const place = new Place();
  assert.equal(place.lives(1_000), 0);
  assert.equal(place.lives(3_600_000), 0);
});

test('a child that keeps crashing waits longer and longer, up to ten seconds', () => {
  const place = new Place();
  assert.deepEqual(
    Array.from({ length: 10 }, () => place.lives(999)),
    [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000],
  );
});

test('a slow start that fails is a crash too', () => {
  const place = new Place();
  const waits: number[] = [];
  for (let n = 0; n < 3; n++) {
    place.now += 60_000;
    waits.push(place.delay.ended());
  }
  assert.deepEqual(waits, [0, 250, 500]);
});

test('ten seconds of service make good for crashes, and less do not', () => {
  const place = new Place();
  for (let n = 0; n < 4; n++) place.lives(0);
  assert.equal(place.lives(9_999), 0);
  assert.equal(place.lives(0), 2_000);
  assert.equal(place.lives(10_000), 0);
  assert.deepEqual([place.lives(0), place.lives(0)], [0, 250]);
});

test('knows whether a child has ever served', () => {
  const place = new Place();
  assert.equal(place.delay.hasStarted, false);
  place.delay.ended();
  assert.equal(place.delay.hasStarted, false);
  place.lives(0);
  assert.equal(place.delay.hasStarted, true);
});
