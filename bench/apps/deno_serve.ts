/** `deno run -A deno_serve.ts PORT`: the app on Deno's own server. */

import app from './hono_app.ts';

declare const Deno: { readonly args: readonly string[]; serve(options: object, handler: typeof app.fetch): unknown };

Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.args[0]), onListen() {} }, app.fetch);
