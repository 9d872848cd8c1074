import type { FetchHandler } from '../app/fetch-handler.ts';
import type { LineSink } from '../log/log.ts';
import type { Config } from '../options/config.ts';
import { formatErrors } from '../options/errors.ts';
import { buildConfig, type Settings } from '../options/read-config.ts';
import { selectRuntime } from '../runtime/select.ts';
import { type Server, serve } from './serve.ts';

/** Checks options given as in an ini file (`{ http: ':8080', 'http-to': ['127.0.0.1:3031'] }`). @throws {Error} naming every fault */
export function defineConfig(settings: Settings): Config {
  const result = buildConfig(settings);
  if (result.kind === 'errors') throw new Error(formatErrors(result.errors));
  return result.config;
}

export interface RouterOptions {
  /** Takes log lines; default stderr. */
  readonly sink?: LineSink;
  /** Answers the requests for which there is no node. */
  readonly app?: FetchHandler;
}

/** Starts a router in this process. @throws {Error} for a config that names a module: a program passes its app itself */
export async function createRouter(config: Config, options: RouterOptions = {}): Promise<Server> {
  if (config.hasApp) throw new Error('module and its like are for the command line: give createRouter the handler as `app`');
  const runtime = await selectRuntime();
  const { sink = (text) => runtime.stderr.write(text), app = null } = options;
  return await serve(runtime, config, sink, app);
}
