/**
 * ugate: an HTTP edge server. Run as a program it reads its command line; imported it offers the parts to run it from code.
 * @module
 */

import type { LineSink } from './src/log/log.ts';
import { main } from './src/main/cli.ts';
import { type Server, serve } from './src/main/serve.ts';
import { buildConfig, type Config, type Settings } from './src/options/config.ts';
import { formatErrors } from './src/options/errors.ts';
import { selectRuntime } from './src/runtime/select.ts';

export type { Config, Server, Settings };

/** Checks options given as in an ini file (`{ http: ':8080', 'http-to': ['127.0.0.1:3031'] }`). @throws {Error} naming every fault */
export function defineConfig(settings: Settings): Config {
  const result = buildConfig(settings);
  if (result.kind === 'errors') throw new Error(formatErrors(result.errors));
  return result.config;
}

/** Starts a router in this process. `sink` takes its log lines; default stderr. */
export async function createRouter(config: Config, sink: LineSink = (text) => console.error(text.trimEnd())): Promise<Server> {
  return await serve(await selectRuntime(), config, sink);
}

if (import.meta.main) await main(await selectRuntime(), process.argv.slice(2));
