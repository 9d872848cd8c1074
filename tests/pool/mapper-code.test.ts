import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CodeMapper, type CodeSettings } from '../../src/pool/mappers/code-mapper.ts';
import { formatFault, MapperError } from '../../src/pool/mappers/mapper-error.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { say, TestLog, TestPools } from './mapper-support.ts';

/** A module of a user that does what its key says. JavaScript, because `deno test` checks the types of each new file for seconds. */
const MODULE = `
import process from 'node:process';
const TABLE = { one: '127.0.0.1:3031', list: '/a.sock|/b.sock', modifier: '/a.sock,5' };
let asked = 0;
export default async (key) => {
  asked++;
  if (key === 'count') return '/run/' + asked;
  if (key.startsWith('loop')) for (;;);
  if (key === 'throw') throw new Error('the database is gone');
  if (key === 'number') return 42;
  if (key === 'empty') return '';
  if (key === 'bad') return '127.0.0.1:99999';
  if (key === 'never') return new Promise(() => {});
  if (key === 'slow') return new Promise((done) => setTimeout(done, 100, '/slow.sock'));
  if (key === 'exit') process.exit(3);
  if (key === 'uncaught') setTimeout(() => { throw new Error('nobody catches this') });
  if (key === 'uncaught') return new Promise(() => {});
  return TABLE[key];
};
export const named = (key) => '/named-' + key;
`;

const TYPED = `
interface Table { readonly [key: string]: string | undefined }
const TABLE: Table = { one: '/one.sock' };
export function route(key: string): string | null { return TABLE[key] ?? null }
`;

interface Started extends Disposable {
  readonly mapper: CodeMapper;
  readonly log: TestLog;
  readonly pools: TestPools;
  /** What becomes of a request for the key. */
  ask(key: string): Promise<string>;
}

async function start(folder: TemporaryFolder, what: string | null, settings: CodeSettings = {}, text = 'map.mjs'): Promise<Started> {
  if (what !== null) writeFileSync(folder.file('map.mjs'), what);
  const log = new TestLog();
  const pools = new TestPools();
  const at = text.replace('map.mjs', folder.file('map.mjs'));
  const mapper = await CodeMapper.start(at, pools.pools, log.log, settings);
  return { mapper, log, pools, ask: async (key) => say(await mapper.find(key)), [Symbol.dispose]: () => mapper.stop() };
}

test('a function gives keys their addresses, and its answers are remembered', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE);
  assert.equal(await code.ask('one'), '127.0.0.1:3031');
  assert.equal(await code.ask('list'), '/a.sock /b.sock');
  assert.equal(await code.ask('modifier'), '/a.sock,5');
  assert.equal(await code.ask('slow'), '/slow.sock');
  for (const key of ['nobody', 'empty', '']) assert.equal(await code.ask(key), '-', key);
  assert.equal(say(code.mapper.find('one') as never), '127.0.0.1:3031', 'known without a promise');
  assert.equal(await code.ask('constructor'), 'mapping-failed', 'a function of Object.prototype is no address');
});

test('requests for one key share one question, and it is asked again when its answer is old', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { lifetime: 1000 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => code.ask('count')));
  assert.deepEqual(new Set(answers), new Set(['/run/1']));
  assert.equal(await code.ask('count'), '/run/1');
  await sleep(1250);
  assert.equal(await code.ask('count'), '/run/2');
});

test('a function can be named, and as uWSGI writes it', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, {}, 'map.mjs:named');
  assert.equal(await code.ask('one'), '/named-one');
  using likeUwsgi = await start(folder, null, {}, '0:map.mjs:named');
  assert.equal(await likeUwsgi.ask('one'), '/named-one');
});

test('a module may be TypeScript', async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('typed.ts'), TYPED);
  const { pools } = new TestPools();
  const mapper = await CodeMapper.start(`${folder.file('typed.ts')}:route`, pools, new TestLog().log);
  assert.equal(say(await mapper.find('one')), '/one.sock');
  assert.equal(await mapper.find('two'), null);
  mapper.stop();
});

test('code that never ends is cut off, and the next is answered by a new thread', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { limit: 300 });
  for (const key of ['loop', 'never', 'loop-again']) {
    const began = performance.now();
    assert.equal(await code.ask(key), 'mapping-late', key);
    const took = performance.now() - began;
    assert.ok(took >= 290 && isWithin(2000, began), `${took} ms`);
    // Unless the new thread takes longer than that to be there.
    assert.equal(await waitFor('an answer', async () => (await code.ask('one')) === '127.0.0.1:3031'), true);
    assert.equal(await waitFor('a thread that answers', async () => (await code.ask(`x${key}`)) === '-'), true);
  }
  assert.ok(code.log.lines.some((line) => /code=mapping-late .*map\.mjs key=loop/.test(line)));
});

test('who waits behind code that never ends is answered by the new thread', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { limit: 2500 });
  const loop = code.ask('loop');
  await sleep(1300);
  const behind = code.ask('one');
  assert.equal(await loop, 'mapping-late');
  assert.equal(await behind, '127.0.0.1:3031');
});

test('a bad key is not asked again for each request', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { limit: 2000 });
  assert.equal(await code.ask('loop'), 'mapping-late');
  const began = performance.now();
  for (let i = 0; i < 100; i++) assert.equal(await code.ask('loop'), 'mapping-late');
  assert.ok(performance.now() - began < 1950, 'less than one that is asked again takes');
});

test('what the code throws, or gives in place of an address, is told', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE);
  const told = { throw: /the database is gone/, number: /type number/, bad: /no port/ };
  for (const [key, pattern] of Object.entries(told)) {
    assert.equal(await code.ask(key), 'mapping-failed', key);
    assert.ok(
      code.log.lines.some((line) => line.includes('code=mapping-failed') && line.includes('map.mjs') && pattern.test(line)),
      code.log.lines.join('\n'),
    );
  }
  assert.equal(await code.ask('one'), '127.0.0.1:3031', 'the thread lives on');
});

test('a thread that ends by itself is started again, not more than once a second', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { limit: 5000 });
  for (const key of ['exit', 'uncaught']) {
    assert.equal(await code.ask(key), 'mapping-failed', key);
    assert.equal(await waitFor('an answer', async () => (await code.ask(`after-${key}-${Math.random()}`)) === '-'), true);
  }
});

test('the last good answer stays when there is no new one', async () => {
  await using folder = temporaryFolder();
  const text = `let n = 0; export default () => { if (n++ > 0) throw new Error('gone'); return '/a.sock'; }`;
  using code = await start(folder, text, { lifetime: 50 });
  assert.equal(await code.ask('a'), '/a.sock');
  await sleep(100);
  assert.equal(await code.ask('a'), '/a.sock');
  assert.ok(code.log.lines.some((line) => line.includes('mapping-failed')));
  assert.equal(await code.ask('b'), 'mapping-failed');
});

test('more questions than can be answered in time are not heaped up', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { limit: 300 });
  const answers = await Promise.all(['loop', ...Array.from({ length: 3000 }, (_, i) => `host${i}`)].map((key) => code.ask(key)));
  assert.equal(answers[0], 'mapping-late');
  assert.deepEqual(new Set(answers.slice(1000)), new Set(['mapping-late']), 'those for whom there is no room');
  // Of the others the last may have time enough left for the new thread.
  for (const answer of answers) assert.ok(answer === 'mapping-late' || answer === '-', answer);
  assert.equal(await waitFor('an answer', async () => (await code.ask(`${Math.random()}`)) === '-'), true);
});

test('a module that was mended is taken by the next thread', async () => {
  await using folder = temporaryFolder();
  using code = await start(folder, MODULE, { limit: 300 });
  writeFileSync(folder.file('map.mjs'), `export default (key) => '/mended-' + key;`);
  assert.equal(await code.ask('loop'), 'mapping-late');
  assert.equal(await waitFor('the new module', async () => (await code.ask('new')) === '/mended-new'), true);
});

test('a file that gives no function is a fault at start, with a hint', async () => {
  await using folder = temporaryFolder();
  const faults: Readonly<Record<string, readonly [text: string | null, fault: RegExp]>> = {
    'none.mjs': [null, /no such file/],
    'syntax.mjs': ['export default function ( {', /syntax\.mjs: ./],
    'throws.mjs': [`throw new Error('no settings'); export default () => null;`, /no settings/],
    'other.mjs': ['export const other = () => null;', /no function default/],
    'value.mjs': ['export default 42;', /no function default/],
    'import.mjs': [`import './missing.mjs'; export default () => null;`, /missing\.mjs|Type checking/],
    'exit.mjs': ['process.exit(3); export default () => null;', /ended its thread/],
  };
  for (const [name, [text, fault]] of Object.entries(faults)) {
    if (text !== null) writeFileSync(folder.file(name), text);
    const error = await faultOf(folder.file(name));
    assert.match(formatFault(error.faults[0]), fault, name);
    assert.ok(formatFault(error.faults[0]).startsWith(folder.file(name)), name);
    assert.ok(error.faults[0].hint, name);
  }
  assert.match((await faultOf(`${folder.file('other.mjs')}:nobody`)).message, /no function nobody/);
  assert.match((await faultOf(join(folder.file('other.mjs'), 'below.ts'))).message, /no such file/);
});

async function faultOf(text: string): Promise<MapperError> {
  const outcome = await CodeMapper.start(text, new TestPools().pools, new TestLog().log).catch((error: unknown) => error);
  if (outcome instanceof CodeMapper) outcome.stop();
  assert.ok(outcome instanceof MapperError, text);
  return outcome;
}

test('F23: hosts that make the function loop are not asked again and again, so that new hosts do not wait', async () => {
  await using folder = temporaryFolder();
  // Long: threads of Deno that loop keep a processor each, and a new one must come up beside them.
  using code = await start(folder, MODULE, { limit: 2_500 });
  const loops = ['loop-1', 'loop-2'];
  // Together with hosts that are well: these wait for the loop before them, and are answered by the next thread.
  assert.equal((await Promise.all([code.ask('loop-1'), code.ask('one')])).join(), 'mapping-late,127.0.0.1:3031');
  for (const key of loops) assert.equal(await code.ask(key), 'mapping-late', key);
  const threads = (): number => code.log.lines.filter((line) => line.includes('code=mapping-late')).length;
  const before = threads();
  // Longer than a failure is remembered that may pass.
  await sleep(1_200);
  for (let i = 0; i < 20; i++) {
    const asked = Promise.all(loops.map((key) => code.ask(key)));
    assert.equal(await code.ask(`new${i}`), '-');
    assert.deepEqual(new Set(await asked), new Set(['mapping-late']));
  }
  assert.equal(threads(), before, 'none of them came to the function again');
});
