import { AppWork } from '../app/app-work.ts';
import type { FetchHandler } from '../app/fetch-handler.ts';
import type { LineSink } from '../log/log.ts';
import type { Config } from '../options/config.ts';
import type { Runtime } from '../runtime/seam.ts';
import { listenersOf } from './listener-configs.ts';
import { Server } from './server.ts';

export type { Server };

/**
 * A server in this process and nothing around it: no signals, no workers. `app` answers what nodes are not there for.
 * @throws {PermissionError | SpoolError | MapperError | ListenError} as `Server.start`
 */
export function serve(runtime: Runtime, config: Config, sink: LineSink, app: FetchHandler | null = null): Promise<Server> {
  const listeners = listenersOf(config, app === null ? 'none' : 'fetch', 'single');
  return Server.start(runtime, config, sink, app === null ? { listeners } : { listeners, app: { handler: app, board: null, work: new AppWork() } });
}
