/** What all children must know: who starts is given it, who listens is told of changes, in order and bounded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Follower, TopicHub, type TopicMessage } from '../../src/master/topic-hub.ts';
import { TopicReader } from '../../src/master/topic-reader.ts';
import { fc } from '../support/fast-check.ts';

/** A child that counts: what it knows, and how it was told. */
class Child {
  readonly follower: Follower;
  readonly queue: TopicMessage[] = [];
  known: readonly number[] = [];
  how = '';
  readonly #reader: TopicReader;

  constructor(hub: TopicHub) {
    this.#reader = new TopicReader({
      numbers: {
        state: (value) => {
          this.known = value as readonly number[];
        },
        change: (value) => {
          this.known = [...this.known, value as number];
        },
      },
    });
    this.follower = hub.join(['numbers'], (message) => this.queue.push(message));
    this.#reader.start(this.follower.states());
  }

  /** Reads `count` of the messages that wait. */
  hear(count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count && this.queue.length > 0; i++) {
      const message = this.queue.shift()!;
      this.how += message.how[0];
      this.#reader.told(message);
      this.follower.heard(message.seq);
    }
  }
}

function numbers() {
  const hub = new TopicHub();
  const topic = hub.topic<readonly number[], number>('numbers', [], (state, change) => [...state, change]);
  return { hub, topic };
}

test('who starts is given the state, and what changed until it listens in one message', () => {
  const { hub, topic } = numbers();
  topic.publish(1);
  const child = new Child(hub);
  assert.deepEqual(child.known, [1]);
  topic.publish(2);
  topic.publish(3);
  assert.equal(child.queue.length, 0, 'no message reaches a child before it listens');
  child.follower.listens();
  child.hear();
  assert.deepEqual(child.known, [1, 2, 3]);
  topic.publish(4);
  child.hear();
  assert.equal(child.how, 'sc');
  assert.deepEqual(child.known, [1, 2, 3, 4]);
  const late = new Child(hub);
  late.follower.listens();
  assert.equal(late.queue.length, 0, 'nothing changed: nothing is said again');
});

test('who falls behind is told the state in place of the changes: what waits is bounded', () => {
  const { hub, topic } = numbers();
  const child = new Child(hub);
  child.follower.listens();
  for (let number = 0; number < 1_000; number++) topic.publish(number);
  assert.ok(child.queue.length <= 64);
  child.hear();
  assert.deepEqual(child.known, topic.state);
  assert.match(child.how, /^c{64}s$/);
});

test('whoever waits hears when all have heard, or are gone, or when it takes too long', async () => {
  const { hub, topic } = numbers();
  const [slow, gone, starting] = [new Child(hub), new Child(hub), new Child(hub)];
  slow.follower.listens();
  gone.follower.listens();
  topic.publish(1);
  let isSettled = false;
  const settled = hub.settled('numbers', 60_000).then((value) => {
    isSettled = true;
    return value;
  });
  assert.equal(await hub.settled('numbers', 10), false);
  slow.hear();
  await null;
  assert.equal(isSettled, false);
  gone.follower.leave();
  assert.equal(await settled, true);
  assert.equal(starting.queue.length, 0);
  assert.equal(await hub.settled('other', 10), true);
});

test('in any order of changes, starts and hearing all know the same in the end', () => {
  const step = fc.oneof(
    fc.constant('publish' as const),
    fc.record({ child: fc.nat(2), what: fc.constantFrom('listen' as const, 'hear' as const, 'restart' as const, 'repeat' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const { hub, topic } = numbers();
      const children = [new Child(hub), new Child(hub), new Child(hub)];
      let number = 0;
      for (const one of steps) {
        if (one === 'publish') topic.publish(++number);
        else if (one.what === 'listen') children[one.child]!.follower.listens();
        else if (one.what === 'hear') children[one.child]!.hear(3);
        else if (one.what === 'repeat') children[one.child]!.follower.repeat();
        else {
          children[one.child]!.follower.leave();
          children[one.child] = new Child(hub);
        }
        for (const child of children) assert.ok(child.queue.length <= 66);
      }
      for (const child of children) {
        child.follower.listens();
        child.hear();
        assert.deepEqual(child.known, topic.state);
      }
    }),
    { numRuns: 200, interruptAfterTimeLimit: 1_500 },
  );
});
