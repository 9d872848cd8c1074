import { Hono } from 'hono';
import { html } from 'hono/html';

/** What the page needs to know of the client: its address as the router saw it. */
export interface WelcomeContext {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

const COMMANDS = [
  ['Put a uWSGI app behind it', 'ugate --http :8080 --http-to 127.0.0.1:3031'],
  ['Balance two of them, with a spare', 'ugate --http :8080 --http-to /tmp/a.sock --http-to /tmp/b.sock --http-fallback 127.0.0.1:3031'],
  ['Keep it in a file, as uWSGI does', 'ugate site.ini'],
] as const;

/** The page of a router that has nowhere to go yet: what it saw of your request, and what to try next. */
export function makeWelcomeApp(version: string, runtime: string): Hono<{ Bindings: WelcomeContext }> {
  const app = new Hono<{ Bindings: WelcomeContext }>();
  app.get('*', (c) => {
    const url = new URL(c.req.url);
    const seen: [string, string][] = [
      ['method', c.req.method],
      ['path', url.pathname],
      ['query', url.search.slice(1)],
      ['from', c.env.remotePort === 0 ? 'a unix socket' : `${c.env.remoteAddress} port ${c.env.remotePort}`],
      ...Object.entries(c.req.header()),
    ];
    c.header('Cache-Control', 'no-store');
    c.header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'");
    if (!c.req.header('accept')?.includes('html')) return c.text(asText(version, runtime, seen));
    return c.html(asPage(version, runtime, seen));
  });
  app.all('*', (c) => c.text('This is the welcome page of ugate: it answers GET and HEAD only.\n', 405, { Allow: 'GET, HEAD' }));
  return app;
}

function asText(version: string, runtime: string, seen: readonly [string, string][]): string {
  const rows = seen.map(([name, value]) => `  ${name}: ${value}`).join('\n');
  const commands = COMMANDS.map(([what, command]) => `  ${what}:\n    ${command}`).join('\n');
  return `ugate ${version} on ${runtime} works.\n\nYour request:\n${rows}\n\nTry next:\n${commands}\n`;
}

function asPage(version: string, runtime: string, seen: readonly [string, string][]) {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ugate works</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
  h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; font-size: 1.1rem }
  table { border-collapse: collapse; width: 100%; font-size: .9rem }
  td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere }
  th { font-weight: 600; white-space: nowrap }
  code { display: block; padding: .5rem .75rem; margin: .25rem 0 1rem; background: #8882; border-radius: .4rem; overflow-x: auto }
</style>
<h1>ugate works</h1>
<p>Version ${version} on ${runtime}. Nothing is behind it yet.</p>
<h2>Try next</h2>
${COMMANDS.map(([what, command]) => html`<div>${what}<code>${command}</code></div>`)}
<h2>What ugate saw of your request</h2>
<table>${seen.map(([name, value]) => html`<tr><th>${name}<td>${value}`)}</table>
</html>
`;
}
