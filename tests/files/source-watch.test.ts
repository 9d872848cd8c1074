/** Changes of source files, for --watch. */

import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SourceWatch } from '../../src/files/source-watch.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { sleep, waitFor } from '../support/wait.ts';

/** Longer than a look and the time for changes to settle. */
const QUIET = 800;

class Watch {
  readonly calls: string[][] = [];
  readonly notices: string[] = [];
  readonly #folder: TemporaryFolder;
  readonly #watch: SourceWatch;

  constructor(folder: TemporaryFolder, roots = [folder.path], maxFiles?: number) {
    this.#folder = folder;
    const changed = (files: readonly string[]): void => void this.calls.push(files.map((file) => file.slice(this.#folder.path.length + 1)).sort());
    this.#watch = new SourceWatch(roots, { changed, tooMany: (text) => this.notices.push(text) }, maxFiles);
  }

  /** The one call that follows within a second. */
  async takes(): Promise<string[]> {
    await waitFor('a change to be seen', () => this.calls.length > 0, 1000);
    await sleep(QUIET);
    assert.equal(this.calls.length, 1, JSON.stringify(this.calls));
    return this.calls.pop()!;
  }

  [Symbol.dispose](): void {
    this.#watch.stop();
  }
}

/** A small project. */
function project(): TemporaryFolder {
  const folder = temporaryFolder();
  for (const name of ['src/deep', 'node_modules/hono', '.git', 'src/__pycache__', 'env/lib']) mkdirSync(folder.file(name), { recursive: true });
  for (const name of ['app.py', 'src/a.ts', 'src/deep/b.html', 'node_modules/hono/index.js', '.git/HEAD', '.env'])
    writeFileSync(folder.file(name), '1');
  for (const name of ['src/__pycache__/a.pyc', 'env/pyvenv.cfg', 'env/lib/x.py']) writeFileSync(folder.file(name), '1');
  return folder;
}

test('a file that is changed, added or removed is told within a second, once', async () => {
  await using folder = project();
  using watch = new Watch(folder);
  appendFileSync(folder.file('src/deep/b.html'), 'more');
  assert.deepEqual(await watch.takes(), ['src/deep/b.html']);
  writeFileSync(folder.file('src/deep/new.py'), '');
  assert.deepEqual(await watch.takes(), ['src/deep/new.py']);
  rmSync(folder.file('src/a.ts'));
  assert.deepEqual(await watch.takes(), ['src/a.ts']);
  // The same length: its time alone shows it.
  writeFileSync(folder.file('.env'), '2');
  assert.deepEqual(await watch.takes(), ['.env']);
});

test('new directories are watched, and removed ones told', async () => {
  await using folder = project();
  using watch = new Watch(folder);
  mkdirSync(folder.file('later/inner'), { recursive: true });
  writeFileSync(folder.file('later/inner/c.ts'), '');
  assert.deepEqual(await watch.takes(), ['later/inner/c.ts']);
  writeFileSync(folder.file('later/inner/d.ts'), '');
  assert.deepEqual(await watch.takes(), ['later/inner/d.ts']);
  rmSync(folder.file('later'), { recursive: true });
  assert.deepEqual(await watch.takes(), ['later/inner/c.ts', 'later/inner/d.ts']);
});

test('one save in several steps is told as one change of one file', async () => {
  await using folder = project();
  using watch = new Watch(folder);
  const file = folder.file('app.py');
  // As vim does: a trial file, the old one aside, the new one written in two pieces, the old one removed.
  writeFileSync(folder.file('4913'), '');
  await sleep(20);
  rmSync(folder.file('4913'));
  renameSync(file, `${file}~`);
  await sleep(20);
  writeFileSync(file, 'half');
  await sleep(20);
  appendFileSync(file, ' and half');
  rmSync(`${file}~`);
  assert.deepEqual(await watch.takes(), ['app.py']);
  // As many others do: written aside and renamed over it.
  writeFileSync(folder.file('.app.py.tmp'), 'new');
  renameSync(folder.file('.app.py.tmp'), file);
  assert.deepEqual(await watch.takes(), ['app.py']);
});

test('what is no source is not told: caches, environments, databases, logs, editor files', async () => {
  await using folder = project();
  using watch = new Watch(folder);
  for (const name of ['node_modules/hono/index.js', '.git/HEAD', 'src/__pycache__/a.pyc', 'env/lib/x.py'])
    writeFileSync(folder.file(name), 'changed');
  for (const name of ['b.pyc', 'a.py~', '.a.py.swp', 'app.log', 'db.sqlite3', 'db.sqlite3-journal', 'u.pid']) writeFileSync(folder.file(name), 'new');
  symlinkSync(folder.path, folder.file('src/circle'));
  await sleep(QUIET);
  assert.deepEqual(watch.calls, []);
});

test('a file may be given, beside directories', async () => {
  await using folder = project();
  using watch = new Watch(folder, [folder.file('app.py'), folder.file('src')]);
  writeFileSync(folder.file('other.py'), '');
  await sleep(QUIET);
  assert.deepEqual(watch.calls, []);
  writeFileSync(folder.file('app.py'), '22');
  writeFileSync(folder.file('src/a.ts'), '22');
  assert.deepEqual(await watch.takes(), ['app.py', 'src/a.ts']);
});

test('of too many files the nearest are watched, and a notice says so', async () => {
  await using folder = project();
  for (let n = 0; n < 20; n++) writeFileSync(join(folder.path, 'src/deep', `f${n}.ts`), '');
  using watch = new Watch(folder, undefined, 10);
  assert.equal(watch.notices.length, 1);
  assert.match(watch.notices[0]!, /covers 10 files below .*, those nearest to the top/);
  writeFileSync(folder.file('src/a.ts'), 'changed');
  assert.deepEqual(await watch.takes(), ['src/a.ts']);
});

test('tells nothing after stop', async () => {
  await using folder = project();
  const watch = new Watch(folder);
  watch[Symbol.dispose]();
  writeFileSync(folder.file('app.py'), '22');
  await sleep(QUIET);
  assert.deepEqual(watch.calls, []);
});
