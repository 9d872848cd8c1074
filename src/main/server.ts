import { type LineSink, Log } from '../log/log.ts';
import type { NodeMark, ProcessStatus, WorkerNode } from '../master/messages.ts';
import { formatAddress, type ListenAddress } from '../net/address.ts';
import type { Config } from '../options/config.ts';
import { Backends } from '../pool/backends.ts';
import type { MappedPools } from '../pool/mappers/mapped-pools.ts';
import { WorkerSource } from '../pool/worker-source.ts';
import { BodyBudget } from '../router/body-spool.ts';
import { DateLine } from '../router/date-line.ts';
import { type Front, makeFront } from '../router/front.ts';
import { OutBuffer } from '../router/out-buffer.ts';
import { RequestBuffers } from '../router/request-buffer.ts';
import { Router } from '../router/router.ts';
import type { ProcessParts } from '../router/service.ts';
import type { NativeServer } from '../runtime/seam/apps.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import { TimerWheel } from '../time/timer-wheel.ts';
import { TurnClock } from '../time/turn-clock.ts';
import { KeptUpstreams } from '../upstream/kept-upstreams.ts';
import { describe } from './describe.ts';
import { makeFrontOf } from './fronts.ts';
import { type Generation, type GenerationParts, makeGeneration } from './generation.ts';
import type { ListenerConfig } from './listener-configs.ts';
import type { AppHere } from './upstreams.ts';

/** Where the limit of open files is not known, connections are not limited by number: accepting survives EMFILE all the same. */
const CONNECTIONS_OF_FILES = 0.9;

/** A node that a mapper has found is found again by the next request for it: so long, in ms, behind a reload it is still known. */
const FORGET_MS = 60_000;

/** What a server is made from, beside its config. */
export interface ServerOptions {
  /** Where requests come in. */
  readonly listeners: readonly ListenerConfig[];
  /** The sockets of these listeners, where they are bound already; else they are bound here. */
  readonly sockets?: readonly BoundSocket[];
  /** A worker's own, where only our routers come in. */
  readonly privateSocket?: BoundSocket;
  /** Runs in this process. */
  readonly app?: AppHere;
  /** Where the app runs instead. */
  readonly workers?: { readonly kind: 'fetch' | 'wsgi'; readonly nodes: readonly WorkerNode[] };
  /** Other processes have the same listeners. */
  readonly sharesListeners?: boolean;
  /** This process asks the nodes (`http-check`). Default true. */
  readonly checksNodes?: boolean;
  /** Tells the server what it must know before the first client comes. */
  made?(server: Server): void;
  /** Hears what this process has seen of nodes. */
  marked?(mark: NodeMark): void;
}

/** A running server. Each router and each worker has one, and so has a process that is alone. */
export class Server {
  /** Where it listens, with the ports the kernel chose. */
  readonly addresses: ListenAddress[] = [];
  readonly log: Log;
  /** What every generation is made from. */
  readonly #parts: GenerationParts;
  readonly #options: ServerOptions;
  readonly #router: Router;
  readonly #natives: NativeServer[] = [];
  #generation: Generation;
  /** What those before have found, until it is forgotten. */
  readonly #outlived = new Map<MappedPools, ReturnType<typeof setTimeout>>();

  private constructor(parts: GenerationParts, options: ServerOptions, generation: Generation) {
    this.#parts = parts;
    this.#options = options;
    this.log = parts.process.log;
    this.#generation = generation;
    this.#router = new Router(generation.service, maxConnections(parts.runtime, generation.config));
  }

  /**
   * Wires one generation of config to a running server.
   * @throws {PermissionError | SpoolError | MapperError} as `makeGeneration`
   * @throws {ListenError} when an address cannot be listened on; what was opened before is closed again
   */
  static async start(runtime: Runtime, config: Config, sink: LineSink, options: ServerOptions): Promise<Server> {
    const log = new Log(sink, config.logLevel);
    const failed = (error: unknown): void => log.event('error', 'internal', describe(error));
    const process: ProcessParts = {
      failed,
      log,
      wheel: new TimerWheel(() => runtime.now(), failed),
      clock: new TurnClock(runtime),
      out: new OutBuffer(),
      dates: new DateLine(),
      requestBuffers: new RequestBuffers(),
      bodyBudget: new BodyBudget(config.bodyBufferTotal),
    };
    const workers = options.workers === undefined ? null : new WorkerSource(options.workers.kind);
    if (workers !== null) workers.harakiri = config.harakiri;
    workers?.use(options.workers!.nodes);
    const parts = { runtime, process, app: options.app ?? null, workers, backends: new Backends(), kept: new KeptUpstreams() };
    const generation = await makeGeneration(config, parts);
    const server = new Server(parts, options, generation);
    options.made?.(server);
    try {
      await server.#listen();
    } catch (error) {
      server.#retire();
      await server.#router.drain(0);
      throw error;
    }
    server.#begin();
    return server;
  }

  /**
   * Builds what `config` asks for, beside what serves. It is given to `swap` or to `discard`.
   * @throws {PermissionError | SpoolError | MapperError} as `makeGeneration`
   */
  prepare(config: Config): Promise<Generation> {
    return makeGeneration(config, this.#parts);
  }

  /** New requests are served by `next` from now on; those in flight finish as they began. Listeners stay as they are. It cannot fail. */
  swap(next: Generation): void {
    const before = this.#generation;
    this.#generation = next;
    if (this.#parts.workers !== null) this.#parts.workers.harakiri = next.config.harakiri;
    this.#router.use(next.service, () => before.close());
    before.retire();
    if (before.found !== null) this.#outlive(before.found);
    this.#begin();
  }

  /** Lets go of what was prepared and is not used. */
  discard(next: Generation): void {
    next.retire();
    next.found?.stop();
    next.close();
  }

  /** Other workers than before. Requests that are with one of those go on there. */
  useWorkers(workers: readonly WorkerNode[]): void {
    this.#parts.workers?.use(workers);
  }

  /** New requests are answered 503 until it is over. */
  pause(isPaused: boolean): void {
    if (isPaused) this.#router.pause();
    else this.#router.unpause();
  }

  /** Stops accepting; connections that are there are served on. */
  stopAccepting(): void {
    this.#router.stopAccepting();
  }

  /** What another router has seen of a node. */
  learn(mark: NodeMark): void {
    this.#generation.learn(mark);
  }

  get status(): ProcessStatus {
    const open = this.#options.app?.work.open ?? 0;
    return { connections: this.#router.connections, requests: this.#router.requests, running: this.#router.running + open };
  }

  /**
   * Finishes what is in flight, within `mercy` ms, by default `reload-mercy`; resolves when the last connection is closed and the app
   * does nothing more behind its answers (`waitUntil`). `patience` as for `Router.drain`.
   */
  async stop(mercy: number = this.#generation.config.reloadMercy, patience = 0): Promise<void> {
    const end = performance.now() + patience + mercy;
    this.#retire();
    await Promise.all([this.#router.drain(mercy, patience), ...this.#natives.map((server) => server.stop(mercy))]);
    await this.#finishWork(Math.max(0, end - performance.now()));
    this.#generation.close();
    this.log.flush();
  }

  async #finishWork(ms: number): Promise<void> {
    const { app } = this.#options;
    if (app === undefined || app.work.open === 0) return;
    await app.work.finished(ms);
    const { open } = app.work;
    if (open > 0) this.log.event('warn', 'work-left', 'promises of waitUntil are given up: their time is over', { promises: open });
  }

  /** Ends at once. */
  destroy(): void {
    this.#retire();
    this.#router.destroy();
    for (const server of this.#natives) void server.stop(0);
    this.#generation.close();
    this.log.flush();
  }

  /** Nothing comes behind this generation. */
  #retire(): void {
    this.#generation.retire();
    this.#generation.found?.stop();
    for (const before of [...this.#outlived.keys()]) this.#forget(before);
  }

  /** It is all that stays of a generation: reloads may come faster than it is forgotten. */
  #outlive(found: MappedPools): void {
    this.#outlived.set(
      found,
      setTimeout(() => this.#forget(found), FORGET_MS),
    );
  }

  #forget(found: MappedPools): void {
    clearTimeout(this.#outlived.get(found));
    this.#outlived.delete(found);
    found.stop();
  }

  #begin(): void {
    const { marked, checksNodes } = this.#options;
    const generation = this.#generation;
    // Requests of an earlier generation go on, and what they see is of nodes that no other process knows any more.
    const seen = (mark: NodeMark): void => {
      if (generation === this.#generation) marked?.(mark);
    };
    generation.careForNodes(seen, checksNodes !== false);
  }

  async #listen(): Promise<void> {
    const { listeners, sockets, privateSocket } = this.#options;
    const { config } = this.#generation;
    let bound = 0;
    for (const [index, listener] of listeners.entries()) {
      if (listener.isNative) {
        this.addresses.push(await this.#serveNatively(listener.address));
        continue;
      }
      this.addresses.push(await this.#listenOn(sockets?.[bound++] ?? listener.address, makeFrontOf(listener, index, config), config));
    }
    if (privateSocket !== undefined) await this.#listenOn(privateSocket, makeFront(listeners.length, { isPrivate: true }));
  }

  /** `http-socket-engine=native`: what comes there never meets a session. */
  async #serveNatively(address: ListenAddress): Promise<ListenAddress> {
    const { serveNative } = await import('../app/native-server.ts');
    const { app, sharesListeners = false } = this.#options;
    const failed = (error: unknown): void => this.log.event('error', 'app-failed', describe(error));
    const server = await serveNative(await this.#parts.runtime.apps(), address, app!.handler, app!.work, { reusePort: sharesListeners, failed });
    this.#natives.push(server);
    return server.address;
  }

  async #listenOn(where: ListenAddress | BoundSocket, front: Front, config?: Config): Promise<ListenAddress> {
    const listener = await this.#router.listen(this.#parts.runtime, where, front, {
      ...(config?.socketMode == null ? {} : { mode: config.socketMode }),
      deferAccept: config?.deferAccept ?? false,
      acceptFailed: (code) => this.log.event('error', 'accept-failed', 'no more connections can be accepted for now; trying again', { error: code }),
      acceptsAgain: () => this.log.event('info', 'accepting-again', 'connections are accepted again'),
    });
    front.port = portText(listener.address);
    return listener.address;
  }
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
