/** Dead nodes are asked in the background whether they take connections again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node, type NodeOptions } from '../../src/pool/node.ts';
import { Revival } from '../../src/pool/revival.ts';
import { FakeTime } from '../support/fake-time.ts';
import { die, GRACE } from './support.ts';

/** A revival whose nodes are asked by the test, and tell it of their deaths. */
class Asked {
  readonly time = new FakeTime(0);
  /** When they were asked. */
  readonly times: number[] = [];
  readonly told: string[] = [];
  cancelled = 0;
  /** Null lets the question wait. */
  isWell: boolean | null = false;
  readonly node: Node;
  readonly source: { nodes: readonly Node[] };
  readonly revival: Revival;

  constructor(graceTime = GRACE, options: NodeOptions = {}) {
    this.node = new Node({ kind: 'http', address: { kind: 'tcp', host: '10.0.0.1', port: 80 } }, 'a', options);
    this.source = { nodes: [this.node] };
    const start = (_node: Node, done: (isWell: boolean, reason: string) => void): (() => void) => {
      this.times.push(this.time.now);
      if (this.isWell !== null) done(this.isWell, 'scripted');
      return () => void this.cancelled++;
    };
    this.revival = new Revival(this.source, { start }, graceTime, () => this.time.now);
    this.node.observe({
      nodeMarked: (node, mark) => {
        this.told.push(mark);
        if (mark === 'dead') this.revival.died(node);
      },
    });
  }

  [Symbol.dispose](): void {
    this.revival.stop();
    const { pending } = this.time;
    this.time[Symbol.dispose]();
    assert.equal(pending, 0, 'no timer is left');
  }
}

test('N17: a dead node is asked with growing pauses, and no request is risked while it stays dead', () => {
  using it = new Asked();
  die(it.node, 0);
  for (let s = 0; s <= 120; s++) {
    it.time.advance(1_000);
    assert.equal(it.node.isUsable(it.time.now, GRACE), false, `after ${s} s`);
  }
  assert.deepEqual(
    it.times,
    [1, 3, 7, 15, 30, 45, 60, 75, 90, 105, 120].map((s) => s * 1000),
  );
  // The others hear of it each time, so that their grace begins anew as well.
  assert.deepEqual(it.told, Array(12).fill('dead'));
});

test('N17: a node that takes connections again is used at once', () => {
  using it = new Asked();
  die(it.node, 0);
  it.time.advance(5_000);
  it.isWell = true;
  it.time.advance(2_000);
  assert.deepEqual([it.node.backend.isDead, it.node.isUsable(it.time.now, GRACE)], [false, true]);
  assert.equal(it.told.at(-1), 'alive');
  it.time.advance(60_000);
  assert.deepEqual(it.times, [1000, 3000, 7000]);
  die(it.node, it.time.now);
  it.time.advance(1_000);
  assert.equal(it.times.at(-1), 68_000, 'the next death begins with short pauses');
});

test('N17: who does not answer the question is as dead as before, and late answers count for nothing', () => {
  using it = new Asked();
  it.isWell = null;
  die(it.node, 0);
  it.time.advance(5_999);
  assert.deepEqual([it.times, it.cancelled], [[1000], 0]);
  it.time.advance(1);
  assert.equal(it.cancelled, 1);
  it.time.advance(2_000);
  assert.deepEqual(it.times, [1000, 8000]);
  assert.equal(it.node.backend.isDead, true);
});

test('N17: nodes that died of answers, that a request revived, or that are gone are left alone', () => {
  using it = new Asked(GRACE, { fails: 1 });
  it.node.answerFailed(0);
  it.time.advance(60_000);
  assert.deepEqual(it.times, []);
  it.node.backend.answered();
  die(it.node, it.time.now);
  it.node.backend.reached();
  it.time.advance(60_000);
  assert.deepEqual(it.times, []);
  die(it.node, it.time.now);
  it.source.nodes = [];
  it.time.advance(60_000);
  assert.deepEqual(it.times, []);
});

test('N17: a short grace time has shorter pauses, and none has no questions', () => {
  for (const [graceTime, times] of [
    [1_000, [500, 1000, 1500]],
    [0, []],
  ] as const) {
    using it = new Asked(graceTime);
    die(it.node, 0);
    it.time.advance(1_900);
    assert.deepEqual(it.times, times);
  }
});
