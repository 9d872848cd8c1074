import type { AppWork } from '../app/app-work.ts';
import type { FetchHandler } from '../app/fetch-handler.ts';
import type { RunningRequests } from '../app/timed-app.ts';
import { FAILURES } from '../failure/failures.ts';
import type { Log } from '../log/log.ts';
import type { Config, NodeConfig } from '../options/config.ts';
import type { Front } from '../router/front.ts';
import type { OpenUpstream } from '../router/upstream.ts';
import type { Runtime } from '../runtime/seam.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import { HttpUpstreams, WORKER_SETTINGS } from '../upstream/http.ts';
import type { KeptUpstreams } from '../upstream/kept-upstreams.ts';
import { PuwsgiUpstreams, persistentUwsgi } from '../upstream/puwsgi.ts';
import { UwsgiUpstreams } from '../upstream/uwsgi.ts';
import { makeVarsTemplate } from '../uwsgi/request-vars.ts';
import { describe } from './describe.ts';
import type { AppKind } from './listener-configs.ts';

/** An app that is called in this process. */
export interface AppHere {
  readonly handler: FetchHandler;
  /** Where a master sees what it is doing (`harakiri`); null when there is none. */
  readonly board: RunningRequests | null;
  /** What it still does behind its answers. */
  readonly work: AppWork;
}

/** The makers of upstreams that one generation of config needs. */
export interface Upstreams {
  readonly open: OpenUpstream;
  /** The same for health checks. They ask HTTP nodes on connections of their own, and leave the idle ones to requests. */
  readonly openCheck: OpenUpstream;
  /** A uwsgi node may be asked: it has to know the length of a body before it comes. */
  readonly needsLength: boolean;
  /** Idle connections that no other generation keeps are closed, and from now on each behind its answer. Once. */
  stop(): void;
}

/**
 * @param app is called in this process; null when none is
 * @param failed is told of exceptions in handlers
 * @param kept connections that other generations may have already
 */
export async function makeUpstreams(
  runtime: Runtime,
  config: Config,
  wheel: TimerWheel,
  log: Log,
  failed: (error: unknown) => void,
  app: AppHere | null,
  workers: AppKind,
  kept: KeptUpstreams,
): Promise<Upstreams> {
  const openApp = await makeOpenApp(runtime, app, config, wheel, log);
  if (!config.hasRoutes && workers === 'none') return { open: openApp, openCheck: openApp, needsLength: false, stop: () => {} };
  const { upstreamIdle: idle, upstreamConnections: connections } = config;
  const needsLength = mayReachUwsgi(config) || (workers === 'wsgi' && !config.hasRoutes);
  const uwsgi = new UwsgiUpstreams(runtime, wheel, uwsgiSettings(runtime, config), failed);
  const idleSettings = { idle, connections };
  const [persistent, stopPersistent] = kept.take('puwsgi', idleSettings, () => persistentUwsgi(runtime, wheel, idleSettings, failed));
  const puwsgi = new PuwsgiUpstreams(persistent, uwsgi);
  const httpSettings = {
    ...idleSettings,
    trustsForwarded: config.trustedProxies.length > 0,
    sendsForwarded: config.forwarded,
    passesChunks: config.chunkedInput && needsLength,
    proxyProtocol: config.backendProxyProtocol,
  };
  const [http, stopHttp] = kept.take('http', httpSettings, () => new HttpUpstreams(runtime, wheel, httpSettings, failed));
  const [ours, stopOurs] = kept.take('worker', WORKER_SETTINGS, () => new HttpUpstreams(runtime, wheel, WORKER_SETTINGS, failed));
  const through =
    (http: HttpUpstreams): OpenUpstream =>
    (node, exchange) => {
      const { target } = node;
      switch (target.kind) {
        case 'http':
          return http.open(node, target.address, exchange);
        case 'uwsgi':
          return uwsgi.open(node, target.address, exchange);
        case 'puwsgi':
          return puwsgi.open(node, target.address, target.plain, exchange);
        case 'worker':
          return ours.open(node, target.address, exchange);
        case 'app':
          return openApp(node, exchange);
      }
    };
  const httpChecks = config.check === null ? http : new HttpUpstreams(runtime, wheel, { ...httpSettings, idle: 0, connections: 0 }, failed);
  const stop = (): void => {
    stopHttp();
    stopOurs();
    stopPersistent();
  };
  return { open: through(http), openCheck: through(httpChecks), needsLength, stop };
}

/** What a mapper gives is known only when it is asked. */
function mayReachUwsgi({ nodes, fallbacks, hasMappers }: Config): boolean {
  const isUwsgi = ({ kind }: NodeConfig): boolean => kind !== 'http';
  return hasMappers || nodes.some(isUwsgi) || fallbacks.some(isUwsgi);
}

async function makeOpenApp(runtime: Runtime, app: AppHere | null, { harakiri: limit }: Config, wheel: TimerWheel, log: Log): Promise<OpenUpstream> {
  if (app === null) return () => FAILURES.noNode;
  const { AppUpstreams } = await import('../app/app-upstream.ts');
  const apps = new AppUpstreams(runtime, app.handler, app.work, (error) => log.event('error', 'app-failed', describe(error)));
  if (limit === 0) return (_node, exchange) => apps.open(exchange);
  const { TimedApp } = await import('../app/timed-app.ts');
  const { board } = app;
  const harakiri = { limit, wheel, board };
  return (_node, exchange) => new TimedApp(exchange, harakiri, (timed) => apps.open(timed));
}

function uwsgiSettings(runtime: Runtime, config: Config) {
  const serverName = runtime.hostname() ?? 'localhost';
  return {
    modifier1: config.modifier1,
    modifier2: config.modifier2,
    template: (front: Front) =>
      makeVarsTemplate({
        serverName,
        serverPort: front.port,
        isSocket: front.kind === 'http-socket' || front.kind === 'http11-socket',
        vars: config.vars,
        serverNameAsHttpHost: config.serverNameAsHttpHost,
        allowUnderscores: config.allowUnderscoreHeaders,
        lenientPath: config.lenientPath,
        rawTarget: config.rawTarget,
        chunkedInput: config.chunkedInput,
      }),
  };
}
