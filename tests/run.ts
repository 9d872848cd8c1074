/**
 * The one test command: every unit test file under every runtime's own test runner, then the black-box suite
 * against ugate on each of them and against the compiled binary.
 *
 *     bun tests/run.ts [--runtime bun,deno,node,binary] [--only unit|blackbox] [--filter text] [--require-peers]
 *
 * Ends with `N passed, N failed`; the exit code is 1 when anything failed, crashed or ran no test.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findTool, ROOT } from './support/paths.ts';
import { runCrowd } from './support/schedule.ts';
import { endAll, type FileReport, type FileRun, runFile, type TestRuntime } from './support/suite.ts';

/** The reference, `uwsgi`, is real uWSGI's router under the black-box suite: it shows that the suite tells the truth. */
const TARGETS = ['bun', 'deno', 'node', 'binary'] as const;
type Target = (typeof TARGETS)[number] | 'uwsgi';

const UNIT_LIMIT = 240_000;
const BLACKBOX_LIMIT = 300_000;

interface Suite {
  readonly title: string;
  readonly runs: FileRun[];
  readonly reports: Map<FileRun, FileReport>;
}

interface Plan {
  readonly targets: readonly Target[];
  readonly only: string | null;
  readonly filter: string | null;
  readonly requirePeers: boolean;
}

function readPlan(args: string[]): Plan {
  const { values } = parseArgs({
    args,
    options: { runtime: { type: 'string' }, only: { type: 'string' }, filter: { type: 'string' }, 'require-peers': { type: 'boolean' } },
  });
  const targets = (values.runtime?.split(',') ?? [...TARGETS]) as Target[];
  const unknown = targets.find((target) => target !== 'uwsgi' && !TARGETS.includes(target));
  if (unknown !== undefined) throw new Error(`--runtime ${unknown}: one of ${TARGETS.join(', ')}, or uwsgi for the reference`);
  if (values.only !== undefined && !['unit', 'blackbox'].includes(values.only)) throw new Error(`--only ${values.only}: unit or blackbox`);
  return {
    targets,
    only: values.only ?? null,
    filter: values.filter ?? null,
    requirePeers: values['require-peers'] === true || process.env.UGATE_REQUIRE_PEERS === '1',
  };
}

function testFiles(): string[] {
  return readdirSync(join(ROOT, 'tests'), { recursive: true })
    .map((path) => `tests/${String(path).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}

/** `--filter` picks files by their path; when no file has it in its path, tests by their name. */
function planSuites(plan: Plan): Suite[] {
  const all = testFiles();
  const byPath = plan.filter === null ? [] : all.filter((file) => file.includes(plan.filter ?? ''));
  const files = byPath.length > 0 ? byPath : all;
  const testName = byPath.length > 0 ? null : plan.filter;
  const env: Record<string, string> = plan.requirePeers ? { UGATE_REQUIRE_PEERS: '1' } : {};
  const suite = (title: string, label: string, paths: string[], runtime: TestRuntime, limit: number, more: Record<string, string>): Suite => ({
    title,
    runs: paths.map((file) => ({ file, runtime, label, testName, limit, env: { ...env, ...more } })),
    reports: new Map(),
  });

  const unit = files.filter((file) => !file.startsWith('tests/blackbox/'));
  const blackbox = files.filter((file) => file.startsWith('tests/blackbox/'));
  const suites: Suite[] = [];
  for (const target of plan.targets) {
    if (plan.only === 'blackbox' || target === 'binary' || target === 'uwsgi') continue;
    suites.push(suite(`unit on ${target}`, `unit-${target}`, unit, target, UNIT_LIMIT, {}));
    // Where our own sockets cannot be, those of the runtime serve (docs/runtimes.md).
    const seam = unit.filter((file) => file.startsWith('tests/runtime/'));
    suites.push(suite(`unit, ${target}'s sockets`, `sockets-${target}`, seam, target, UNIT_LIMIT, { UGATE_SOCKETS: 'runtime' }));
  }
  for (const target of plan.targets) {
    if (plan.only === 'unit') continue;
    suites.push(suite(`black box on ${target}`, `blackbox-${target}`, blackbox, 'node', BLACKBOX_LIMIT, { UGATE_UNDER_TEST: target }));
  }
  // With a filter a suite may well be empty; without one that is a failure.
  return plan.filter === null ? suites : suites.filter((one) => one.runs.length > 0);
}

/** Builds dist/ugate when it is missing or older than what it is made of. Returns what went wrong. */
function buildBinary(): string | null {
  const newest = (path: string): number => {
    const about = statSync(path);
    if (!about.isDirectory()) return about.mtimeMs;
    return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
  };
  const sources = ['mod.ts', 'compile.ts', 'package.json', 'src'].map((name) => join(ROOT, name));
  try {
    if (statSync(join(ROOT, 'dist/ugate')).mtimeMs > Math.max(...sources.map(newest))) return null;
  } catch {
    // Not there yet.
  }
  const bun = findTool('bun');
  if (bun === null) return 'bun is not in node_modules/.bin nor on the PATH; run npm install';
  const built = spawnSync(bun, [join(ROOT, 'compile.ts')], { cwd: ROOT, encoding: 'utf8', timeout: 120_000 });
  return built.status === 0 ? null : `compile.ts ended with ${built.status ?? built.signal}\n${built.stdout}${built.stderr}`;
}

/** Files that take longest, which go first: at the end nobody shall wait for one of them alone. */
const LONG = [
  'blackbox/reloads',
  'blackbox/corpus',
  'blackbox/reload-ways',
  'blackbox/signals',
  'blackbox/worker-faults',
  'blackbox/embedded-js',
  'blackbox/master-faults',
  'blackbox/tree-reloads',
  'blackbox/chaos',
  'blackbox/replacing',
  'blackbox/wsgi-reloads',
  'blackbox/soak',
  'blackbox/apps',
  'app/wsgi-process',
  'files/source-watch',
  'router/pace',
  'router/shield',
  'router/session',
  'pool/mapper-code',
].map((name) => `tests/${name}.test.ts`);

function longestFirst(runs: readonly FileRun[]): FileRun[] {
  const place = ({ file }: FileRun): number => (LONG.includes(file) ? LONG.indexOf(file) : LONG.length);
  return runs.toSorted((a, b) => place(a) - place(b));
}

/** So many black-box files at once, each with processes of its own; unit tests, which mostly wait, are put between them. */
const BLACKBOX_AT_ONCE = 1 + availableParallelism();

async function runAll(suites: readonly Suite[]): Promise<void> {
  const queueOf = (kind: string) =>
    suites.filter(({ title }) => title.startsWith(kind)).flatMap((suite) => longestFirst(suite.runs).map((run) => ({ suite, run })));
  const [blackbox, unit] = [queueOf('black box'), queueOf('unit')];
  let inBlackbox = 0;
  await runCrowd(() => {
    const isBlackbox = blackbox.length > 0 && (unit.length === 0 || inBlackbox < BLACKBOX_AT_ONCE);
    const job = (isBlackbox ? blackbox : unit).shift();
    if (job === undefined) return null;
    return async () => {
      inBlackbox += isBlackbox ? 1 : 0;
      job.suite.reports.set(job.run, await runFile(job.run));
      inBlackbox -= isBlackbox ? 1 : 0;
      if (job.suite.reports.size === job.suite.runs.length) printSuite(job.suite);
    };
  });
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function count(suite: Suite): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const report of suite.reports.values()) {
    for (const result of report.results) counts[result.outcome] += 1;
    if (report.trouble !== null) counts.failed += 1;
  }
  if (counts.passed + counts.failed + counts.skipped === 0) counts.failed += 1;
  return counts;
}

function printSuite(suite: Suite): void {
  const { passed, failed, skipped } = count(suite);
  const seconds = [...suite.reports.values()].reduce((sum, report) => sum + report.milliseconds, 0) / 1000;
  const files = suite.runs.length === 1 ? '1 file' : `${suite.runs.length} files`;
  console.log(`${suite.title.padEnd(22)} ${passed} passed, ${failed} failed, ${skipped} skipped  (${files}, ${seconds.toFixed(1)} s)`);
  if (suite.reports.size === 0 || passed + failed + skipped === 0) console.log('  ✗ this suite ran no test');
  for (const [run, report] of suite.reports) {
    if (report.trouble !== null) console.log(`  ✗ ${run.file}: ${indent(report.trouble)}`);
    for (const result of report.results)
      if (result.outcome === 'failed') console.log(`  ✗ ${run.file} > ${result.name}\n      ${indent(result.message)}`);
  }
}

function indent(text: string): string {
  return text.split('\n').slice(0, 40).join('\n      ');
}

function printSkips(suites: readonly Suite[]): void {
  const skips = new Map<string, string[]>();
  for (const suite of suites) {
    for (const [run, report] of suite.reports) {
      for (const result of report.results) {
        if (result.outcome !== 'skipped') continue;
        const line = `${run.file} > ${result.name}: ${result.message}`;
        skips.set(line, [...(skips.get(line) ?? []), suite.title]);
      }
    }
  }
  const total = [...skips.values()].reduce((sum, titles) => sum + titles.length, 0);
  if (total === 0) return;
  console.log(`\n${total} skipped:`);
  for (const [line, titles] of skips) console.log(`  - ${line}  [${titles.join(', ')}]`);
}

async function main(): Promise<number> {
  const plan = readPlan(process.argv.slice(2));
  rmSync(join(ROOT, '.reports'), { recursive: true, force: true });
  // Node takes the types out of some two hundred files at each start; what it made of them serves the next one.
  const cache = mkdtempSync(join(tmpdir(), 'ugate-compile-cache-'));
  process.env.NODE_COMPILE_CACHE = cache;
  process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
  const started = performance.now();
  let suites = planSuites(plan);
  let unbuilt = 0;
  if (suites.some((suite) => suite.title === 'black box on binary')) {
    const problem = buildBinary();
    if (problem !== null) {
      console.log(`black box on binary    not run: ${indent(problem)}`);
      suites = suites.filter((suite) => suite.title !== 'black box on binary');
      unbuilt = 1;
    }
  }
  for (const suite of suites) if (suite.runs.length === 0) printSuite(suite);
  await runAll(suites);
  printSkips(suites);
  const totals = suites.map(count);
  const sum = (key: keyof Counts): number => totals.reduce((total, counts) => total + counts[key], 0);
  const failed = sum('failed') + unbuilt + (suites.length + unbuilt === 0 ? 1 : 0);
  const skipped = sum('skipped');
  console.log(`\nin ${((performance.now() - started) / 1000).toFixed(0)} s`);
  console.log(`${sum('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    endAll();
    process.exit(1);
  });
}
process.exit(await main());
