import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { CacheMapper } from '../../src/pool/mappers/cache-mapper.ts';
import { MapperChain } from '../../src/pool/mappers/chain.ts';
import { formatFault, MapperError, type MapperFault } from '../../src/pool/mappers/mapper-error.ts';
import { temporaryFolder } from '../support/paths.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { say, TestLog, TestPools } from './mapper-support.ts';

async function startWith(file: string, text: string, log = new TestLog(), test = new TestPools()): Promise<CacheMapper & Disposable> {
  writeFileSync(file, text);
  const mapper = await CacheMapper.start(file, test.pools, log.log);
  return Object.assign(mapper, { [Symbol.dispose]: () => mapper.stop() });
}

async function faultsOf(file: string, text: string | null): Promise<readonly MapperFault[]> {
  if (text !== null) writeFileSync(file, text);
  const outcome = await CacheMapper.start(file, new TestPools().pools, new TestLog().log).catch((error: unknown) => error);
  if (outcome instanceof CacheMapper) outcome.stop();
  assert.ok(outcome instanceof MapperError, text ?? 'no file');
  return outcome.faults;
}

test('a file gives keys their addresses', async () => {
  await using folder = temporaryFolder();
  const text = [
    '\ufeff# hosts',
    'one.example 10.0.0.1:3031',
    '; more',
    '',
    '  Two.Example.\t=  10.0.0.2:3031|10.0.0.3:3031  ',
    'three.example:8080=/run/three.sock',
    'four.example 10.0.0.4:3031,modifier1=5\r',
    '[::1]:80 10.0.0.5:3031',
  ];
  using mapper = await startWith(folder.file('hosts'), `${text.join('\n')}\n`);
  assert.equal(mapper.size, 5);
  const chain = new MapperChain({ cache: mapper }, null);
  const found = {
    'one.example': '10.0.0.1:3031',
    'one.example:9': '10.0.0.1:3031',
    'two.example': '10.0.0.2:3031 10.0.0.3:3031',
    'three.example:8080': '/run/three.sock',
    'three.example': '-',
    'four.example': '10.0.0.4:3031,modifier1=5',
    '[::1]:80': '10.0.0.5:3031',
    constructor: '-',
    '': '-',
  };
  for (const [key, expected] of Object.entries(found)) assert.equal(say(await chain.find(key)), expected, key);
});

test('every fault of a file is told with its line and what to write', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('hosts');
  const faults = await faultsOf(
    file,
    'ok 10.0.0.1:3031\nalone\nb 10.0.0.2:99999\nOK. 10.0.0.3:3031\nhttp://x/ 10.0.0.4:3031\nc 10.0.0.5:3031 # mine\nd 10.0.0.6:1|\n',
  );
  const told = faults.map(formatFault);
  const expected = [/:2: "alone" is no key/, /:3: .*no port/, /:4: "ok" is there/, /:5: .*no host/, /:6: .*no key and address/, /:7: .*empty/];
  assert.equal(told.length, expected.length, told.join('\n'));
  for (const [index, pattern] of expected.entries()) assert.match(told[index], pattern);
  assert.match(faults[2].hint ?? '', /line 1/);
  assert.match(faults[4].hint ?? '', /comment/);
  assert.equal((await faultsOf(file, 'x\n'.repeat(100))).length, 20);
});

test('a file that cannot be read is a fault', async () => {
  await using folder = temporaryFolder();
  const [missing] = await faultsOf(folder.file('missing'), null);
  assert.match(formatFault(missing), /missing: cannot be read: .*ENOENT/);
  const [directory] = await faultsOf(folder.path, null);
  assert.match(directory.message, /cannot be read/);
});

test('a file that is replaced is read again, and what is known of an address stays', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('hosts');
  using mapper = await startWith(file, 'one 10.0.0.1:3031\n');
  const kept = mapper.find('one');
  assert.ok(kept !== null && 'nodes' in kept);
  kept.nodes[0].failed('missing', 0);
  // Of the same length, and put in its place at once.
  writeFileSync(folder.file('next'), 'one 10.0.0.2:3031\n');
  renameSync(folder.file('next'), file);
  await waitFor('the new address', () => say(mapper.find('one')) === '10.0.0.2:3031');
  writeFileSync(file, 'one 10.0.0.1:3031\n');
  await waitFor('the old address', () => mapper.find('one') === kept);
  assert.ok(kept.nodes[0].backend.isDead);
});

test('a broken new version leaves the last good one, and is told once', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('hosts');
  const log = new TestLog();
  using mapper = await startWith(file, 'one 10.0.0.2:3031\n', log);
  writeFileSync(file, 'two 10.0.0.3:3031\none 10.0.0.3\0:3031\n');
  await waitFor('the fault in the log', () => log.lines.find((line) => /code=mapping-file-bad/.test(line) && line.includes(`${file}:2`)));
  assert.equal(say(mapper.find('one')), '10.0.0.2:3031');
  assert.equal(mapper.find('two'), null, 'nothing of it is taken');
  await sleep(1200);
  assert.equal(log.lines.filter((line) => line.includes('mapping-file-bad')).length, 1);
  writeFileSync(file, 'one 10.0.0.3:3031\n');
  await waitFor('the mended file', () => say(mapper.find('one')) === '10.0.0.3:3031');
});

test('a file that goes leaves the last good one, and is read when it comes back', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('hosts');
  const log = new TestLog();
  using mapper = await startWith(file, 'one 10.0.0.2:3031\n', log);
  rmSync(file);
  await waitFor('the missing file in the log', () => log.lines.some((line) => /mapping-file-bad.*ENOENT/.test(line)));
  assert.equal(say(mapper.find('one')), '10.0.0.2:3031');
  writeFileSync(file, 'one 10.0.0.1:3031\n');
  await waitFor('the file that is back', () => say(mapper.find('one')) === '10.0.0.1:3031');
});

test('a long file is read while other things go on', async () => {
  await using folder = temporaryFolder();
  const lines = Array.from({ length: 100_000 }, (_, i) => `host${i}.example 10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:3031`);
  let turns = 0;
  const timer = setInterval(() => void turns++, 1);
  const test = new TestPools();
  using mapper = await startWith(folder.file('hosts'), `${lines.join('\n')}\n`, new TestLog(), test);
  clearInterval(timer);
  assert.equal(mapper.size, 100_000);
  assert.equal(say(mapper.find('host99999.example')), '10.1.134.159:3031');
  assert.ok(turns >= 10, `${turns} turns of the loop`);
  assert.equal(test.made - test.stopped, 1, 'only what was asked for has a pool');
});

test('F17: a file that may be half written is not taken, and the old one stays', async () => {
  await using folder = temporaryFolder();
  const file = folder.file('hosts');
  const log = new TestLog();
  using mapper = await startWith(file, '# tenants\na 10.0.0.1:23202\nb 10.0.0.2:23202\n', log);
  const halves: readonly (readonly [text: string, said: RegExp])[] = [
    ['# tenants\na 10.0.0.1:23202\nb 10.0.0.2:2320', /hosts:3: the last line has no end/],
    ['# tenants\na 10.0.0.1:23202\n# the oth', /hosts:3: the last line has no end/],
    ['', /hosts: the file is empty/],
  ];
  for (const [text, said] of halves) {
    const before = log.lines.length;
    writeFileSync(file, text);
    await waitFor('a line about it', () => log.lines.slice(before).some((line) => line.includes('code=mapping-file-bad') && said.test(line)));
    assert.equal(say(mapper.find('b')), '10.0.0.2:23202');
    const [fault] = await faultsOf(file, null);
    assert.match(formatFault(fault), said, 'at the start it is no better');
    assert.match(fault.hint ?? '', /rename/);
  }
  writeFileSync(file, '# nobody\n');
  await waitFor('a map that is meant to be empty', () => mapper.size === 0);
});
