/** The routers that are measured against each other, each in front of the same backend. */

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';

export interface Contestant {
  readonly name: string;
  /** The command that listens on `port` and passes on to the uwsgi socket; files it needs go into `directory`. */
  command(port: number, socket: string, directory: string): readonly string[];
}

const tool = (name: string): string => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname;
const MOD = new URL('../mod.ts', import.meta.url).pathname;
const BINARY = new URL('../dist/ugate', import.meta.url).pathname;

const ugate = (name: string, start: readonly string[]): Contestant => ({
  name: `ugate, ${name}`,
  command: (port, socket) => [...start, '--http', `127.0.0.1:${port}`, '--http-to', socket],
});

export const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'nginx',
    command(port, socket, directory) {
      const file = `${directory}/nginx.conf`;
      // Tuned fairly: no log, connections that live on, buffers that hold the answer.
      writeFileSync(
        file,
        `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.err;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${directory}; proxy_temp_path ${directory};
  fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory}; uwsgi_buffer_size 64k; uwsgi_buffers 16 64k;
  server { listen 127.0.0.1:${port}; location / { include /etc/nginx/uwsgi_params; uwsgi_pass unix:${socket}; } } }\n`,
      );
      return ['nginx', '-c', file, '-e', `${directory}/nginx.err`];
    },
  },
  {
    name: 'uWSGI',
    command: (port, socket) => ['uwsgi', '--plugins', 'http', '--master', '--http', `127.0.0.1:${port}`, '--http-to', socket, '--http-keepalive=60'],
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
  /** User and system CPU time of the process and its children so far, in µs. */
  cpu(): number;
  stop(): Promise<void>;
}

/** Starts a contestant and waits until its port answers. */
export async function start(contestant: Contestant, socket: string, directory: string): Promise<Running> {
  const port = await freePort();
  // The router has core 0 for itself; backend and load are on the other.
  const [program, ...args] = ['taskset', '-c', '0', ...contestant.command(port, socket, directory)];
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const tree = (): number[] => processTree(child.pid!);
  for (let i = 0; !(await answers(port)); i++) {
    if (i === 100 || child.exitCode !== null) throw new Error(`${contestant.name} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    cpu: () => tree().reduce((sum, pid) => sum + cpuOf(pid), 0),
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

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
