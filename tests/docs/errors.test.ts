import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAILURES, type Failure } from '../../src/failure/failures.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const all: Failure[] = Object.values(FAILURES);

test('docs/errors.md has a row with status, code and rule for every refusal and failure', () => {
  for (const { status, code, rule, level } of all) {
    const row = status === 0 ? `| ${level} | \`${code}\` | ` : `| ${status} | \`${code}\` | ${rule} |`;
    assert.ok(page.includes(row), code);
  }
});

test('docs/errors.md has every code that a line of the log may begin with', () => {
  const root = new URL('../../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true }).filter((path) => String(path).endsWith('.ts'));
  const codes = files.flatMap((path) => {
    const text = readFileSync(new URL(String(path), root), 'utf8');
    return [...text.matchAll(/\bevent\(\s*'(?:error|warn|info|debug)',\s*'([a-z-]+)'/g)].map(([, code]) => code);
  });
  assert.ok(codes.length > 30);
  for (const code of new Set(codes)) assert.ok(page.includes(`\`${code}\``), code);
});

test('every code means one thing', () => {
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length);
});
