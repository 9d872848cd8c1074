/** The routers that are measured against each other, each in front of the same backend. */

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { askOnce } from './load.ts';

/**
 * What the router does: `uwsgi`: a uwsgi connection for each request. `http`: HTTP over connections it keeps. `puwsgi`: uwsgi over such.
 * `gzip`: uwsgi, and it compresses what the app asks for.
 */
export type Mode = 'uwsgi' | 'http' | 'puwsgi' | 'gzip';

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
    const node = { uwsgi: plain, http: `http:${plain}`, puwsgi: `puwsgi:${persistent},uwsgi=${plain}`, gzip: plain }[mode];
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
      // Tuned fairly: no log, connections that live on, buffers that hold the answer.
      writeFileSync(
        file,
        `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.err;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_max_body_size 0; uwsgi_request_buffering off; client_body_buffer_size 1m; client_body_temp_path ${directory}; proxy_temp_path ${directory};
  fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory}; uwsgi_buffer_size 64k; uwsgi_buffers 16 64k;
  upstream b { server unix:${plain}; keepalive 64; keepalive_requests 100000000; } ${gzip}
  server { listen 127.0.0.1:${port}; location / { ${pass} } } }\n`,
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
frontend f\n  bind 127.0.0.1:${port}\n  default_backend b\nbackend b\n  server s unix@${plain}\n`,
      );
      return ['haproxy', '-db', '-q', '-f', file];
    },
  },
  {
    name: 'uWSGI',
    command(mode, port, { plain }) {
      // It knows no persistent uwsgi: there it stands for what that is to be better than.
      if (mode === 'http') return null;
      const options = ['--http', `127.0.0.1:${port}`, '--http-to', plain, '--http-keepalive=60', '--http-auto-chunked', '--http-websockets'];
      return ['uwsgi', '--plugins', 'http', '--master', ...options, ...(mode === 'gzip' ? ['--http-auto-gzip'] : [])];
    },
  },
  ugate('Bun', [tool('bun'), MOD]),
  ugate('binary', [BINARY]),
  ugate('Deno', [tool('deno'), 'run', '-A', MOD]),
  ugate('Node', [tool('node'), MOD]),
];

/** True when the contestant's program is there. */
export function isInstalled(command: readonly string[]): boolean {
  return spawnSync('sh', ['-c', `command -v "$0"`, command[0]]).status === 0;
}

export interface Running {
  readonly port: number;
  /** ms from exec to the first answer. */
  readonly firstAnswer: number;
  /** User and system CPU time of the process and its children so far, in µs. */
  cpu(): number;
  /** Resident memory of the process and its children, in bytes. */
  rss(): number;
  stop(): Promise<void>;
}

/** Starts a contestant, which can do `mode`, on the first core and waits for its first answer. */
export async function start(contestant: Contestant, mode: Mode, sockets: Sockets, directory: string): Promise<Running> {
  const port = await freePort();
  const command = contestant.command(mode, port, sockets, directory);
  if (command === null) throw new Error(`${contestant.name} does not speak ${mode}`);
  const [program, ...args] = ['taskset', '-c', '0', ...command];
  const started = performance.now();
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const tree = (): number[] => processTree(child.pid!);
  const sum = (of: (pid: number) => number): number => tree().reduce((total, pid) => total + of(pid), 0);
  while (!(await answers(port))) {
    if (performance.now() - started > 10_000 || child.exitCode !== null) throw new Error(`${contestant.name} does not answer`);
  }
  return {
    port,
    firstAnswer: performance.now() - started,
    cpu: () => sum(cpuOf),
    rss: () => sum(rssOf),
    async stop() {
      // uWSGI's SIGTERM reloads; SIGINT ends all of them.
      child.kill('SIGINT');
      const killer = setTimeout(() => {
        for (const pid of tree()) process.kill(pid, 'SIGKILL');
      }, 3000);
      await ended;
      clearTimeout(killer);
    },
  };
}

function processTree(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
    return [pid, ...children.flatMap(processTree)];
  } catch {
    return [];
  }
}

/** Fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** False at once when nobody listens yet. */
function answers(port: number): Promise<boolean> {
  return askOnce(port).then(
    (socket) => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}

function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}
