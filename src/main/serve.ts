import type { GzipEngine } from '../encoding/gzip.ts';
import { type LineSink, Log } from '../log/log.ts';
import { formatAddress, type ListenAddress } from '../net/address.ts';
import { CidrSet, PRIVATE_NETWORKS } from '../net/cidr.ts';
import { TimerWheel } from '../net/timer-wheel.ts';
import type { Config } from '../options/config.ts';
import { HealthCheck } from '../pool/health-check.ts';
import type { Mapper } from '../pool/mapper.ts';
import type { Pool } from '../pool/pool.ts';
import { BodyBudget, checkSpoolDirectory } from '../router/body-spool.ts';
import { DateLine } from '../router/date-line.ts';
import { OutBuffer } from '../router/out-buffer.ts';
import type { PreludeSettings } from '../router/prelude.ts';
import { RequestBuffers } from '../router/request-buffer.ts';
import { Router } from '../router/router.ts';
import type { Front, Service, ServiceSettings } from '../router/service.ts';
import type { OpenUpstream } from '../router/upstream.ts';
import type { Listener, Runtime } from '../runtime/seam.ts';
import { HealthProbe } from '../upstream/health-probe.ts';
import { describe } from './describe.ts';
import { PoolMaker } from './pools.ts';
import { makeUpstreams } from './upstreams.ts';

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
 * @throws {SpoolError} when bodies cannot be put into `http-post-buffering-dir`
 * @throws {MapperError} when a file that requests are mapped by does not work
 * @throws {ListenError} when an address cannot be listened on; what was opened before is closed again
 */
export async function serve(runtime: Runtime, config: Config, sink: LineSink): Promise<Server> {
  for (const { address, plain } of [...config.nodes, ...config.fallbacks]) {
    await runtime.permitConnect(address);
    if (plain !== null) await runtime.permitConnect(plain);
  }
  if (config.postBufferingDir !== null) checkSpoolDirectory(config.postBufferingDir);
  const log = new Log(sink, config.logLevel);
  const failed = (error: unknown): void => log.event('error', 'internal', describe(error));
  const wheel = new TimerWheel(() => runtime.now(), failed);
  const fronts = makeFronts(config);
  const maker = new PoolMaker(runtime, config, wheel, log);
  const pool = await maker.main();
  const upstreams = await makeUpstreams(runtime, config, wheel, log, failed);
  const mapper = await loadMapper(config, maker, pool, log).catch((error) => {
    pool.stop();
    throw error;
  });
  const service: Service = {
    settings: makeSettings(config, runtime),
    pool,
    mapper,
    defaultKey: runtime.hostname() ?? 'localhost',
    fallbacks: (await maker.sources(config.fallbacks)).flatMap((source) => source.nodes),
    open: upstreams.open,
    needsLength: upstreams.needsLength,
    failed,
    log,
    wheel,
    out: new OutBuffer(),
    dates: new DateLine(),
    requestBuffers: new RequestBuffers(),
    bodyBudget: new BodyBudget(config.bodyBufferTotal),
    gzip: await makeGzip(runtime, config),
    prelude: makePrelude(config),
    trustedProxies: config.trustedProxies.length > 0 ? new CidrSet(config.trustedProxies) : null,
  };
  if (service.gzip?.notice) log.warn(service.gzip.notice);
  const router = new Router(service, maxConnections(runtime, config));
  const addresses: ListenAddress[] = [];
  try {
    for (const { address, front } of fronts) {
      const listener = await listen(runtime, config, address, router, front, log);
      router.addListener(listener);
      front.port = portText(listener.address);
      addresses.push(listener.address);
    }
  } catch (error) {
    stopSources(service);
    await router.drain(0);
    throw error;
  }
  const checks = startChecks(runtime, config, pool, upstreams.openCheck, service, fronts.length);
  const stop = (): void => {
    checks?.stop();
    upstreams.stop();
    stopSources(service);
  };
  return {
    addresses,
    log,
    stop: async () => {
      stop();
      await router.drain(config.reloadMercy);
      service.gzip?.close();
    },
    destroy: () => {
      stop();
      router.destroy();
      service.gzip?.close();
    },
  };
}

/** Only who routes by key waits for that to load. */
async function loadMapper(config: Config, maker: PoolMaker, pool: Pool, log: Log): Promise<Mapper | null> {
  return config.hasMappers ? (await import('./mapper.ts')).makeMapper(config, maker, pool, log) : null;
}

/** Only who compresses waits for zlib and fflate to load. */
async function makeGzip(runtime: Runtime, { autoGzip, gzipEngine, gzipLevel }: Config): Promise<GzipEngine | null> {
  if (!autoGzip) return null;
  const { makeGzipEngine } = await import('../encoding/gzip-engine.ts');
  return makeGzipEngine(gzipEngine, gzipLevel, runtime.name);
}

/** Field by field: an object of all that a config holds would be too large for engines to keep fast. */
function makeSettings(config: Config, runtime: Runtime): ServiceSettings {
  return {
    timeout: config.timeout,
    headersTimeout: config.headersTimeout,
    connectTimeout: config.connectTimeout,
    keepalive: config.keepalive,
    manageExpect: config.manageExpect,
    expectMaxBody: config.expectMaxBody,
    maxBody: config.maxBody,
    chunkedInput: config.chunkedInput,
    bodyBuffer: config.bodyBuffer,
    bodyBufferMax: config.bodyBufferMax,
    quiet: config.quiet,
    autoChunked: config.autoChunked,
    responseBuffer: config.responseBuffer,
    minRate: config.minRate,
    rawBody: config.rawBody,
    manageSource: config.manageSource,
    manageRtsp: config.manageRtsp,
    postBuffering: config.postBuffering,
    tunnelTimeout: config.tunnelTimeout,
    tempDirectory: config.postBufferingDir ?? runtime.tempDirectory(),
  };
}

interface FrontPlace {
  readonly address: ListenAddress;
  readonly front: Front;
}

/** `http` listeners first, then those of `http-to-https`. */
function makeFronts({ listen, redirects }: Config): FrontPlace[] {
  const places = [
    ...listen.map((address) => ({ address, redirect: null })),
    ...redirects.map(({ address, port }) => ({ address, redirect: { port } })),
  ];
  return places.map(({ address, redirect }, index) => ({ address, front: { index, port: portText(address), redirect } }));
}

function makePrelude({ proxyProtocol, proxyFrom, studPrefix }: Config): PreludeSettings | null {
  if (!proxyProtocol && studPrefix.length === 0) return null;
  return {
    proxyProtocol,
    proxyFrom: proxyFrom === 'any' ? null : new CidrSet(proxyFrom ?? PRIVATE_NETWORKS),
    studFrom: studPrefix.length > 0 ? new CidrSet(studPrefix) : null,
  };
}

/** `http-check`: asks the nodes of `http-to`, and tells the log of those that go down and come up. */
function startChecks(
  runtime: Runtime,
  { check }: Config,
  pool: Pool,
  open: OpenUpstream,
  { log, wheel }: Service,
  index: number,
): HealthCheck | null {
  if (check === null) return null;
  const probe = new HealthProbe(runtime, open, check.path, { index, port: '', redirect: null });
  return new HealthCheck(pool, probe, check, {
    now: () => wheel.precise(),
    random: Math.random,
    changed(node, isUp, reason) {
      if (isUp) log.event('info', 'node-up', 'a node passed its checks again', { node: node.name });
      else log.event('warn', 'node-down', 'a node failed its checks and gets no requests', { node: node.name, reason });
    },
  });
}

/** What was looked up and watched is so no more; what is known stays for the requests in flight. */
function stopSources({ mapper, pool }: Service): void {
  mapper?.stop?.();
  pool.stop();
}

async function listen(runtime: Runtime, config: Config, address: ListenAddress, router: Router, front: Front, log: Log): Promise<Listener> {
  return await runtime.listen(address, router.handlers(front), {
    ...(config.socketMode !== null && address.kind === 'unix' ? { mode: config.socketMode } : {}),
    acceptFailed: (code) => log.event('error', 'accept-failed', 'cannot accept a connection; trying again', { error: code }),
  });
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
