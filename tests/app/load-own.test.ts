/** An app that brings Hono itself. In a process of its own: what was offered to one app is there for the next. */

import assert from 'node:assert/strict';
import { loadFetchApp } from '../../src/app/load-app.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { peerTest } from '../support/peers.ts';
import { appFiles } from './files.ts';

const runtime = await selectRuntime();
const apps = await runtime.apps();

const skip = runtime.name === 'deno' && "its import map, which is ugate's, comes first there";

peerTest("an app's own hono comes first", { needs: [], skip }, async () => {
  using files = appFiles({
    'package.json': '{ "type": "module", "dependencies": { "hono": "*" } }',
    'app.ts': 'import { Hono } from "hono"; import { cors } from "hono/cors"; export default new Hono(cors);',
    'node_modules/hono/package.json':
      '{ "name": "hono", "version": "0.0.1", "type": "module", "exports": { ".": "./index.js", "./cors": "./cors.js" } }',
    'node_modules/hono/index.js': 'export class Hono { constructor(c) { this.c = c; } fetch() { return new Response("own " + this.c); } }',
    'node_modules/hono/cors.js': 'export const cors = "cors";',
  });
  const handler = await loadFetchApp(apps, files.at('app.ts'), null);
  const execution = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} };
  const response = await handler(new Request('http://a/'), { remoteAddress: '', remotePort: 0 }, execution);
  assert.equal(await response.text(), 'own cors');
});
