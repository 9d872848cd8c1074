import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backends } from '../../src/pool/backends.ts';
import { NameSource } from '../../src/pool/name-source.ts';
import { makeNode, type NodeEntry } from '../../src/pool/node-entry.ts';
import { FakeTime } from '../support/fake-time.ts';

/** A name whose answers the test scripts. */
class Name {
  addresses: string[] | Error = ['10.0.0.1', '10.0.0.2'];
  readonly warnings: string[] = [];
  lookups = 0;
  readonly source: NameSource;
  readonly backends = new Backends();

  constructor(time: FakeTime) {
    const lookup = {
      resolve: (name: string) => {
        assert.equal(name, 'backend.example');
        this.lookups++;
        return this.addresses instanceof Error ? Promise.reject(this.addresses) : Promise.resolve(this.addresses);
      },
      warn: (message: string) => void this.warnings.push(message),
      now: () => time.now,
    };
    this.source = new NameSource('backend.example', 3031, lookup, this.backends);
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
  assert.ok(first.backend.isDead);
  assert.equal(before.length, 2, 'the array is replaced, not changed');
  name.addresses = ['10.0.0.2'];
  await name.source.refresh();
  assert.notEqual(name.source.nodes[0], second, 'one that was gone starts anew');
  assert.equal(name.backends.size, 1, 'what is known of those that went is given back');
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

test('nodes of a name have the options of its entry, through every look-up', async () => {
  using time = new FakeTime();
  let answer = ['10.0.0.1', '10.0.0.2'];
  const entry: NodeEntry = {
    kind: 'puwsgi',
    address: { kind: 'tcp', host: 'backend.example', port: 5 },
    plain: { kind: 'tcp', host: 'backend.example', port: 6 },
    text: 'puwsgi://backend.example:5',
    weight: 3,
    isBackup: true,
    modifier1: 7,
    modifier2: null,
    maxConnections: 1,
    fails: 1,
  };
  const lookup = { resolve: () => Promise.resolve(answer), warn: () => undefined, now: () => time.now };
  const source = new NameSource('backend.example', 5, lookup, new Backends(), entry);
  await source.refresh();
  const [first] = source.nodes;
  first.started();
  first.backend.checkFailed(1);
  answer = ['10.0.0.3', '10.0.0.1'];
  await source.refresh();
  assert.equal(source.nodes[1], first);
  assert.deepEqual([first.backend.isDown, first.running], [true, 1]);
  const [fresh] = source.nodes;
  assert.deepEqual([fresh.name, fresh.weight, fresh.isBackup, fresh.modifier1, fresh.modifier2], ['10.0.0.3:5', 3, true, 7, null]);
  assert.deepEqual(fresh.target, {
    kind: 'puwsgi',
    address: { kind: 'tcp', host: '10.0.0.3', port: 5 },
    plain: { kind: 'tcp', host: '10.0.0.3', port: 6 },
  });
  assert.equal(fresh.failed('refused', 0), true, 'fails=1');
  fresh.started();
  assert.equal(fresh.isFull, true);
  source.stop();
});

test('an entry with a literal address is one node, named as it was written', () => {
  const address = { kind: 'tcp', host: '10.0.0.1', port: 80 } as const;
  const one = makeNode({ kind: 'http', address, plain: null, text: 'http://10.0.0.1', weight: 2 }, new Backends());
  assert.deepEqual([one.name, one.target, one.weight], ['http://10.0.0.1', { kind: 'http', address }, 2]);
});
