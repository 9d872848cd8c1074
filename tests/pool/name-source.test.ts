import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameSource } from '../../src/pool/name-source.ts';
import { FakeTime } from '../support/fake-time.ts';

/** A name whose answers the test scripts. */
class Name {
  addresses: string[] | Error = ['10.0.0.1', '10.0.0.2'];
  readonly warnings: string[] = [];
  lookups = 0;
  readonly source: NameSource;

  constructor(time: FakeTime) {
    this.source = new NameSource('backend.example', 3031, {
      resolve: (name) => {
        assert.equal(name, 'backend.example');
        this.lookups++;
        return this.addresses instanceof Error ? Promise.reject(this.addresses) : Promise.resolve(this.addresses);
      },
      warn: (message) => void this.warnings.push(message),
      now: () => time.now,
    });
  }

  get names(): string {
    return this.source.nodes.map(({ name }) => name).join(' ');
  }

  [Symbol.dispose](): void {
    this.source.stop();
  }
}

test('every address of a name is a node', async () => {
  using time = new FakeTime();
  using name = new Name(time);
  assert.equal(name.names, '');
  name.addresses = ['10.0.0.1', '::1', '10.0.0.1'];
  await name.source.refresh();
  assert.equal(name.names, '10.0.0.1:3031 [::1]:3031');
});

test('a node that stays keeps what is known of it', async () => {
  using time = new FakeTime();
  using name = new Name(time);
  await name.source.refresh();
  const [first, second] = name.source.nodes;
  first.failed('missing', 0);
  name.addresses = ['10.0.0.3', '10.0.0.1'];
  const before = name.source.nodes;
  await name.source.refresh();
  assert.equal(name.names, '10.0.0.3:3031 10.0.0.1:3031');
  assert.equal(name.source.nodes[1], first);
  assert.ok(first.isDead);
  assert.equal(before.length, 2, 'the array is replaced, not changed');
  name.addresses = ['10.0.0.2'];
  await name.source.refresh();
  assert.notEqual(name.source.nodes[0], second, 'one that was gone starts anew');
});

test('the last good answer stays when a look-up fails or finds nothing', async () => {
  using time = new FakeTime();
  using name = new Name(time);
  await name.source.refresh();
  const { nodes } = name.source;
  for (const answer of [new Error('ENOTFOUND'), []]) {
    name.addresses = answer;
    await name.source.refresh();
    assert.deepEqual(name.source.nodes, nodes);
  }
});

test('a failing name warns once until it has been well again', async () => {
  using time = new FakeTime();
  using name = new Name(time);
  name.addresses = new Error('ENOTFOUND');
  await name.source.refresh();
  await name.source.refresh();
  assert.deepEqual(name.warnings, ['cannot look up "backend.example": ENOTFOUND']);
  name.addresses = ['10.0.0.1'];
  await name.source.refresh();
  name.addresses = new Error('ETIMEOUT');
  await name.source.refresh();
  assert.equal(name.warnings.length, 2);
});

test('a name is looked up every 30 s, and when a node fails, but not more than once a second', async () => {
  using time = new FakeTime();
  using name = new Name(time);
  time.advance(29_999);
  assert.equal(name.lookups, 0);
  time.advance(1);
  assert.equal(name.lookups, 1);
  name.source.nodeFailed();
  time.advance(999);
  name.source.nodeFailed();
  assert.equal(name.lookups, 1);
  time.advance(1);
  name.source.nodeFailed();
  name.source.nodeFailed();
  assert.equal(name.lookups, 2);
  name.source.stop();
  assert.equal(time.pending, 0);
});
