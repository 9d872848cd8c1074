/**
 * Everything that can be said about the code without serving a request: types by both compilers, lint and format,
 * the rules of the house. Runs all of them, whatever fails, and counts.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findTool, ROOT } from '../support/paths.ts';
import { run } from '../support/process.ts';

const entries = ['mod.ts', 'compile.ts', 'tests/run.ts', 'tests/house/check.ts', 'bench/run.ts'].filter((file) => existsSync(join(ROOT, file)));

const STEPS: readonly (readonly [title: string, command: readonly string[]])[] = [
  ['types (tsc)', ['tsc', '--noEmit']],
  ['types (deno)', ['deno', 'check', '--node-modules-dir=manual', ...entries, 'tests/']],
  ['lint and format', ['biome', 'check', '--error-on-warnings']],
  ['house rules', ['node', '--test', '--test-reporter=dot', 'tests/house/rules.test.ts']],
];

let failed = 0;
for (const [title, [tool = '', ...args]] of STEPS) {
  const path = findTool(tool);
  const started = performance.now();
  const result =
    path === null
      ? { code: 127, stdout: '', stderr: `${tool} is not in node_modules/.bin nor on the PATH; run npm install\n` }
      : await run([path, ...args], { cwd: ROOT, lifetime: 120_000, env: { NO_COLOR: '1', FORCE_COLOR: undefined } });
  const ok = result.code === 0;
  if (!ok) failed += 1;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(`${result.stdout}${result.stderr}`.trimEnd());
}
console.log(`${STEPS.length - failed} checks passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
