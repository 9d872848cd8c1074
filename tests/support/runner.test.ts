/** The test command can be trusted: it sees failures, crashes, files without tests, and ends what hangs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseJunit } from './junit.ts';
import { ROOT } from './paths.ts';
import { type FileReport, runFile, type TestRuntime } from './suite.ts';
import { waitFor } from './wait.ts';

const runtime: TestRuntime = process.versions.bun ? 'bun' : process.versions.deno ? 'deno' : 'node';

function runFixture(name: string, testName: string | null = null, limit = 20_000): Promise<FileReport> {
  return runFile({ file: `tests/support/fixtures/${name}`, runtime, label: `self-${runtime}`, env: {}, testName, limit });
}

function names(report: FileReport, outcome: string): string[] {
  return report.results.filter((result) => result.outcome === outcome).map((result) => result.name);
}

test('passed, failed and skipped tests are told apart, with messages and reasons', { timeout: 30_000 }, async () => {
  const report = await runFixture('mixed.ts');
  assert.equal(report.trouble, null);
  assert.deepEqual(names(report, 'passed'), ['passes', 'group > passes inside']);
  assert.deepEqual(names(report, 'failed'), ['fails & <tells>', 'is skipped in silence', 'group > fails inside']);
  assert.deepEqual(names(report, 'skipped'), ['is skipped']);
  const messages = report.results.map((result) => result.message);
  assert.match(messages[1] ?? '', /wanted/);
  assert.equal(report.results.find((result) => result.outcome === 'skipped')?.message, 'a reason of its own');
});

test('tests can be picked by name', { timeout: 30_000 }, async () => {
  const report = await runFixture('mixed.ts', 'passes');
  assert.equal(report.trouble, null);
  assert.deepEqual(names(report, 'failed'), []);
  assert.ok(names(report, 'passed').includes('passes'));
});

test('a file without a test is trouble', { timeout: 30_000 }, async () => {
  assert.match((await runFixture('empty.ts')).trouble ?? '', /no test/);
});

test('a file that does not load is trouble, and says why', { timeout: 30_000 }, async () => {
  assert.match((await runFixture('broken.ts')).trouble ?? '', /does not load/);
});

test('a runner that crashes is trouble', { timeout: 30_000 }, async () => {
  assert.notEqual((await runFixture('crashing.ts')).trouble, null);
});

test('a file that hangs is killed with all that it started', { timeout: 30_000 }, async () => {
  const report = await runFixture('hanging.ts', null, 5000);
  assert.match(report.trouble ?? '', /not done after 5 s/);
  const pid = Number(/child (\d+)\./.exec(report.trouble ?? '')?.[1]);
  assert.ok(pid > 0, report.trouble ?? '');
  await waitFor('the child to be gone', () => !isRunning(pid));
});

test('a report that is cut off is no report', () => {
  assert.throws(() => parseJunit('<?xml version="1.0"?><testsuites><testcase name="a"/>'), /not closed/);
  assert.throws(() => parseJunit(''), /no element/);
});

/** A killed process stays as a zombie until its parent, or init, has looked. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(join('/proc', String(pid), 'stat'), 'utf8'));
  } catch {
    return false;
  }
}

test('the checkout is where it is thought to be', () => {
  assert.match(readFileSync(join(ROOT, 'package.json'), 'utf8'), /"name": "ugate"/);
});
