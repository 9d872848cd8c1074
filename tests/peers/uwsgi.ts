/** Real uWSGI workers with a Python application, as they stand behind a router. */

import { join } from 'node:path';
import { findTool, ROOT, temporaryFolder } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { run, startProcess } from '../support/process.ts';

/** `uwsgi` needs nothing but uWSGI's own module. */
export type App = 'flask' | 'django' | 'uwsgi';

export interface UwsgiOptions {
  app: App;
  /** Default 2. */
  processes?: number;
  /** `unix` (the default) or `tcp` for a place of its own, else the path of a unix socket. */
  socket?: string;
  /** More options for uWSGI, such as `--buffer-size`. */
  args?: readonly string[];
  /** After so many milliseconds it is killed. Default three minutes. */
  lifetime?: number;
}

export interface Uwsgi {
  /** As `--http-to` wants it. */
  readonly address: string;
  readonly pid: number;
  /** uWSGI's log so far. */
  readonly stderr: string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts uWSGI and waits until its application is loaded and its workers are there. */
export async function startUwsgi(options: UwsgiOptions): Promise<Uwsgi> {
  const folder = temporaryFolder();
  const socket =
    options.socket === 'tcp' ? '127.0.0.1:0' : options.socket === undefined || options.socket === 'unix' ? folder.file('app.sock') : options.socket;
  const processes = options.processes ?? 2;
  // Debian's uwsgi_python3 has the plugin's name built in; elsewhere uWSGI is built with Python and warns about the plugin.
  const binary = findTool('uwsgi') ?? 'uwsgi_python3';
  const app = join(ROOT, 'tests/peers', `${options.app}_app.py`);
  const words = ['--plugins', 'python3', '--socket', socket, '--wsgi-file', app, '--need-app', '--master', '--die-on-term', '--no-orphans'];
  const limits = ['--processes', String(processes), '--buffer-size', '65535', '--listen', '100', '--disable-logging'];
  const started = startProcess([binary, ...words, ...limits, ...(options.args ?? [])], {
    cwd: folder.path,
    lifetime: options.lifetime ?? 180_000,
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONHOME: undefined, PYTHONPATH: undefined },
  });
  const stop = async (): Promise<void> => {
    await started.stop();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await started.said(/WSGI app 0 .* ready/, 30_000);
    await started.said(new RegExp(`spawned uWSGI worker ${processes} `));
  } catch (error) {
    await stop();
    throw error;
  }
  const port = /bound to TCP address 127\.0\.0\.1:(\d+)/.exec(started.stderr)?.[1];
  return {
    address: socket === '127.0.0.1:0' ? `127.0.0.1:${port}` : socket,
    pid: started.pid,
    get stderr() {
      return started.stderr;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Runs a command of requests_client.py and gives its answer. */
export async function requestsClient<Answer>(command: string, ...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await run([python(), join(ROOT, 'tests/peers/requests_client.py'), command, ...args], { lifetime: 60_000 });
  if (code !== 0) throw new Error(`requests_client.py ${command} ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as Answer;
}
