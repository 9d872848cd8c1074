/** What outlives a generation of config, and what must not hang on it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backends } from '../../src/pool/backends.ts';
import { MappedPools } from '../../src/pool/mappers/mapped-pools.ts';
import { Node } from '../../src/pool/node.ts';
import { NodeList } from '../../src/pool/node-list.ts';
import { Pool } from '../../src/pool/pool.ts';
import { WorkerSource } from '../../src/pool/worker-source.ts';

const ADDRESS = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const;

function found(backends: Backends): MappedPools {
  const target = { kind: 'http', address: ADDRESS } as const;
  const parse = (text: string): NodeList => new NodeList([new Node(target, text, {}, backends.of(target))]);
  return new MappedPools({ parse, check: () => {}, atPath: parse, pool: (sources) => new Pool(sources, 1_000) });
}

test('what mappers have found keeps its servers known when its generation is over, and nobody of that generation', () => {
  const backends = new Backends();
  const pools = found(backends);
  const heard: string[] = [];
  pools.observe({ nodeMarked: (_, mark) => void heard.push(mark) });
  const [node] = pools.of('http://127.0.0.1:80').nodes;
  node!.failed('missing', 0);
  pools.unobserve();
  node!.backend.reached();
  assert.equal(node!.backend.observer, null);
  pools.of('http://127.0.0.1:80|http://127.0.0.1:80').nodes[0]!.failed('missing', 0);
  assert.deepEqual(heard, ['dead']);
  assert.equal(backends.size, 1);
});

test('what mappers have found is given back once, however often it is stopped', () => {
  const backends = new Backends();
  const [before, next] = [found(backends), found(backends)];
  const [node] = before.of('http://127.0.0.1:80').nodes;
  next.of('http://127.0.0.1:80');
  before.stop();
  before.stop();
  assert.equal(node!.backend.isGone, false);
  next.stop();
  assert.equal(node!.backend.isGone, true);
  assert.equal(backends.size, 0);
});

test('N1: a worker of ours that fails before it has answered once is not said to speak another protocol', () => {
  const source = new WorkerSource('wsgi');
  source.use([{ kind: 'uwsgi', path: '/w.sock', spawn: 1 }]);
  assert.equal(source.nodes[0]!.backend.isUnderstood, true);
});
