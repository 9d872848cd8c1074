import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readValue } from '../../src/options/forms.ts';
import type { Option } from '../../src/options/option.ts';
import { formatReference } from '../../src/options/reference.ts';
import { findOption, namesOf, table, WORKING } from '../../src/options/table.ts';
import { uwsgiAbsence, uwsgiAbsences } from '../../src/options/uwsgi-names.ts';
import { peerTest } from '../support/peers.ts';
import { configOf, errorsOf } from './support.ts';

const rows: readonly Option[] = WORKING;
const uwsgiNames = uwsgiAbsences().flatMap(({ names }) => names);

test('no name and no letter is there twice', () => {
  const names = [...table().flatMap(namesOf), ...uwsgiNames];
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
  const letters = table().flatMap(({ short }) => short ?? []);
  assert.equal(new Set(letters).size, letters.length);
});

test('names, letters and texts have their form', () => {
  for (const option of table()) {
    for (const name of namesOf(option)) assert.match(name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    assert.match(option.short ?? 'x', /^[A-Za-z]$/, option.name);
    assert.match(option.since, /^\d+\.\d+$/, option.name);
    assert.ok(option.help.length > 5, option.name);
    assert.ok(!option.later?.note.includes('\n'), option.name);
  }
  for (const option of rows) assert.match(option.help, /^[A-Z].*\.$/, option.name);
});

test('defaults and bare values can be read in the form of their option', () => {
  for (const { form, default: fallback, bare } of rows) {
    if (fallback !== undefined) readValue(form, fallback);
    if (bare !== undefined) readValue(form, bare);
  }
});

test('an option has a default, words for it, or none because it is a list or no setting', () => {
  for (const option of rows)
    assert.ok(option.default !== undefined || option.defaultText !== undefined || option.repeatable || option.commandLineOnly, option.name);
});

test('the examples are right', () => {
  for (const option of rows) {
    const { name, example, commandLineOnly } = option;
    if (commandLineOnly || name === 'ini') continue;
    const http = name === 'http' ? '' : 'http = :9080\n';
    const app = option.needsApp === undefined ? '' : 'module = app\n';
    const socket = /^http-socket-|^http-use-socket/.test(name) ? 'http-socket = :9081\n' : '';
    assert.deepEqual(configOf(['u.ini'], { files: { 'u.ini': `[uwsgi]\n${http}${app}${socket}${example}` } }).notices, [], name);
    for (const line of example.split('\n')) assert.ok(line.startsWith(`${name} = `), name);
  }
});

test('docs/options.md is up to date; if not: node src/options/write-reference.ts', () => {
  const page = readFileSync(new URL('../../docs/options.md', import.meta.url), 'utf8');
  assert.ok(page === formatReference(), 'docs/options.md differs from the table; run node src/options/write-reference.ts');
});

test('the page has every option and every name that is recognised', () => {
  const page = formatReference();
  for (const option of rows) assert.ok(page.includes(`\n### ${option.name}\n\n${option.help}\n`), option.name);
  for (const name of [...table().flatMap(namesOf), ...uwsgiNames]) assert.ok(page.includes(`${name}\``) || page.includes(`### ${name}\n`), name);
});

peerTest('W17: every option of the installed uWSGI has an answer', { needs: ['uwsgi'] }, async () => {
  const { stdout } = spawnSync('uwsgi', ['--plugin', 'python3,http', '--help'], { encoding: 'utf8', maxBuffer: 10_000_000 });
  const names = [...stdout.matchAll(/^\s*(?:-\w\|)?--([\w-]+)/gm)].map(([, name]) => name ?? '');
  assert.ok(names.length > 500, `${names.length}`);
  const unknown = names.filter((name) => findOption(name) === undefined && uwsgiAbsence(name) === undefined);
  assert.deepEqual(unknown, []);
});

test('W17: an option of uWSGI that ugate has not is told with the reason and what to do', () => {
  const said = (line: string): string => errorsOf([`--${line}`]);
  assert.match(said('vhost'), /--vhost: uWSGI has it, ugate does not have it yet/);
  assert.match(said('hook-master-start=exec:true'), /--hook-master-start: uWSGI has it, ugate has not: ugate has no hooks\n {2}hint: .*ExecStartPre/);
  assert.match(said('pyargv=a b'), /--pyargv: not available yet: .*\n {2}hint: give the app variables/);
  assert.match(said('limit-post=1'), /http-max-body/);
  assert.match(said('hook-master-strat=x'), /unknown option/);
});
