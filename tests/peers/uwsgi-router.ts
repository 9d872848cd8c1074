/** Real uWSGI's HTTP router, which ugate takes the place of. */

import { findTool, freePort, temporaryFolder } from '../support/paths.ts';
import { startProcess } from '../support/process.ts';

export interface UwsgiRouterOptions {
  /** The backend, as `--http-to` wants it; left out when `args` say where requests go. */
  readonly to?: string;
  /** More options, such as `--http-var`. */
  readonly args?: readonly string[];
}

export interface UwsgiRouter {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts it on a port of 127.0.0.1 and waits until it serves. */
export async function startUwsgiRouter({ to, args = [] }: UwsgiRouterOptions): Promise<UwsgiRouter> {
  const folder = temporaryFolder();
  const port = await freePort();
  // Without --master the router forks and is out of reach.
  const nodes = to === undefined ? [] : ['--http-to', to];
  const words = ['--plugins', 'http', '--http', `127.0.0.1:${port}`, ...nodes, '--master', '--die-on-term', '--no-orphans', ...args];
  const router = startProcess([findTool('uwsgi') ?? 'uwsgi', ...words], { cwd: folder.path, lifetime: 60_000 });
  const stop = async (): Promise<void> => {
    await router.stop();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await router.said(/spawned uWSGI http 1/);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: stop };
}
