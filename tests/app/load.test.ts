/** Modules of apps, loaded at run time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../src/app/app-error.ts';
import { loadFetchApp } from '../../src/app/load-app.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { peerTest } from '../support/peers.ts';
import { appFiles } from './files.ts';

const runtime = await selectRuntime();
const apps = await runtime.apps();

const CONTEXT = { remoteAddress: '', remotePort: 0 };

async function answerOf(path: string, name: string | null = null): Promise<string> {
  const handler = await loadFetchApp(apps, path, name);
  const execution = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} };
  return await (await handler(new Request('http://a/'), CONTEXT, execution)).text();
}

async function fault(path: string, name: string | null = null): Promise<AppError> {
  const error = await loadFetchApp(apps, path, name).then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(error instanceof AppError, String(error));
  assert.doesNotMatch(error.message, /\n|\x1b|src\/app|src\/runtime/);
  return error;
}

test('what may be an app', async () => {
  using files = appFiles({
    'object.ts': 'const text: string = "object"; export default { fetch: (_: Request): Response => new Response(text) };',
    'this.mjs': 'export default { text: "this", async fetch() { return new Response(this.text); } };',
    'function.js': 'export default () => new Response("function");\nexport const admin = { fetch: () => new Response("admin") };',
    'late.mjs': 'await new Promise((done) => setTimeout(done, 5)); export default () => new Response("late");',
    'old.cjs': 'exports.__esModule = true; exports.default = { fetch: () => new Response("old") }; exports.admin = () => new Response("old admin");',
    'older.cjs': 'module.exports = () => new Response("older");',
    'changing.mjs': 'const app = { fetch: () => { app.fetch = () => new Response("second"); return new Response("first"); } }; export default app;',
    'with space é.mjs': 'export default () => new Response("space");',
  });
  for (const [file, name, text] of [
    ['object.ts', null, 'object'],
    ['this.mjs', null, 'this'],
    ['function.js', null, 'function'],
    ['function.js', 'admin', 'admin'],
    ['late.mjs', null, 'late'],
    ['old.cjs', null, 'old'],
    ['old.cjs', 'admin', 'old admin'],
    ['older.cjs', null, 'older'],
    ['changing.mjs', null, 'first'],
    ['changing.mjs', null, 'second'],
    ['with space é.mjs', null, 'space'],
  ] as const)
    assert.equal(await answerOf(files.at(file), name), text, file);
});

test('hono is there for an app that has none, with what belongs to it', async () => {
  using files = appFiles({
    'app.ts': `import { Hono } from 'hono'; import { cors } from 'hono/cors'; import { html } from 'hono/html'; import { stream } from 'hono/streaming';
      import { logger } from 'hono/logger';
      const app = new Hono(); app.use(cors()); app.get('/', (c) => c.text([typeof html, typeof stream, typeof logger].join())); export default app;`,
  });
  assert.equal(await answerOf(files.at('app.ts')), 'function,function,function');
});

test('W17: a part of hono that is not there is told with what to do', async () => {
  using files = appFiles({ 'app.mjs': "import 'hono/no-such-part';\nexport default () => new Response();\n" });
  const error = await fault(files.at('app.mjs'));
  assert.match(error.message, /hono/);
  // Deno knows hono by ugate's own deno.json here, and says itself which part it has not.
  if (runtime.name !== 'deno') assert.match(error.hint ?? '', /ugate carries hono and some of its parts, not all: .*npm install hono/);
});

test('what is no app says what there is instead', async () => {
  using files = appFiles({
    'number.mjs': 'export default 5; export const admin = () => new Response("");',
    'empty.mjs': '',
    'named.mjs': 'export const app = { fetch() {} }; export const other = 1;',
    'class.mjs': 'export default class App { fetch() {} }',
    'plain.mjs': 'export default {};',
  });
  for (const [file, name, message, hint] of [
    ['number.mjs', null, /export "default" is of type number/, /write number\.mjs:admin/],
    ['number.mjs', 'nope', /has no export "nope" \(its exports: .*admin/, /number\.mjs:admin/],
    ['empty.mjs', null, /has no export "default" \(it exports nothing\)/, /export default app/],
    ['named.mjs', null, /has no export "default" \(its exports: app, other\)/, /it exports app; write named\.mjs:app/],
    ['class.mjs', null, /is a class/, /export default app/],
    ['plain.mjs', null, /an object without a fetch method/, /export default app/],
  ] as const) {
    const error = await fault(files.at(file), name);
    assert.ok(error.message.startsWith(files.at(file)), error.message);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint);
  }
});

test('what does not load says where', async () => {
  using files = appFiles({
    'throws.ts': 'const a: number = 1;\nfunction inner() {\n  throw new RangeError("boom\\nsecond line");\n}\ninner();\nexport default a;\n',
    'deep.mjs': 'import "./throws.ts";\n',
    'syntax.ts': 'const a = 1;\n\nconst b: = 2;\nexport default a;\n',
    'missing.mjs': 'import x from "./nowhere.mjs";\nexport default x;\n',
    'package.mjs': 'import x from "no-such-package-at-all";\nexport default x;\n',
    'text.mjs': 'throw "a text";',
    'rejects.mjs': 'await Promise.reject(new Error("too late"));',
  });
  for (const [file, message] of [
    ['throws.ts', /throws\.ts:3: RangeError: boom$/],
    ['deep.mjs', /throws\.ts:3: RangeError: boom$/],
    ['syntax.ts', /syntax\.ts:3/],
    ['missing.mjs', /nowhere\.mjs/],
    ['package.mjs', /no-such-package-at-all/],
    ['text.mjs', /text\.mjs: a text$/],
    ['rejects.mjs', /rejects\.mjs:1: too late$/],
  ] as const)
    assert.match((await fault(files.at(file))).message, message);
});

peerTest('enums, where types are only taken out', { needs: [], skip: runtime.name !== 'node' && 'the others compile them' }, async () => {
  using files = appFiles({ 'app.ts': 'export enum A { x }\nexport default () => new Response(String(A.x));\n' });
  const error = await fault(files.at('app.ts'));
  assert.match(error.message, /app\.ts:1: .*enum/);
  assert.match(error.hint ?? '', /enums/);
});
