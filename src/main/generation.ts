import type { GzipEngine } from '../encoding/gzip.ts';
import type { Log } from '../log/log.ts';
import type { NodeMark } from '../master/messages.ts';
import { CidrSet, PRIVATE_NETWORKS } from '../net/cidr.ts';
import type { Config } from '../options/config.ts';
import { HealthCheck } from '../pool/health-check.ts';
import type { Mapper } from '../pool/mapper.ts';
import { Node } from '../pool/node.ts';
import type { NodeSource } from '../pool/node-source.ts';
import { Pool } from '../pool/pool.ts';
import { Revival } from '../pool/revival.ts';
import { checkSpoolDirectory } from '../router/body-spool.ts';
import type { PreludeSettings } from '../router/prelude.ts';
import type { ProcessParts, Service, ServiceSettings } from '../router/service.ts';
import type { Runtime } from '../runtime/seam.ts';
import { HealthProbe } from '../upstream/health-probe.ts';
import { PoolMaker } from './pools.ts';
import { type AppHere, makeUpstreams } from './upstreams.ts';
import type { WorkerSource } from './worker-source.ts';

/** What a generation is made from, beside its config. */
export interface GenerationParts {
  readonly runtime: Runtime;
  readonly process: ProcessParts;
  /** Is called in this process; null when the app runs elsewhere, or there is none. */
  readonly app: AppHere | null;
  /** Where the app's workers are; null when there are none. */
  readonly workers: WorkerSource | null;
}

/** One generation of config, wired: the service that requests are served by, and what has to end with it. */
export interface Generation {
  readonly config: Config;
  readonly service: Service;
  /** Begins to ask the nodes (`http-check`); once, when the service is in use. `marked` hears what comes of it. */
  startChecks(marked: (mark: NodeMark) => void): void;
  /** Asks those of the nodes of `http-to` that die of requests whether they are back, and lets `marked` hear of both; once, when the service is in use. */
  watchNodes(marked: (mark: NodeMark) => void): void;
  /** What another process has seen of a node. */
  learn(mark: NodeMark): void;
  /** No new requests: looks and watches no more, and closes idle connections to nodes. What is in flight goes on. */
  retire(): void;
  /** Nothing is in flight any more. */
  close(): void;
}

/**
 * @throws {PermissionError} when the runtime may not connect to a node
 * @throws {SpoolError} when bodies cannot be put into `http-post-buffering-dir`
 * @throws {MapperError} when a file that requests are mapped by does not work
 */
export async function makeGeneration(given: Config, parts: GenerationParts): Promise<Generation> {
  const { runtime, process, app, workers } = parts;
  // Our Python workers are told the length of a body: who passes on chunks hands them to apps that can ask uWSGI for them.
  const config = workers?.kind === 'wsgi' ? { ...given, chunkedInput: false } : given;
  const { log, wheel, failed } = process;
  for (const { address, plain } of [...config.nodes, ...config.fallbacks]) {
    await runtime.permitConnect(address);
    if (plain !== null) await runtime.permitConnect(plain);
  }
  if (config.postBufferingDir !== null) checkSpoolDirectory(config.postBufferingDir);
  const maker = new PoolMaker(runtime, config, wheel, log);
  const ofApp = appSource(parts);
  // Its workers are as good as each other: the one with the fewest requests.
  const appPool = ofApp === null ? null : new Pool([ofApp], config.graceTime, { algorithm: 'lrc' });
  const pool = await makePool(config, maker, ofApp, appPool);
  const upstreams = await makeUpstreams(runtime, config, wheel, log, failed, app, app === null && workers !== null ? workers.kind : 'none');
  const mapper = await loadMapper(config, maker, pool, log).catch((error) => {
    pool.stop();
    throw error;
  });
  const gzip = await makeGzip(runtime, config);
  if (gzip?.notice) log.warn(gzip.notice);
  const service: Service = {
    ...process,
    settings: makeSettings(config, runtime),
    pool,
    appPool,
    mapper,
    defaultKey: runtime.hostname() ?? 'localhost',
    fallbacks: (await maker.sources(config.fallbacks)).flatMap((source) => source.nodes),
    open: upstreams.open,
    needsLength: upstreams.needsLength,
    gzip,
    prelude: makePrelude(config),
    trustedProxies: config.trustedProxies.length > 0 ? new CidrSet(config.trustedProxies) : null,
  };
  let checks: HealthCheck | null = null;
  const revival = new Revival(pool, new HealthProbe(runtime, upstreams.openCheck, null), config.graceTime, () => wheel.precise());
  return {
    config,
    service,
    watchNodes(marked) {
      pool.watch({
        nodeMarked(node, mark) {
          if (mark === 'dead') revival.died(node);
          else log.event('info', 'node-alive', 'a node that was dead takes connections again', { node: node.name });
          marked({ node: node.name, cause: 'requests', mark, failsFast: node.failsFast, isOfAnswers: node.isDeadOfAnswers });
        },
      });
    },
    learn(mark) {
      for (const node of pool.nodes) if (node.name === mark.node) node.learn(mark, wheel.precise());
    },
    startChecks(marked) {
      if (config.check === null || checks !== null) return;
      const probe = new HealthProbe(runtime, upstreams.openCheck, config.check.path, config.check.host);
      checks = new HealthCheck(pool, probe, config.check, {
        now: () => wheel.precise(),
        random: Math.random,
        changed(node, isUp, reason) {
          if (isUp) log.event('info', 'node-up', 'a node passed its checks again', { node: node.name });
          else log.event('warn', 'node-down', 'a node failed its checks and gets no requests', { node: node.name, reason });
          marked({ node: node.name, cause: 'checks', mark: isUp ? 'up' : 'down', failsFast: false, isOfAnswers: false });
        },
      });
    },
    retire() {
      checks?.stop();
      revival.stop();
      // What is known stays for the requests in flight.
      mapper?.stop?.();
      pool.stop();
      upstreams.stop();
    },
    close: () => gzip?.close(),
  };
}

/** The app as nodes; null when there is none. */
function appSource({ app, workers }: GenerationParts): NodeSource | null {
  return app !== null ? { nodes: [new Node({ kind: 'app' })] } : workers;
}

/**
 * What `http` leads to: the nodes of `http-to`, the app where there are none, both with `http-use-socket`. Without any place for
 * requests, the welcome page is the only node.
 */
async function makePool(config: Config, maker: PoolMaker, app: NodeSource | null, appPool: Pool | null): Promise<Pool> {
  const sources = await maker.sources(config.nodes);
  if (app === null) return maker.pool(config.hasRoutes ? sources : [{ nodes: [new Node({ kind: 'app' })] }]);
  if (appPool !== null && config.nodes.length === 0 && !config.hasMappers) return appPool;
  return maker.pool(config.httpUseSocket === null ? sources : [...sources, app]);
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
