import { AppWork } from '../app/app-work.ts';
import type { Log } from '../log/log.ts';
import type { Config } from '../options/config.ts';
import { Node } from '../pool/node.ts';
import { NodeList } from '../pool/node-list.ts';
import type { NodeSource } from '../pool/node-source.ts';
import { Pool } from '../pool/pool.ts';
import type { PoolMaker } from '../pool/pool-maker.ts';
import type { WorkerSource } from '../pool/worker-source.ts';
import { MappedNodes, Nodes, type Route } from '../router/route.ts';
import type { Runtime } from '../runtime/seam.ts';
import type { MadeMapper } from './mapper.ts';
import type { AppHere } from './upstreams.ts';
import { VERSION } from './version.ts';

/** Where the app is. */
interface AppWhere {
  readonly app: AppHere | null;
  readonly workers: WorkerSource | null;
}

/** Who answers what, as one generation of config has it. */
export interface Routes {
  /** What comes to `http`. */
  readonly route: Route;
  /** What comes to the app's own listeners. */
  readonly appRoute: Route;
  /** All nodes that are known by themselves, but for fallbacks. */
  readonly pool: Pool;
  /** Null where no host is mapped. */
  readonly made: MadeMapper | null;
  /** Nodes are looked for no more; what mappers have found stays for the requests in flight. */
  stop(): void;
}

/**
 * @param isAppHere an app is called in this process
 * @param workers where the app's workers are; null when there are none
 * @param defaultKey of requests that name no host
 * @throws {MapperError} when a file that requests are mapped by does not work
 */
export async function makeRoutes(
  config: Config,
  maker: PoolMaker,
  isAppHere: boolean,
  workers: WorkerSource | null,
  defaultKey: string,
  log: Log,
): Promise<Routes> {
  const { graceTime } = config;
  const app = isAppHere ? new NodeList([new Node({ kind: 'app' })]) : workers;
  // Its workers are as good as each other: the one with the fewest requests.
  const appPool = app === null ? null : new Pool([app], graceTime, { algorithm: 'lrc' });
  const pool = await makePool(config, maker, app, appPool);
  const fallbacks = new Pool(await maker.sources(config.fallbacks), graceTime);
  const made = await loadMapper(config, maker, pool, log).catch((error) => {
    pool.stop();
    fallbacks.stop();
    throw error;
  });
  const route = made === null ? new Nodes(pool, fallbacks) : new MappedNodes(made.mapper, defaultKey, fallbacks);
  return {
    route,
    appRoute: new Nodes(appPool ?? pool),
    pool,
    made,
    stop() {
      made?.mapper.stop();
      pool.stop();
      fallbacks.stop();
    },
  };
}

/** What `http` leads to: the nodes of `http-to`, the app where there are none, both with `http-use-socket`. */
async function makePool(config: Config, maker: PoolMaker, app: NodeSource | null, appPool: Pool | null): Promise<Pool> {
  if (appPool !== null && config.nodes.length === 0 && !config.hasMappers) return appPool;
  const sources = await maker.sources(config.nodes);
  return maker.pool(app === null || config.httpUseSocket === null ? sources : [...sources, app]);
}

/** Only who routes by key waits for that to load. */
async function loadMapper(config: Config, maker: PoolMaker, pool: Pool, log: Log): Promise<MadeMapper | null> {
  return config.hasMappers ? (await import('./mapper.ts')).makeMapper(config, maker, pool, log) : null;
}

/** The app that is called in this process, null when there is none: without any place for requests it is the welcome page. */
export async function appHere(runtime: Runtime, { hasRoutes }: Config, { app, workers }: AppWhere): Promise<AppHere | null> {
  if (app !== null || workers !== null || hasRoutes) return app;
  // Only who needs it waits for Hono to load.
  const { makeWelcomeApp } = await import('../app/welcome.ts');
  const welcome = makeWelcomeApp(VERSION, `${runtime.name} ${runtime.version}`);
  return { handler: (request, context) => welcome.fetch(request, context), board: null, work: new AppWork() };
}
