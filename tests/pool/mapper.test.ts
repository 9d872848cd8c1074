import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from '../../src/failure/failures.ts';
import type { Found, Mapper } from '../../src/pool/mapper.ts';
import { BoundedCache } from '../../src/pool/mappers/bounded-cache.ts';
import { MapperChain } from '../../src/pool/mappers/chain.ts';
import { say, TestPools } from './mapper-support.ts';

const { pools } = new TestPools();
const pool = (name: string) => pools.of(`/${name}`);

/** A mapper that knows these keys, and remembers what it was asked. */
class Table implements Mapper {
  readonly asked: string[] = [];
  readonly #found: Readonly<Record<string, Found>>;
  readonly #isLate: boolean;

  constructor(found: Readonly<Record<string, Found>>, isLate = false) {
    this.#found = found;
    this.#isLate = isLate;
  }

  find(key: string): Found | Promise<Found> {
    this.asked.push(key);
    const found = this.#found[key] ?? null;
    return this.#isLate ? Promise.resolve(found) : found;
  }
}

test('mappers are asked in the order of uWSGI, and the first to know a key wins', async () => {
  const tables = {
    code: new Table({ e: pool('code'), all: pool('code') }, true),
    base: new Table({ d: pool('base'), all: pool('base') }),
    subscriptions: new Table({ c: pool('subscriptions'), all: pool('subscriptions') }),
    pattern: new Table({ b: pool('pattern'), all: pool('pattern') }),
    cache: new Table({ a: pool('cache'), all: pool('cache') }),
  };
  const chain = new MapperChain(tables, pool('http-to'));
  assert.ok(chain.isKeyed);
  for (const [key, name] of Object.entries({ a: 'cache', b: 'pattern', c: 'subscriptions', d: 'base', all: 'cache' }))
    assert.equal(say(chain.find(key) as Found), `/${name}`, 'known without a promise');
  assert.equal(say(await chain.find('e')), '/code');
  assert.equal(say(await chain.find('nobody')), '/http-to');
});

test('each mapper is asked with the port and then without', async () => {
  const cache = new Table({ 'a:80': pool('port'), a: pool('bare') });
  const code = new Table({ b: pool('late') }, true);
  const chain = new MapperChain({ cache, code }, null);
  assert.equal(say(await chain.find('a:80')), '/port');
  assert.equal(say(await chain.find('a:81')), '/bare');
  assert.equal(say(await chain.find('b:443')), '/late');
  assert.deepEqual(cache.asked, ['a:80', 'a:81', 'a', 'b:443', 'b']);
  assert.deepEqual(code.asked, ['b:443', 'b']);
  assert.equal(await chain.find('c'), null, 'nothing is the last resort of a strict mapping');
  assert.deepEqual(code.asked.slice(2), ['c'], 'a key without a port is asked once');
});

test('a refusal ends the search, also one that comes later', async () => {
  const pattern = new Table({ bad: FAILURES.badRoutingKey });
  const code = new Table({ late: FAILURES.mappingLate }, true);
  const chain = new MapperChain({ pattern, code }, pool('http-to'));
  assert.equal(say(await chain.find('bad')), 'bad-routing-key');
  assert.deepEqual(code.asked, []);
  assert.equal(say(await chain.find('late')), 'mapping-late');
});

test('without mappers every key is the last resort', () => {
  const chain = new MapperChain({}, pool('http-to'));
  assert.equal(chain.isKeyed, false);
  assert.equal(say(chain.find('a') as Found), '/http-to');
});

test('an address has one pool, so what is known of its health stays', () => {
  const { pools } = new TestPools();
  const first = pools.of('10.0.0.1:3031|10.0.0.2:3031,modifier1=5');
  assert.equal(say(first), '10.0.0.1:3031 10.0.0.2:3031,modifier1=5');
  first.nodes[0].failed('missing', 0);
  assert.equal(pools.of('10.0.0.1:3031|10.0.0.2:3031,modifier1=5'), first);
  assert.notEqual(pools.of('10.0.0.1:3031'), first);
});

test('a list with one bad address leaves nothing running', () => {
  const test = new TestPools();
  assert.throws(() => test.pools.of('10.0.0.1:3031|10.0.0.2:99999'), /no port/);
  assert.throws(() => test.pools.of('10.0.0.1:3031|'), /empty/);
  assert.deepEqual([test.made, test.stopped], [2, 2]);
});

test('pools are bounded, and those that are forgotten are stopped', () => {
  const test = new TestPools(100);
  const kept = test.pools.of('/kept');
  for (let i = 0; i < 1000; i++) {
    test.pools.of(`/${i}`);
    assert.equal(test.pools.of('/kept'), kept, 'what is in use is not forgotten');
  }
  assert.equal(test.made, 1001);
  assert.ok(test.made - test.stopped <= 100, `${test.made - test.stopped} live`);
  test.pools.stop();
  assert.equal(test.stopped, test.made);
});

test('a bounded cache holds no more than it may, and tells of what it drops', () => {
  const dropped: number[] = [];
  const cache = new BoundedCache<number>(4, (value) => void dropped.push(value));
  for (let i = 0; i < 4; i++) cache.set(`${i}`, i);
  assert.equal(cache.get('0'), 0);
  for (let i = 4; i < 7; i++) {
    cache.set(`${i}`, i);
    assert.ok(cache.size <= 4, `${cache.size}`);
  }
  assert.ok(!dropped.includes(6));
  assert.equal(cache.get('1'), undefined);
  assert.equal(new Set([...dropped, ...cache.values()]).size, 7, 'nothing is lost without a word');
  cache.delete('6');
  assert.equal(cache.get('6'), undefined);
});
