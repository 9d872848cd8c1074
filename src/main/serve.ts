import { type LineSink, Log } from '../log/log.ts';
import { type ConnectAddress, formatAddress, isIpLiteral, type ListenAddress } from '../net/address.ts';
import { TimerWheel } from '../net/timer-wheel.ts';
import type { Config, NodeConfig } from '../options/config.ts';
import { NameSource } from '../pool/name-source.ts';
import { Node } from '../pool/node.ts';
import type { NodeSource } from '../pool/node-source.ts';
import { Pool } from '../pool/pool.ts';
import { BodyBudget } from '../router/body-spool.ts';
import { DateLine } from '../router/date-line.ts';
import { OutBuffer } from '../router/out-buffer.ts';
import { RequestBuffers } from '../router/request-buffer.ts';
import { Router } from '../router/router.ts';
import type { Front, Service } from '../router/service.ts';
import type { OpenUpstream } from '../router/upstream.ts';
import type { Listener, Runtime } from '../runtime/seam.ts';
import { AppUpstream, type FetchHandler } from '../upstream/app.ts';
import { UwsgiUpstreams } from '../upstream/uwsgi.ts';
import { makeVarsTemplate } from '../uwsgi/request-vars.ts';
import { VERSION } from './version.ts';

/** Where the limit of open files is not known, connections are not limited by number: accepting survives EMFILE all the same. */
const CONNECTIONS_OF_FILES = 0.9;

/** A running server. */
export interface Server {
  /** Where it listens, with the ports the kernel chose. */
  readonly addresses: readonly ListenAddress[];
  readonly log: Log;
  /** Finishes what is in flight, within `reload-mercy`; resolves when the last connection is closed. */
  stop(): Promise<void>;
  /** Ends at once. */
  destroy(): void;
}

/**
 * Wires one generation of config to a running router.
 * @throws {PermissionError} when the runtime may not connect to a node
 * @throws {ListenError} when an address cannot be listened on; what was opened before is closed again
 */
export async function serve(runtime: Runtime, config: Config, sink: LineSink): Promise<Server> {
  for (const { address } of [...config.nodes, ...config.fallbacks]) await runtime.permitConnect(address);
  const log = new Log(sink, config.logLevel);
  const failed = (error: unknown): void => log.event('error', 'internal', describe(error));
  const wheel = new TimerWheel(() => runtime.now(), failed);
  const fronts = config.listen.map((address, index): Front => ({ index, port: portText(address) }));
  const pool = await makePool(runtime, config, wheel, log);
  const isUwsgi = config.nodes.length + config.fallbacks.length > 0;
  const service: Service = {
    settings: { ...config, tempDirectory: runtime.tempDirectory() },
    pool,
    fallbacks: (await makeSources(runtime, config.fallbacks, wheel, log)).flatMap((source) => source.nodes),
    open: await makeOpen(runtime, config, wheel, log, failed),
    needsLength: isUwsgi,
    failed,
    log,
    wheel,
    out: new OutBuffer(),
    dates: new DateLine(),
    requestBuffers: new RequestBuffers(),
    bodyBudget: new BodyBudget(config.bodyBufferTotal),
  };
  const router = new Router(service, maxConnections(runtime, config));
  const addresses: ListenAddress[] = [];
  try {
    for (const front of fronts) {
      const listener = await listen(runtime, config, router, front, log);
      router.addListener(listener);
      front.port = portText(listener.address);
      addresses.push(listener.address);
    }
  } catch (error) {
    await router.drain(0);
    throw error;
  }
  return {
    addresses,
    log,
    stop: () => router.drain(config.reloadMercy),
    destroy: () => router.destroy(),
  };
}

async function listen(runtime: Runtime, config: Config, router: Router, front: Front, log: Log): Promise<Listener> {
  const address = config.listen[front.index];
  return await runtime.listen(address, router.handlers(front), {
    ...(config.socketMode !== null && address.kind === 'unix' ? { mode: config.socketMode } : {}),
    acceptFailed: (code) => log.event('error', 'accept-failed', 'cannot accept a connection; trying again', { error: code }),
  });
}

/** Nodes from `http-to`; without any, the welcome page is the only one. */
async function makePool(runtime: Runtime, config: Config, wheel: TimerWheel, log: Log): Promise<Pool> {
  if (config.nodes.length === 0 && config.fallbacks.length === 0) return new Pool([{ nodes: [new Node({ kind: 'app' })] }], config.graceTime);
  return new Pool(await makeSources(runtime, config.nodes, wheel, log), config.graceTime);
}

/** Literal addresses make one list; each host name is a source of its own, looked up before the first request can come. */
async function makeSources(runtime: Runtime, nodes: readonly NodeConfig[], wheel: TimerWheel, log: Log): Promise<NodeSource[]> {
  const isName = (address: ConnectAddress): boolean => address.kind === 'tcp' && !isIpLiteral(address.host);
  const fixed = nodes.filter(({ address }) => !isName(address)).map(({ address, text }) => new Node({ kind: 'uwsgi', address }, text));
  const sources: NodeSource[] = fixed.length > 0 ? [{ nodes: fixed }] : [];
  const lookup = {
    resolve: (name: string) => runtime.resolve(name),
    warn: (message: string) => log.event('warn', 'name-lookup-failed', message),
    now: () => wheel.precise(),
  };
  for (const { address } of nodes) {
    if (address.kind !== 'tcp' || !isName(address)) continue;
    const source = new NameSource(address.host, address.port, lookup);
    await source.refresh();
    sources.push(source);
  }
  return sources;
}

async function makeOpen(runtime: Runtime, config: Config, wheel: TimerWheel, log: Log, failed: (error: unknown) => void): Promise<OpenUpstream> {
  if (config.nodes.length + config.fallbacks.length === 0) {
    // Only who needs it waits for Hono to load.
    const { makeWelcomeApp } = await import('../app/welcome.ts');
    const welcome = makeWelcomeApp(VERSION, `${runtime.name} ${runtime.version}`);
    const app: FetchHandler = (request, context) => welcome.fetch(request, context);
    return (_node, exchange) => new AppUpstream(app, exchange, (error) => log.event('error', 'app-failed', describe(error)));
  }
  const serverName = runtime.hostname() ?? 'localhost';
  const settings = {
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
  const uwsgi = new UwsgiUpstreams(runtime, wheel, settings, failed);
  return (node, exchange) => {
    if (node.target.kind !== 'uwsgi') throw new Error(`no upstream for a node of kind ${node.target.kind}`);
    return uwsgi.open(node.target.address, exchange);
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** SERVER_PORT: the text behind the last colon of the address, as uWSGI has it. */
function portText(address: ListenAddress): string {
  return address.kind === 'tcp' ? String(address.port) : (/:(\d+)$/.exec(formatAddress(address))?.[1] ?? '');
}

function maxConnections(runtime: Runtime, config: Config): number {
  if (config.maxConnections !== null) return config.maxConnections;
  const files = runtime.openFilesLimit();
  return files === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(files * CONNECTIONS_OF_FILES));
}
