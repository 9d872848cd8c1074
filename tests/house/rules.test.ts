// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings of this file are source text.
/** The rules of the house hold for this source tree, and each rule notices when it is broken. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../support/paths.ts';
import {
  entryIsShort,
  nobodyImportsMain,
  noCirclesBetweenFiles,
  noCirclesBetweenRooms,
  noModuleState,
  onlyMainKnowsAdmin,
  onlyRuntimeNamesRuntimes,
  type Rule,
  roomsKnowWhomTheyMay,
  testsSkipByOption,
} from './rules.ts';
import { codeOnly, importsOf } from './source.ts';

function typescriptFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .map((path) => `${folder}/${String(path).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));
}

function read(paths: readonly string[]): Map<string, string> {
  return new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

const source = read([...(existsSync(join(ROOT, 'mod.ts')) ? ['mod.ts'] : []), ...typescriptFiles('src')]);
const tests = read(typescriptFiles('tests'));

interface Case {
  readonly title: string;
  readonly rule: Rule;
  readonly sources: ReadonlyMap<string, string>;
  /** Each of these is a breach… */
  readonly bad: readonly (readonly [path: string, text: string])[];
  /** …and none of these is. */
  readonly good: readonly (readonly [path: string, text: string])[];
}

const CASES: readonly Case[] = [
  {
    title: 'rooms import those that they may know',
    rule: roomsKnowWhomTheyMay,
    sources: source,
    bad: [
      ['src/http1/a.ts', "import { log } from '../log/log.ts';"],
      ['src/encoding/a.ts', "import type { X } from '../http1/head.ts';"],
      ['src/net/a.ts', "export * from '../pool/pool.ts';"],
      ['src/time/a.ts', "import { log } from '../log/log.ts';"],
      ['src/log/deep/a.ts', "import '../../metrics/counter.ts';"],
      ['src/metrics/a.ts', "const later = () => import('../router/session.ts');"],
      ['src/metrics/b.ts', "import {\n  a,\n  b,\n} from '../router/session.ts';"],
      ['src/net/b.ts', "import { run } from '../../mod.ts';"],
      ['src/uwsgi/a.ts', "import { Node } from '../pool/node.ts';"],
      ['src/uwsgi/b.ts', "import type { Runtime } from '../runtime/seam.ts';"],
      ['src/http2/a.ts', "import { log } from '../log/log.ts';"],
      ['src/http2/b.ts', "import type { Downstream } from '../router/downstream.ts';"],
      ['src/http1/b.ts', "import { frame } from '../http2/frame.ts';"],
      ['src/pool/a.ts', "import { uwsgi } from '../upstream/uwsgi.ts';"],
      ['src/pool/b.ts', "import type { Subscription } from '../subscription/subscription.ts';"],
      ['src/router/a.ts', "import { files } from '../static/files.ts';"],
      ['src/router/b.ts', "import { CertificateStore } from '../tls/store.ts';"],
      ['src/runtime/tls/a.ts', "import { CertificateStore } from '../../tls/store.ts';"],
      ['src/tls/a.ts', "import { Acme } from '../acme/acme.ts';"],
      ['src/upstream/a.ts', "import { AppUpstream } from '../app/app-upstream.ts';"],
      ['src/options/a.ts', "import type { Runtime } from '../runtime/seam.ts';"],
      ['src/attic/a.ts', "import { log } from '../log/log.ts';"],
    ],
    good: [
      ['src/http1/c.ts', "import { FAILURES } from '../failure/failures.ts';"],
      ['src/http1/a.ts', "import { b } from './b.ts';\nimport { readFileSync } from 'node:fs';"],
      ['src/http1/b.ts', "// import { log } from '../log/log.ts';"],
      ['src/router/a.ts', "import { log } from '../log/log.ts';"],
      ['src/router/b.ts', "import { FrameReader } from '../http2/frame-reader.ts';"],
      ['src/uwsgi/a.ts', "import { RequestHead } from '../http1/request-head.ts';"],
      ['src/uwsgi/b.ts', "import { isIpv4 } from '../net/address.ts';"],
      ['src/http2/a.ts', "import { Fields } from '../http1/fields.ts';"],
      ['src/tls/a.ts', "import type { Host } from '../runtime/seam/host.ts';"],
      ['src/acme/a.ts', "import type { CertificateSource } from '../tls/certificate-source.ts';"],
      ['src/subscription/a.ts', "import type { NodeSource } from '../pool/node-source.ts';"],
      ['src/static/a.ts', "import type { Handler } from '../router/route.ts';"],
      ['src/main/a.ts', "import { Acme } from '../acme/acme.ts';"],
    ],
  },
  {
    title: 'there are no circles between the files of a room',
    rule: noCirclesBetweenFiles,
    sources: source,
    // In one file, which stands for two: it imports itself.
    bad: [['src/pool/a.ts', "import type { A } from './a.ts';"]],
    good: [
      ['src/pool/a.ts', "import { B } from './b.ts';\nimport { C } from './c.ts';"],
      ['src/pool/b.ts', "import { C } from './c.ts';"],
      ['src/pool/c.ts', "import { a } from '../net/a.ts';"],
    ],
  },
  {
    title: 'only main imports admin',
    rule: onlyMainKnowsAdmin,
    sources: source,
    bad: [['src/router/a.ts', "import { stats } from '../admin/stats.ts';"]],
    good: [
      ['src/main/a.ts', "import { stats } from '../admin/stats.ts';"],
      ['src/admin/a.ts', "import { b } from './b.ts';"],
    ],
  },
  {
    title: 'no room imports main',
    rule: nobodyImportsMain,
    sources: source,
    bad: [
      ['src/options/a.ts', "import { start } from '../main/start.ts';"],
      ['src/master/a.ts', "import { start } from '../../mod.ts';"],
    ],
    good: [
      ['mod.ts', "import { start } from './src/main/start.ts';"],
      ['src/main/a.ts', "import { start } from './start.ts';"],
    ],
  },
  {
    title: 'only runtime names a runtime or opens sockets and processes',
    rule: onlyRuntimeNamesRuntimes,
    sources: source,
    bad: [
      ['src/router/a.ts', 'const file = Bun.file(path);'],
      ['src/main/a.ts', 'const a = globalThis.Deno?.args;'],
      ['src/main/b.ts', "const a = Deno['args'];"],
      ['mod.ts', 'if (ok) Deno.exit(1);'],
      ['src/router/b.ts', "import net from 'node:net';"],
      ['src/router/c.ts', "import type { Socket } from 'net';"],
      ['src/app/a.ts', "import { spawn } from 'node:child_process';"],
      ['src/app/b.ts', "const tls = await import('node:tls');"],
      ['src/app/c.ts', "import { dlopen } from 'bun:ffi';"],
      ['src/app/d.ts', "import { serve } from 'bun';"],
      ['src/log/a.ts', 'const text = `${Bun.version}`;'],
      ['src/tls/a.ts', "import { createSecureServer } from 'node:http2';"],
    ],
    good: [
      ['src/runtime/bun.ts', "import net from 'node:net';\nBun.listen({});"],
      ['src/router/a.ts', "// Bun.listen is faster\nconst text = 'see Deno.listen';\n/* Bun.serve */"],
      ['src/router/b.ts', "import { readFileSync } from 'node:fs';\nimport path from 'node:path';"],
      ['src/router/c.ts', "const what = name === 'Bun' ? /Deno.x/ : 1;"],
      ['src/pool/a.ts', "import { x } from '../net/address.ts';"],
    ],
  },
  {
    title: 'no module keeps mutable state',
    rule: noModuleState,
    sources: source,
    bad: [
      ['src/log/a.ts', 'let count = 0;'],
      ['src/log/b.ts', 'export let level = 1;'],
      ['src/log/c.ts', 'var old;'],
      ['src/log/d.ts', 'const cache = new Map<string, string>();'],
      ['src/log/e.ts', 'export const seen: Set<string> = new Set();'],
      ['src/log/f.ts', 'const queue: string[] = [];'],
      ['src/log/g.ts', "const list = [\n  'a',\n];"],
      ['src/log/h.ts', 'function f() {\n  let fine = 1;\n}\nlet bad = 2;'],
      ['src/log/i.ts', 'const text = `a ${b} }`;\nlet bad = 2;'],
    ],
    good: [
      ['src/log/a.ts', 'function f() {\n  let count = 0;\n  const m = new Map();\n}'],
      ['src/log/b.ts', "const NAMES: ReadonlyMap<string, number> = new Map([['a', 1]]);"],
      ['src/log/c.ts', "const LIST = ['a', 'b'] as const;\nexport const MORE: readonly string[] = ['a'];"],
      ['src/log/d.ts', "const LONG = [\n  ['a', 1],\n  ['b', 2],\n] as const;"],
      ['src/log/e.ts', 'class A {\n  #map = new Map();\n}\nconst REGEX = /[{(]/;\nconst after = 1;'],
      ['src/log/f.ts', '/*\nlet a = 1;\n*/\n// let b = 2;'],
    ],
  },
  {
    title: 'mod.ts stays under 50 lines',
    rule: entryIsShort,
    sources: source,
    bad: [['mod.ts', 'const a = 1;\n'.repeat(50)]],
    good: [['mod.ts', 'const a = 1;\n'.repeat(49)]],
  },
  {
    title: 'tests skip by option and not by t.skip()',
    rule: testsSkipByOption,
    sources: tests,
    bad: [['tests/a.test.ts', "test('a', (t) => { t.skip('no'); });"]],
    good: [['tests/a.test.ts', "test('a', { skip: 'no' }, () => {});"]],
  },
];

for (const { title, rule, sources, bad, good } of CASES) {
  test(title, () => {
    assert.deepEqual(rule(sources), []);
  });
  test(`${title}: a breach is noticed`, () => {
    for (const [path, text] of bad) assert.equal(rule(new Map([[path, text]])).length, 1, `not noticed in ${path}: ${text}`);
    assert.deepEqual(rule(new Map(good)), []);
  });
}

test('there are no circles between rooms', () => {
  assert.deepEqual(noCirclesBetweenRooms(source), []);
});

test('there are no circles between rooms: a breach is noticed', () => {
  const circle = noCirclesBetweenRooms(
    new Map([
      ['src/pool/a.ts', "import type { B } from '../upstream/b.ts';"],
      ['src/upstream/b.ts', "import { C } from '../router/c.ts';"],
      ['src/router/c.ts', "import { A } from '../pool/a.ts';"],
    ]),
  );
  assert.equal(circle.length, 1);
  assert.match(circle[0] ?? '', /circle/);
  const line = new Map([
    ['src/router/c.ts', "import { A } from '../pool/a.ts';\nimport { B } from '../upstream/b.ts';\nimport './d.ts';"],
    ['src/upstream/b.ts', "import { A } from '../pool/a.ts';"],
    ['src/pool/a.ts', "import './b.ts';"],
  ]);
  assert.deepEqual(noCirclesBetweenRooms(line), []);
});

test('there are no circles between the files of a room: two and three files', () => {
  const circles = noCirclesBetweenFiles(
    new Map([
      ['src/pool/a.ts', "import type { B } from './b.ts';"],
      ['src/pool/b.ts', "import { C } from './mappers/c.ts';"],
      ['src/pool/mappers/c.ts', "import { A } from '../a.ts';"],
      ['src/net/a.ts', "import { B } from './b.ts';"],
      ['src/net/b.ts', "import { A } from './a.ts';"],
    ]),
  );
  assert.equal(circles.length, 2, circles.join(', '));
});

test('the source tree was read', () => {
  assert.ok(source.size > 1, 'no file under src was found');
});

test('code is told from comments, strings and regular expressions', () => {
  assert.equal(codeOnly("a // b\nc /* d\n */ e 'f' g").replace(/ +/g, ' '), 'a \nc \n e g');
  assert.equal(codeOnly('`a ${b + `c ${d}`} e` + f').replace(/ +/g, ' ').trim(), 'b + d + f');
  assert.equal(codeOnly('x = a / b / c').trim(), 'x = a / b / c');
  assert.equal(codeOnly('x = /["\'`]/g; y').replace(/ +/g, ' '), 'x = g; y');
  assert.deepEqual(
    importsOf("import a from 'a';\nimport 'b';\nexport { c } from \"c\";\nawait import('d');\n// import e from 'e';\nconst f = 'from x';"),
    ['a', 'b', 'c', 'd'],
  );
});
