import type { Log } from '../log/log.ts';
import type { TimerWheel } from '../net/timer-wheel.ts';
import type { Config, NodeConfig } from '../options/config.ts';
import type { Front } from '../router/service.ts';
import type { OpenUpstream } from '../router/upstream.ts';
import type { Runtime } from '../runtime/seam.ts';
import { AppUpstream, type FetchHandler } from '../upstream/app.ts';
import { HttpUpstreams } from '../upstream/http.ts';
import { PuwsgiUpstreams } from '../upstream/puwsgi.ts';
import { UwsgiUpstreams } from '../upstream/uwsgi.ts';
import { makeVarsTemplate } from '../uwsgi/request-vars.ts';
import { describe } from './describe.ts';
import { VERSION } from './version.ts';

/** The makers of upstreams that one generation of config needs. */
export interface Upstreams {
  readonly open: OpenUpstream;
  /** The same for health checks. They ask HTTP nodes on connections of their own, and leave the idle ones to requests. */
  readonly openCheck: OpenUpstream;
  /** A uwsgi node may be asked: it has to know the length of a body before it comes. */
  readonly needsLength: boolean;
  /** Closes idle connections, and from now on each behind its answer. */
  stop(): void;
}

/** @param failed is told of exceptions in handlers */
export async function makeUpstreams(
  runtime: Runtime,
  config: Config,
  wheel: TimerWheel,
  log: Log,
  failed: (error: unknown) => void,
): Promise<Upstreams> {
  if (!config.hasRoutes) {
    const open = await openWelcome(runtime, log);
    return { open, openCheck: open, needsLength: false, stop: () => {} };
  }
  const { upstreamIdle: idle, upstreamConnections: connections } = config;
  const needsLength = mayReachUwsgi(config);
  const uwsgi = new UwsgiUpstreams(runtime, wheel, uwsgiSettings(runtime, config), failed);
  const puwsgi = new PuwsgiUpstreams(runtime, wheel, { idle, connections }, uwsgi, failed);
  const httpSettings = {
    idle,
    connections,
    trustsForwarded: config.trustedProxies.length > 0,
    sendsForwarded: config.forwarded,
    passesChunks: config.chunkedInput && needsLength,
    proxyProtocol: config.backendProxyProtocol,
  };
  const http = new HttpUpstreams(runtime, wheel, httpSettings, failed);
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
        default:
          throw new Error(`no upstream for a node of kind ${target.kind}`);
      }
    };
  const httpChecks = config.check === null ? http : new HttpUpstreams(runtime, wheel, { ...httpSettings, idle: 0, connections: 0 }, failed);
  const stop = (): void => {
    http.stop();
    puwsgi.stop();
  };
  return { open: through(http), openCheck: through(httpChecks), needsLength, stop };
}

/** What a mapper gives is known only when it is asked. */
function mayReachUwsgi({ nodes, fallbacks, hasMappers }: Config): boolean {
  const isUwsgi = ({ kind }: NodeConfig): boolean => kind !== 'http';
  return hasMappers || nodes.some(isUwsgi) || fallbacks.some(isUwsgi);
}

async function openWelcome(runtime: Runtime, log: Log): Promise<OpenUpstream> {
  // Only who needs it waits for Hono to load.
  const { makeWelcomeApp } = await import('../app/welcome.ts');
  const welcome = makeWelcomeApp(VERSION, `${runtime.name} ${runtime.version}`);
  const app: FetchHandler = (request, context) => welcome.fetch(request, context);
  return (_node, exchange) => new AppUpstream(app, exchange, (error) => log.event('error', 'app-failed', describe(error)));
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
        vars: config.vars,
        serverNameAsHttpHost: config.serverNameAsHttpHost,
        allowUnderscores: config.allowUnderscoreHeaders,
        lenientPath: config.lenientPath,
        chunkedInput: config.chunkedInput,
      }),
  };
}
