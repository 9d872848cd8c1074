/** Runs one test file under one runtime's own test runner and says what came of it. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJunit, type TestResult } from './junit.ts';
import { findTool, ROOT } from './paths.ts';

export type TestRuntime = 'bun' | 'deno' | 'node';

export interface FileRun {
  /** Relative to the root, with forward slashes. */
  readonly file: string;
  readonly runtime: TestRuntime;
  /** Goes into the names of the report files. */
  readonly label: string;
  readonly env: Record<string, string>;
  /** Only tests whose name holds this text. */
  readonly testName: string | null;
  /** After this many milliseconds the runner and all that it started are killed. */
  readonly limit: number;
}

export interface FileReport {
  readonly results: readonly TestResult[];
  /** What went wrong with the run itself: a crash, a load error, too long, no test. */
  readonly trouble: string | null;
  readonly milliseconds: number;
}

const REPORTS = join(ROOT, '.reports');

export async function runFile(run: FileRun): Promise<FileReport> {
  const base = join(REPORTS, `${run.label}-${run.file.replace(/[^\w.-]+/g, '_')}`);
  const [junit, skips, output] = [`${base}.xml`, `${base}.skips`, `${base}.log`];
  mkdirSync(REPORTS, { recursive: true });
  for (const path of [junit, skips, output]) rmSync(path, { force: true });

  const started = performance.now();
  const ended = await execute(command(run, junit), { ...run.env, UGATE_SKIP_LOG: skips }, run.limit);
  const milliseconds = performance.now() - started;
  writeFileSync(output, ended.output);

  const { results, broken } = readResults(junit, run, readSkips(skips));
  return { results, trouble: findTrouble(run, ended, results, broken), milliseconds };
}

/** The runner's own words. Each takes `node:test` files as they are. */
function command(run: FileRun, junit: string): string[] {
  const tool = findTool(run.runtime);
  if (tool === null) throw new Error(`${run.runtime} is not in node_modules/.bin nor on the PATH; run npm install`);
  const name = run.testName;
  const pattern = name?.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if (run.runtime === 'node') {
    const report = ['--test-reporter=junit', `--test-reporter-destination=${junit}`, '--test-reporter=spec', '--test-reporter-destination=stdout'];
    return [tool, '--test', '--test-isolation=none', ...report, ...(pattern ? [`--test-name-pattern=${pattern}`] : []), run.file];
  }
  if (run.runtime === 'bun') {
    // Bun's own limit of five seconds a test would come before the test's.
    const report = ['--reporter=junit', `--reporter-outfile=${junit}`, '--timeout=120000'];
    return [tool, 'test', ...report, ...(pattern ? ['-t', pattern] : []), `./${run.file}`];
  }
  // Types are checked once, by `check`.
  return [tool, 'test', '-A', '--no-check', `--junit-path=${junit}`, ...(name ? [`--filter=${name}`] : []), run.file];
}

/** Process groups that run now; whoever interrupts the test command gets them ended by `endAll`. */
const groups = new Set<number>();

export function endAll(): void {
  for (const pid of groups) killGroup(pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing is left of the group, which is what we want.
  }
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly late: boolean;
  readonly output: string;
}

/** Runs in a process group of its own, so that whatever a stuck test left behind goes with it. */
function execute([program = '', ...args]: readonly string[], env: Record<string, string>, limit: number): Promise<Ended> {
  // Deno lets FORCE_COLOR win over NO_COLOR; NODE_TEST_CONTEXT would make Node report to a parent that does not listen.
  const { FORCE_COLOR, NODE_TEST_CONTEXT, ...inherited } = process.env;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...inherited, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let late = false;
    child.stdout.on('data', (bytes) => {
      output += String(bytes);
    });
    child.stderr.on('data', (bytes) => {
      output += String(bytes);
    });
    const group = child.pid;
    if (group !== undefined) groups.add(group);
    const clear = (): void => {
      if (group === undefined) return;
      killGroup(group);
      groups.delete(group);
    };
    const timer = setTimeout(() => {
      late = true;
      clear();
    }, limit);
    const finish = (code: number | null, signal: string | null): void => {
      clearTimeout(timer);
      clear();
      resolve({ code, signal, late, output });
    };
    child.on('error', (error) => {
      output += String(error);
      finish(null, null);
    });
    // Not `close`: a grandchild that lives on holds the pipes open.
    child.on('exit', (code, signal) => setTimeout(() => finish(code, signal), 20));
  });
}

function readSkips(path: string): Map<string, string> {
  if (!existsSync(path)) return new Map();
  const lines = readFileSync(path, 'utf8').split('\n');
  return new Map(
    lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { name: string; reason: string })
      .map((note) => [note.name, note.reason]),
  );
}

function readResults(junit: string, { file, testName }: FileRun, skips: Map<string, string>): { results: TestResult[]; broken: string | null } {
  if (!existsSync(junit)) return { results: [], broken: 'the runner wrote no report' };
  try {
    const all = parseJunit(readFileSync(junit, 'utf8'));
    // Node reports a file without tests, or one that does not load, as a test with the file's name.
    const results = all.filter((result) => result.name !== file && !file.endsWith(`/${result.name}`));
    return { results: results.map((result) => withReason(result, skips, testName !== null)), broken: null };
  } catch (error) {
    return { results: [], broken: `the runner's report is broken: ${String(error)}` };
  }
}

/** Nothing is skipped in silence, but what was not asked for by name. */
function withReason(result: TestResult, skips: Map<string, string>, isPicked: boolean): TestResult {
  if (result.outcome !== 'skipped') return result;
  const own = result.name.split(' > ').at(-1) ?? '';
  const message = skips.get(result.name) ?? skips.get(own) ?? result.message;
  // Node tells the `true` of `{ skip: true }` as a reason.
  return (message === '' || message === 'true') && !isPicked
    ? { ...result, outcome: 'failed', message: 'skipped without a reason: see noteSkip in tests/support/peers.ts' }
    : { ...result, message };
}

function findTrouble(run: FileRun, ended: Ended, results: readonly TestResult[], broken: string | null): string | null {
  const tail = `\n${ended.output.trimEnd().split('\n').slice(-25).join('\n')}`;
  if (ended.late) return `not done after ${run.limit / 1000} s, killed${tail}`;
  const failed = results.some((result) => result.outcome === 'failed');
  const uncaught = /\(uncaught error\)|Unhandled error between tests/.test(ended.output);
  if (ended.code !== 0 && (!failed || uncaught)) return `the runner ended with ${ended.signal ?? ended.code} though no test says why${tail}`;
  if (broken !== null && !(results.length === 0 && ended.code === 0)) return `${broken}${tail}`;
  if (results.length === 0 && run.testName === null) return 'no test in this file';
  return null;
}
