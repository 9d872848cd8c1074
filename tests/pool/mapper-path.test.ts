import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { routingKey } from '../../src/http1/routing-key.ts';
import { MapperChain } from '../../src/pool/mappers/chain.ts';
import { MapperError } from '../../src/pool/mappers/mapper-error.ts';
import { PathMapper } from '../../src/pool/mappers/path-mapper.ts';
import { requestHead } from '../http1/support.ts';
import { temporaryFolder } from '../support/paths.ts';
import { listenAt, say, TestPools } from './mapper-support.ts';

test('a pattern and a base give the path of a socket that is there', async () => {
  await using folder = temporaryFolder();
  await using _one = await listenAt(folder.file('one.example'));
  await using _two = await listenAt(folder.file('50%-one.example-one.example.s'));
  const base = PathMapper.base(`${folder.path}/`, new TestPools().pools);
  assert.equal(say(base.find('one.example')), folder.file('one.example'));
  assert.equal(say(base.find('two.example')), '-');
  const pattern = PathMapper.pattern(`${folder.path}/50%%-%s-%s.s`, new TestPools().pools);
  assert.equal(say(pattern.find('one.example')), folder.file('50%-one.example-one.example.s'));
});

test('a base takes the key right behind it', async () => {
  await using folder = temporaryFolder();
  await using _one = await listenAt(folder.file('app-one'));
  assert.equal(say(PathMapper.base(folder.file('app-'), new TestPools().pools).find('one')), folder.file('app-one'));
});

test('a key with a port that has no socket is tried without it', async () => {
  await using folder = temporaryFolder();
  await using _one = await listenAt(folder.file('one'));
  await using _two = await listenAt(folder.file('one:81'));
  const chain = new MapperChain({ base: PathMapper.base(`${folder.path}/`, new TestPools().pools) }, null);
  assert.equal(say(await chain.find('one:80')), folder.file('one'));
  assert.equal(say(await chain.find('one:81')), folder.file('one:81'));
});

test('a file or a folder is no socket', async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('file'), '');
  mkdirSync(folder.file('folder'));
  const base = PathMapper.base(`${folder.path}/`, new TestPools().pools);
  for (const key of ['file', 'folder', 'file:80', 'x'.repeat(255)]) assert.equal(say(base.find(key)), '-', key);
  assert.equal(say(PathMapper.base(join(folder.path, 'file/'), new TestPools().pools).find('a')), '-', 'a file is no folder');
});

test('what a client sends chooses no other folder', async () => {
  await using folder = temporaryFolder();
  await using _secret = await listenAt(folder.file('secret'));
  mkdirSync(folder.file('apps'));
  const base = PathMapper.base(folder.file('apps/'), new TestPools().pools);
  const pattern = PathMapper.pattern(folder.file('apps/../%s'), new TestPools().pools);
  const hostile = ['../secret', '..', '.', '', '/etc/x', 'a/../../secret', 'a\0', 'a\n', 'a\x7f', 'a b', '..\\secret', 'é', 'a..b', 'x'.repeat(256)];
  for (const key of hostile) {
    assert.equal(say(base.find(key)), 'bad-routing-key', JSON.stringify(key));
    assert.equal(say(pattern.find(key)), 'bad-routing-key', JSON.stringify(key));
  }
  assert.equal(say(pattern.find('secret')), folder.file('apps/../secret'), 'what the option says is the option’s');
});

test('every host that a request can have is refused, not there, or a plain name', async () => {
  await using folder = temporaryFolder();
  await using _secret = await listenAt(folder.file('secret'));
  mkdirSync(folder.file('apps'));
  const test = new TestPools();
  const chain = new MapperChain({ base: PathMapper.base(folder.file('apps/'), test.pools) }, null);
  const hosts = ['..', '...', '.', '..:80', '%2e%2e%2fsecret', '..%2fsecret', '%00', '[::1]', '$&', "$'", 'a,modifier1=5', 'a;b', '~', '.:80', '*'];
  for (const host of hosts) {
    const found = await chain.find(routingKey(requestHead(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)));
    assert.match(say(found), /^(bad-routing-key|-)$/, host);
  }
  assert.equal(test.made, 0, 'nothing of it is remembered');
});

test('nothing in a key is an option of the node', async () => {
  await using folder = temporaryFolder();
  await using _odd = await listenAt(folder.file('a,modifier1=5'));
  const found = PathMapper.base(`${folder.path}/`, new TestPools().pools).find('a,modifier1=5');
  assert.ok(found !== null && 'nodes' in found);
  assert.deepEqual(found.nodes[0].target, { kind: 'uwsgi', address: { kind: 'unix', path: folder.file('a,modifier1=5'), abstract: false } });
});

test('a socket is looked for again when its node is dead, and one that comes back starts anew', async () => {
  await using folder = temporaryFolder();
  const test = new TestPools();
  const base = PathMapper.base(`${folder.path}/`, test.pools);
  let first: unknown;
  {
    await using _one = await listenAt(folder.file('one'));
    const found = base.find('one');
    assert.ok(found !== null && 'nodes' in found);
    first = found;
    assert.equal(base.find('one'), found);
    rmSync(folder.file('one'), { force: true });
    assert.equal(base.find('one'), found, 'not looked for while nothing failed');
    found.nodes[0].failed('missing', 0);
    assert.equal(base.find('one'), null);
  }
  await using _again = await listenAt(folder.file('one'));
  const found = base.find('one');
  assert.ok(found !== null && 'nodes' in found && found !== first);
  assert.equal(found.nodes[0].backend.isDead, false);
  found.nodes[0].failed('timeout', 0);
  assert.equal(base.find('one'), found, 'a dead node whose socket is there keeps its mark');
});

test('a text that gives no path is a fault with a hint', () => {
  const { pools } = new TestPools();
  const faults: Readonly<Record<string, RegExp>> = {
    '/run/%h.sock': /"%h" means nothing/,
    '/run/%': /"%" means nothing/,
    '': /empty/,
    '@apps/%s': /abstract/,
    '127.0.0.1:%s': /no path/,
    '%s:3031': /no path/,
  };
  for (const [text, message] of Object.entries(faults)) {
    const error = thrown(() => PathMapper.pattern(text, pools));
    assert.match(error.faults[0].message, message, text);
    assert.ok(error.faults[0].hint, text);
  }
  for (const text of ['', '@apps', '127.0.0.1:']) assert.ok(thrown(() => PathMapper.base(text, pools)).faults[0].hint, text);
});

function thrown(run: () => void): MapperError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof MapperError);
    return error;
  }
  throw new Error('nothing was thrown');
}
