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

test('F25: where Bun has no foreign functions for want of address space, a master says so', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const limited = 'ulimit -v 2000000; exec "$@"';
  const words = [findTool('bun') ?? 'bun', `${root}mod.ts`, '--master', '--http', '127.0.0.1:0'];
  const { code, stderr } = await run(['sh', '-c', limited, 'sh', ...words]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /cannot be handed to children: .*JIT.*raise it \(ulimit -v\)/);
});
