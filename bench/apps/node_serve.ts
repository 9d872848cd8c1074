/** `node node_serve.ts PORT MODULE`: the app on `node:http`, by Hono's own server; MODULE is the file of @hono/node-server. */

import { pathToFileURL } from 'node:url';
import app from './hono_app.ts';

const [, , port, module] = process.argv;
const { serve } = await import(pathToFileURL(module).href);
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(port) });
