/** `bun bun_serve.ts PORT`: the app on Bun's own server. */

import app from './hono_app.ts';

declare const Bun: { serve(options: object): unknown };

Bun.serve({ hostname: '127.0.0.1', port: Number(process.argv[2]), development: false, fetch: app.fetch });
