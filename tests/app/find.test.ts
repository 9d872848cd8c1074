/** Which of JavaScript and Python an app is, by what is there. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../src/app/app-error.ts';
import { type AppName, findApp } from '../../src/app/find-app.ts';
import { type AppFiles, appFiles } from './files.ts';

function find(files: AppFiles, module: string, callable: string | null = null, pythonPath: string[] = [], kind: 'any' | 'wsgi' = 'any') {
  return findApp({ kind, module }, callable, { cwd: files.directory, pythonPath });
}

function fault(step: () => unknown): AppError {
  try {
    step();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  throw new Error('it was found');
}

test('by its ending', () => {
  using files = appFiles({ 'app.ts': '', 'a.mjs': '', 'b.tsx': '', 'wsgi.py': '', 'sub/x.py': '', 'site.wsgi': '' });
  const { directory } = files;
  assert.deepEqual(find(files, 'app.ts'), { kind: 'fetch', path: `${directory}/app.ts`, name: null });
  assert.deepEqual(find(files, 'app.ts:admin'), { kind: 'fetch', path: `${directory}/app.ts`, name: 'admin' });
  assert.deepEqual(find(files, 'app.ts:admin', 'other'), { kind: 'fetch', path: `${directory}/app.ts`, name: 'other' });
  assert.deepEqual(find(files, `${directory}/a.mjs`), { kind: 'fetch', path: `${directory}/a.mjs`, name: null });
  assert.deepEqual(find(files, './b.tsx:default'), { kind: 'fetch', path: `${directory}/b.tsx`, name: null });
  const wsgi = (path: string, callable: string | null) => ({
    kind: 'wsgi',
    spec: { kind: 'file', path: `${directory}/${path}`, callable },
    guess: null,
  });
  assert.deepEqual(find(files, 'wsgi.py'), wsgi('wsgi.py', null));
  assert.deepEqual(find(files, 'sub/x.py:app'), wsgi('sub/x.py', 'app'));
  assert.deepEqual(find(files, 'site.wsgi', 'app'), wsgi('site.wsgi', 'app'));
});

test('a bare name, by what is there', () => {
  using files = appFiles({
    'front.js': '',
    'shop/index.ts': '',
    'both/index.mjs': '',
    'src/main.ts': '',
    'back.py': '',
    'pkg/__init__.py': '',
    'pkg/wsgi.py': '',
  });
  const { directory } = files;
  assert.deepEqual(find(files, 'front'), { kind: 'fetch', path: `${directory}/front.js`, name: null });
  assert.deepEqual(find(files, 'shop:admin'), { kind: 'fetch', path: `${directory}/shop/index.ts`, name: 'admin' });
  assert.deepEqual(find(files, 'src/main'), { kind: 'fetch', path: `${directory}/src/main.ts`, name: null });
  const wsgi = (name: string, callable: string | null = null) => ({ kind: 'wsgi', spec: { kind: 'module', name, callable }, guess: null });
  assert.deepEqual(find(files, 'back'), wsgi('back'));
  assert.deepEqual(find(files, 'back:app'), wsgi('back', 'app'));
  assert.deepEqual(find(files, 'pkg'), wsgi('pkg'));
  assert.deepEqual(find(files, 'pkg.wsgi:app', 'mine'), wsgi('pkg.wsgi', 'mine'));
  assert.deepEqual(find(files, 'front', null, [], 'wsgi'), wsgi('front'));
});

test('the source comes before what it was compiled to', () => {
  using files = appFiles({ 'app.js': '', 'app.ts': '' });
  assert.deepEqual(find(files, 'app'), { kind: 'fetch', path: files.at('app.ts'), name: null });
});

test('directories of pythonpath are looked into too, relative to the working directory', () => {
  using files = appFiles({ 'lib/back.py': '', 'lib/front.ts': '' });
  assert.deepEqual(find(files, 'back', null, ['lib']).kind, 'wsgi');
  assert.deepEqual(find(files, 'front', null, [files.at('lib')]), { kind: 'fetch', path: files.at('lib/front.ts'), name: null });
});

test('a name for two apps is an error that names both and says what to write', () => {
  using files = appFiles({ 'app.ts': '', 'app.py': '', 'lib/two.ts': '', 'two/__init__.py': '' });
  const error = fault(() => find(files, 'app'));
  assert.ok(error.message.includes(files.at('app.ts')) && error.message.includes(files.at('app.py')), error.message);
  assert.match(error.hint ?? '', /--module app\.ts .*--wsgi app /);
  assert.match(fault(() => find(files, 'two', null, ['lib'])).hint ?? '', /--module lib\/two\.ts /);
  assert.equal(find(files, 'app', null, [], 'wsgi').kind, 'wsgi');
});

test('what is not there may be installed in Python, and the guess says what was looked for', () => {
  using files = appFiles({});
  const found = find(files, 'django_site.wsgi');
  assert.ok(found.kind === 'wsgi' && found.spec.kind === 'module');
  assert.match(found.guess ?? '', /^no django_site\/wsgi\.py, django_site\/wsgi\/__init__\.py in \/.*ugate-app-/);
  const bare = find(files, 'app');
  assert.match(bare.kind === 'wsgi' ? (bare.guess ?? '') : '', /app\.ts, .*app\.py/);
});

test('what can be nothing is an error', () => {
  using files = appFiles({ 'app.ts': '' });
  for (const [name, message, hint] of [
    ['my-app', /no app "my-app": there is no my-app\.ts, /, /--module app\.ts/],
    ['sub/app', /no sub\/app\.ts/, /--module/],
    ['none.ts', /there is no file \/.*none\.ts/, null],
    ['none.py', /there is no file \/.*none\.py/, null],
    ['app.ts:no-name', /"no-name" is no name of an export/, /app\.ts:admin/],
  ] as const) {
    const error = fault(() => find(files, name));
    assert.match(error.message, message);
    if (hint !== null) assert.match(error.hint ?? '', hint);
  }
  assert.match(fault(() => find(files, 'app.ts', null, [], 'wsgi')).hint ?? '', /--module app\.ts/);
  const script: AppName = { kind: 'wsgi-file', file: 'app.ts' };
  assert.match(fault(() => findApp(script, null, { cwd: files.directory, pythonPath: [] })).message, /wsgi-file is for Python/);
});

test('wsgi-file is a path', () => {
  using files = appFiles({ 'deep/app.py': '', plain: '' });
  const place = { cwd: files.directory, pythonPath: [] };
  for (const file of ['deep/app.py', 'plain']) {
    assert.deepEqual(findApp({ kind: 'wsgi-file', file }, 'app', place), {
      kind: 'wsgi',
      spec: { kind: 'file', path: files.at(file), callable: 'app' },
      guess: null,
    });
  }
});
