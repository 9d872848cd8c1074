/** The routers that are measured against each other, each in front of the same backend. */

import { writeFileSync } from 'node:fs';
import { freePort, type Running, startServer } from './server.ts';

/**
 * What the router does: `uwsgi`: a uwsgi connection for each request. `http`: HTTP over connections it keeps. `puwsgi`: uwsgi over such.
 * `gzip`: uwsgi, and it compresses what the app asks for. `closing`: uwsgi, for clients that close after each request.
 */
export type Mode = 'uwsgi' | 'http' | 'puwsgi' | 'gzip' | 'closing';

/** The backend's sockets. */
export interface Sockets {
  readonly plain: string;
  readonly persistent: string;
}

export interface Contestant {
  readonly name: string;
  /** The command that listens on `port` and passes on to the backend; files it needs go into `directory`. Null for what it cannot do. */
  command(mode: Mode, port: number, sockets: Sockets, directory: string): readonly string[] | null;
}

const tool = (name: string): string => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname;
const MOD = new URL('../mod.ts', import.meta.url).pathname;
const BINARY = new URL('../dist/ugate', import.meta.url).pathname;

const ugate = (name: string, start: readonly string[]): Contestant => ({
  name: `ugate, ${name}`,
  command(mode, port, { plain, persistent }) {
    const node = { uwsgi: plain, http: `http:${plain}`, puwsgi: `puwsgi:${persistent},uwsgi=${plain}`, gzip: plain, closing: plain }[mode];
    return [...start, '--http', `127.0.0.1:${port}`, '--http-to', node, ...(mode === 'gzip' ? ['--http-auto-gzip'] : [])];
  },
});

export const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'nginx',
    command(mode, port, { plain }, directory) {
      if (mode === 'puwsgi') return null;
      const file = `${directory}/nginx.conf`;
      const pass =
        mode === 'http'
          ? 'proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; proxy_buffers 16 64k; proxy_buffer_size 64k;'
          : `include /etc/nginx/uwsgi_params; uwsgi_pass unix:${plain};`;
      const gzip = mode === 'gzip' ? 'gzip on; gzip_proxied any; gzip_vary on; uwsgi_buffering off;' : '';
      // Tuned fairly: no log, connections that live on, buffers that hold the answer; clients are accepted with their request, as by uWSGI and ugate.
      writeFileSync(
        file,
        `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.err;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_max_body_size 0; uwsgi_request_buffering off; client_body_buffer_size 1m; client_body_temp_path ${directory}; proxy_temp_path ${directory};
  fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory}; uwsgi_buffer_size 64k; uwsgi_buffers 16 64k;
  upstream b { server unix:${plain}; keepalive 64; keepalive_requests 100000000; } ${gzip}
  server { listen 127.0.0.1:${port} deferred; location / { ${pass} } } }\n`,
      );
      return ['nginx', '-c', file, '-e', `${directory}/nginx.err`];
    },
  },
  {
    // It cannot speak uwsgi: HTTP to the same backend over connections it keeps, an easier job.
    name: 'HAProxy, over HTTP',
    command(mode, port, { plain }, directory) {
      if (mode === 'puwsgi' || mode === 'gzip') return null;
      const file = `${directory}/haproxy.cfg`;
      writeFileSync(
        file,
        `global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always
frontend f\n  bind 127.0.0.1:${port} defer-accept\n  default_backend b\nbackend b\n  server s unix@${plain}\n`,
      );
      return ['haproxy', '-db', '-q', '-f', file];
    },
  },
  {
    name: 'uWSGI',
    command(mode, port, { plain }) {
      // It knows no persistent uwsgi: there it stands for what that is to be better than.
      if (mode === 'http') return null;
      const options = ['--http', `127.0.0.1:${port}`, '--http-to', plain, '--http-auto-chunked', '--http-websockets'];
      // With it, uWSGI does not heed a client's `Connection: close`.
      if (mode !== 'closing') options.push('--http-keepalive=60');
      if (mode === 'gzip') options.push('--http-auto-gzip');
      return ['uwsgi', '--plugins', 'http', '--master', ...options];
    },
  },
  ugate('Bun', [tool('bun'), MOD]),
  ugate('binary', [BINARY]),
  ugate('Deno', [tool('deno'), 'run', '-A', MOD]),
  ugate('Node', [tool('node'), MOD]),
];

/** Starts a contestant, which can do `mode`, on the first core, and waits for its first answer. */
export async function start(contestant: Contestant, mode: Mode, sockets: Sockets, directory: string): Promise<Running> {
  const port = await freePort();
  const command = contestant.command(mode, port, sockets, directory);
  if (command === null) throw new Error(`${contestant.name} does not speak ${mode}`);
  return startServer(contestant.name, command, port);
}
