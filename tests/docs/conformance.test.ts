import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { answerThemes, expand, requestThemes } from '../corpus/corpus.ts';
import { NODE_NAMES } from '../corpus/table.ts';

const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
const themes = [...requestThemes(), ...answerThemes()];

test('docs/conformance.md tells of every theme of the corpus with all its cases, and all passed everywhere', () => {
  const tables = page.split('\n## ');
  for (const { title, cases, nodes } of themes) {
    for (const node of nodes) {
      const rows = tables.filter((table) => table.includes(NODE_NAMES[node])).flatMap((table) => table.split('\n'));
      const row = rows.find((line) => line.startsWith(`| ${title} |`));
      const [all, , ...passed] = (row ?? '').split('|').slice(2, -1).map(Number);
      assert.equal(all, cases.length, `${title}, ${node}: run tests/corpus/write-conformance.ts`);
      assert.deepEqual(passed, [all, all, all, all], title);
    }
  }
});

test('the corpus has 200 requests and 60 answers, each with a name of its own and a rule', () => {
  const count = (list: readonly { readonly cases: readonly unknown[] }[]): number => list.reduce((sum, { cases }) => sum + cases.length, 0);
  assert.ok(count(requestThemes()) >= 200);
  assert.ok(count(answerThemes()) >= 60);
  for (const { name, cases } of themes) {
    assert.equal(new Set(cases.map((one) => one.name)).size, cases.length, `${name}: two cases of one name`);
    for (const one of cases) assert.match(one.rule, /^(RFC \d{4} [\dA-Z.]+|docs\/errors\.md [a-z-]+|CVE-[\d-]+|spec wire \d)$/, one.name);
  }
});

test('no byte of the corpus is more than a byte', () => {
  for (const { cases } of themes)
    for (const one of cases) {
      const bytes = 'send' in one ? expand(one.send) : expand(one.answer) + expand(one.behind ?? '');
      assert.ok(
        [...bytes].every((character) => character.charCodeAt(0) < 256),
        one.name,
      );
    }
});
