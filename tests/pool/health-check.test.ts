import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthCheck } from '../../src/pool/health-check.ts';
import { Node } from '../../src/pool/node.ts';
import type { HealthCheckSettings } from '../../src/pool/probe.ts';
import { FakeTime } from '../support/fake-time.ts';

const SETTINGS: HealthCheckSettings = { interval: 5000, timeout: 2000, fails: 2, passes: 2 };

interface Question {
  readonly name: string;
  readonly at: number;
  readonly done: (ok: boolean | null, reason: string) => void;
  isCancelled: boolean;
}

const remote = (port: number): Node => new Node({ kind: 'uwsgi', address: { kind: 'tcp', host: '10.0.0.1', port } }, `n${port}`);

/** Checks whose probes the test answers. `random` is always 0.5: no jitter, and first checks in the middle of their time. */
class Checks {
  readonly time = new FakeTime(0);
  readonly source: { nodes: readonly Node[] };
  readonly questions: Question[] = [];
  readonly changes: string[] = [];
  random: () => number = () => 0.5;
  /** What a probe does at once; null lets the question wait. */
  answer: ((node: Node) => boolean | null) | null = null;
  readonly check: HealthCheck;

  constructor(nodes: readonly Node[], settings: Partial<HealthCheckSettings> = {}, random?: () => number) {
    this.source = { nodes };
    if (random !== undefined) this.random = random;
    const start = (node: Node, done: Question['done']): (() => void) => {
      const question = { name: node.name, at: this.time.now, done, isCancelled: false };
      this.questions.push(question);
      if (this.answer !== null) done(this.answer(node), 'scripted');
      return () => {
        question.isCancelled = true;
      };
    };
    this.check = new HealthCheck(
      this.source,
      { start },
      { ...SETTINGS, ...settings },
      {
        now: () => this.time.now,
        random: () => this.random(),
        changed: (node, isUp, reason) => void this.changes.push(`${this.time.now} ${node.name} ${isUp ? 'up' : 'down'}: ${reason}`),
      },
    );
  }

  get times(): number[] {
    return this.questions.map(({ at }) => at);
  }

  [Symbol.dispose](): void {
    this.check.stop();
    assert.equal(this.time.pending, 0, 'no timer is left');
    this.time[Symbol.dispose]();
  }
}

test('a node is asked soon after the start, then in intervals', () => {
  using checks = new Checks([remote(1)]);
  checks.answer = () => true;
  checks.time.advance(20_000);
  assert.deepEqual(checks.times, [500, 5500, 10_500, 15_500]);
  assert.deepEqual(checks.changes, []);
});

test('the nodes of a pool are not asked in the same instant, and intervals vary', () => {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  using checks = new Checks(
    Array.from({ length: 10 }, (_, i) => remote(i + 1)),
    {},
    random,
  );
  checks.answer = () => true;
  checks.time.advance(1000);
  assert.equal(checks.questions.length, 10, 'all within the first second');
  assert.ok(new Set(checks.times).size >= 9);
  checks.time.advance(60_000);
  const mine = checks.questions.filter(({ name }) => name === 'n1').map(({ at }) => at);
  const gaps = mine.slice(1).map((at, i) => at - mine[i]);
  for (const gap of gaps) assert.ok(gap >= 4499 && gap <= 5502, String(gaps));
  assert.ok(new Set(gaps).size > 1);
});

test('down and up again, each with its thresholds', () => {
  const one = remote(1);
  using checks = new Checks([one]);
  const states: boolean[] = [];
  for (const ok of [true, false, false, true, false, true, true]) {
    checks.answer = () => ok;
    checks.time.advance(5000);
    states.push(one.backend.isDown);
  }
  assert.deepEqual(states, [false, false, true, true, true, true, false]);
  assert.deepEqual(checks.changes, ['10500 n1 down: scripted', '30500 n1 up: scripted']);
});

test('a node is up until its first check, and that one decides alone', () => {
  const one = remote(1);
  using checks = new Checks([one], { fails: 5 });
  checks.answer = () => false;
  checks.time.advance(499);
  assert.equal(one.backend.isDown, false);
  checks.time.advance(1);
  assert.equal(one.backend.isDown, true);
});

test('no answer is a failure, and the question is given up; a late answer counts for nothing', () => {
  const one = remote(1);
  using checks = new Checks([one]);
  checks.time.advance(2499);
  assert.deepEqual([checks.questions[0].isCancelled, one.backend.isDown], [false, false]);
  checks.time.advance(1);
  assert.deepEqual([checks.questions[0].isCancelled, one.backend.isDown], [true, true]);
  assert.deepEqual(checks.changes, ['2500 n1 down: no answer within 2000 ms']);
  checks.time.advance(3000);
  checks.questions[0].done(true, '');
  checks.questions[0].done(true, '');
  assert.equal(one.backend.isDown, true);
  checks.questions[1].done(true, '');
  checks.questions[1].done(true, '');
  assert.equal(one.backend.isDown, true, 'a question has one answer');
});

test('a node is asked one thing at a time, also when answers take longer than the interval', () => {
  using checks = new Checks([remote(1)], { interval: 1000, timeout: 10_000 });
  checks.time.advance(4000);
  assert.deepEqual(checks.times, [500]);
  checks.questions[0].done(true, '');
  checks.time.advance(1000);
  assert.equal(checks.questions.length, 2);
});

test('a short interval is kept', () => {
  using checks = new Checks([remote(1)], { interval: 100, timeout: 50 });
  checks.answer = () => true;
  checks.time.advance(1050);
  assert.deepEqual(checks.times, [50, 150, 250, 350, 450, 550, 650, 750, 850, 950, 1050]);
});

test('F15: a check for which we have no descriptor says nothing of the node', () => {
  using checks = new Checks([remote(1)]);
  checks.answer = () => null;
  checks.time.advance(20_000);
  assert.equal(checks.questions.length, 4);
  checks.answer = () => false;
  checks.time.advance(1000);
  assert.deepEqual(checks.changes, ['20500 n1 down: scripted']);
});

test('a probe that throws is a failed check', () => {
  const one = remote(1);
  using checks = new Checks([one]);
  checks.answer = () => {
    throw new Error('broken probe');
  };
  checks.time.advance(500);
  assert.deepEqual(checks.changes, ['500 n1 down: Error: broken probe']);
  checks.time.advance(5000);
  assert.equal(checks.questions.length, 2, 'the next check comes all the same');
});

test('nodes that come are asked, nodes that go are not, and those that stay keep their times', () => {
  const [stays, goes, comes] = [remote(1), remote(2), remote(3)];
  using checks = new Checks([stays, goes]);
  checks.time.advance(600);
  checks.source.nodes = [comes, stays];
  checks.time.advance(1000);
  assert.deepEqual(
    checks.questions.map(({ name, isCancelled }) => [name, isCancelled]),
    [
      ['n1', false],
      ['n2', true],
    ],
  );
  checks.questions[0].done(true, '');
  checks.questions[1].done(false, '');
  assert.equal(goes.backend.isDown, false);
  checks.answer = () => true;
  checks.time.advance(4400);
  assert.deepEqual(
    checks.questions
      .slice(2)
      .map(({ name, at }) => [name, at > 600 ? at : -1])
      .sort(),
    [
      ['n1', 5500],
      ['n3', 2000],
    ],
  );
});

test('apps in this process are not asked', () => {
  using checks = new Checks([new Node({ kind: 'app' }), remote(1)]);
  checks.time.advance(10_000);
  assert.deepEqual(new Set(checks.questions.map(({ name }) => name)), new Set(['n1']));
});

test('what is answered at once is not given up later', () => {
  using checks = new Checks([remote(1)]);
  checks.answer = () => true;
  checks.time.advance(500);
  checks.check.stop();
  assert.equal(checks.questions[0].isCancelled, false);
});

test('stopping gives up what is asked, and marks stay', () => {
  const [one, two] = [remote(1), remote(2)];
  using checks = new Checks([one, two]);
  checks.time.advance(500);
  checks.questions[0].done(false, '');
  checks.check.stop();
  assert.deepEqual([checks.time.pending, checks.questions[1].isCancelled, one.backend.isDown], [0, true, true]);
  checks.questions[1].done(false, '');
  assert.equal(two.backend.isDown, false);
});

test('a log may stop the checks while they run', () => {
  using checks = new Checks([remote(1), remote(2)]);
  checks.answer = () => {
    checks.check.stop();
    return false;
  };
  checks.time.advance(10_000);
  assert.deepEqual([checks.questions.length, checks.time.pending], [1, 0]);
});
