import type { GzipEngine } from '../encoding/gzip.ts';
import type { NodeMark } from '../master/messages.ts';
import { CidrSet, PRIVATE_NETWORKS } from '../net/cidr.ts';
import type { Config } from '../options/config.ts';
import type { Backends } from '../pool/backends.ts';
import type { MappedPools } from '../pool/mappers/mapped-pools.ts';
import type { WorkerSource } from '../pool/worker-source.ts';
import { checkSpoolDirectory } from '../router/body-spool.ts';
import type { PreludeSettings } from '../router/prelude.ts';
import type { ProcessParts, Service, ServiceSettings } from '../router/service.ts';
import { NO_SINK } from '../router/transaction.ts';
import type { Runtime } from '../runtime/seam.ts';
import { HealthProbe } from '../upstream/health-probe.ts';
import type { KeptUpstreams } from '../upstream/kept-upstreams.ts';
import { NodeCare } from './node-care.ts';
import { poolMakerOf } from './pools.ts';
import { appHere, makeRoutes } from './routes.ts';
import { type AppHere, makeUpstreams } from './upstreams.ts';

/** What a generation is made from, beside its config. */
export interface GenerationParts {
  readonly runtime: Runtime;
  readonly process: ProcessParts;
  /** Is called in this process; null when the app runs elsewhere, or there is none. */
  readonly app: AppHere | null;
  /** Where the app's workers are; null when there are none. */
  readonly workers: WorkerSource | null;
  /** What is known of nodes, whatever generation has them. */
  readonly backends: Backends;
  /** Connections to nodes, whatever generation made them. */
  readonly kept: KeptUpstreams;
}

/** One generation of config, wired: the service that requests are served by, and what has to end with it. */
export interface Generation {
  readonly config: Config;
  readonly service: Service;
  /** Looks after the nodes from now on; once, when the service is in use. As `NodeCare.begin`. */
  careForNodes(tell: (mark: NodeMark) => void, checksPool: boolean): void;
  /** What another process has seen of a node. */
  learn(mark: NodeMark): void;
  /** No new requests: looks and watches no more, and closes idle connections to nodes. What is in flight goes on. */
  retire(): void;
  /** The nodes that mappers have found, which outlive it: the next generation finds them one by one. Null where no host is mapped. */
  readonly found: MappedPools | null;
  /** Nothing is in flight any more. */
  close(): void;
}

/**
 * @throws {PermissionError} when the runtime may not connect to a node
 * @throws {SpoolError} when bodies cannot be put into `http-post-buffering-dir`
 * @throws {MapperError} when a file that requests are mapped by does not work
 */
export async function makeGeneration(given: Config, parts: GenerationParts): Promise<Generation> {
  const { runtime, process, workers } = parts;
  // Our Python workers are told the length of a body: who passes on chunks hands them to apps that can ask uWSGI for them.
  const config = workers?.kind === 'wsgi' ? { ...given, chunkedInput: false } : given;
  const { log, wheel, failed } = process;
  for (const { address, plain } of [...config.nodes, ...config.fallbacks]) {
    await runtime.permitConnect(address);
    if (plain !== null) await runtime.permitConnect(plain);
  }
  if (config.postBufferingDir !== null) checkSpoolDirectory(config.postBufferingDir);
  const maker = poolMakerOf(runtime, config, wheel, log, parts.backends);
  const app = await appHere(runtime, config, parts);
  const gzip = await makeGzip(runtime, config);
  if (gzip?.notice) log.warn(gzip.notice);
  const workersKind = app === null && workers !== null ? workers.kind : 'none';
  const upstreams = await makeUpstreams(runtime, config, wheel, log, failed, app, workersKind, parts.kept);
  // Last, because files of the user's may not work: what was made before is given back.
  const routes = await makeRoutes(config, maker, app !== null, workers, runtime.hostname() ?? 'localhost', log).catch((error) => {
    upstreams.stop();
    gzip?.close();
    throw error;
  });
  const service: Service = {
    ...process,
    settings: makeSettings(config, runtime),
    route: routes.route,
    appRoute: routes.appRoute,
    open: upstreams.open,
    needsLength: upstreams.needsLength,
    gzip,
    prelude: makePrelude(config),
    trustedProxies: config.trustedProxies.length > 0 ? new CidrSet(config.trustedProxies) : null,
    transactions: NO_SINK,
  };
  const { check, graceTime } = config;
  const found = routes.made?.pools ?? null;
  const ping = new HealthProbe(runtime, upstreams.openCheck, null);
  const probe = check === null ? null : new HealthProbe(runtime, upstreams.openCheck, check.path, check.host);
  const care = new NodeCare({ pool: routes.pool, mapped: found, graceTime, check, ping, probe, wheel, log });
  let isRetired = false;
  return {
    config,
    service,
    found,
    careForNodes: (tell, checksPool) => care.begin(tell, checksPool),
    learn: (mark) => care.learn(mark),
    retire() {
      if (isRetired) return;
      isRetired = true;
      care.stop();
      routes.stop();
      upstreams.stop();
    },
    close: () => gzip?.close(),
  };
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
    rawTarget: config.rawTarget,
    postBuffering: config.postBuffering,
    tunnelTimeout: config.tunnelTimeout,
    halfClose: config.halfClose,
    halfCloseTimeout: config.halfCloseTimeout,
    tempDirectory: config.postBufferingDir ?? runtime.tempDirectory(),
  };
}

function makePrelude({ proxyProtocol, proxyFrom, studPrefix }: Config): PreludeSettings | null {
  if (!proxyProtocol && studPrefix.length === 0) return null;
  return {
    proxyProtocol,
    proxyFrom: proxyFrom === 'any' ? null : new CidrSet(proxyFrom ?? PRIVATE_NETWORKS),
    studFrom: studPrefix.length > 0 ? new CidrSet(studPrefix) : null,
  };
}
