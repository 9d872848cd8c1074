import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findTool } from '../support/paths.ts';
import { run } from '../support/process.ts';

const PROGRAM = fileURLToPath(new URL('./fixtures/libc.ts', import.meta.url));

test('the C library is reached on Bun by what it does not document, and by its module where that is gone', async () => {
  const { code, stdout, stderr } = await run([findTool('bun') ?? 'bun', PROGRAM]);
  assert.equal(code, 0, stderr);
  const { pid, native, byModule, missing } = JSON.parse(stdout);
  assert.deepEqual({ native, byModule, missing }, { native: pid, byModule: pid, missing: null });
});
