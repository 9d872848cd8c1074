import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { REFUSALS, RESPONSE_FAULTS } from '../../src/http1/refusal.ts';
import { MAPPING_REFUSALS } from '../../src/pool/mapper.ts';
import { FAILURES } from '../../src/router/failures.ts';
import { BAD_PATH, PACKET_TOO_LARGE } from '../../src/uwsgi/request-vars.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const all = [
  ...Object.values(REFUSALS),
  ...Object.values(RESPONSE_FAULTS),
  ...Object.values(FAILURES),
  ...Object.values(MAPPING_REFUSALS),
  BAD_PATH,
  PACKET_TOO_LARGE,
];

test('docs/errors.md has a row with status, code and rule for every refusal and failure', () => {
  for (const { status, code, rule } of all) assert.ok(page.includes(`| ${status} | \`${code}\` | ${rule} |`), code);
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
