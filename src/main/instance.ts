import { nodeFs } from '../builtin/modules.ts';
import { type LineSink, Log } from '../log/log.ts';
import { Master, type Plan } from '../master/master.ts';
import { togglePause } from '../master/pause.ts';
import type { Routers } from '../master/routers.ts';
import type { Topics } from '../master/topics.ts';
import { formatAddress, type ListenAddress } from '../net/address.ts';
import type { Config, PlainSetting } from '../options/config.ts';
import type { AskingSignal, HeldSignals } from '../runtime/held-signals.ts';
import type { Signal } from '../runtime/seam/processes.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import { describe } from './describe.ts';
import { type FoundApp, findAppOf } from './found-app.ts';
import { isSameListeners, type ListenerConfig, listenersOf, ROLES } from './listener-configs.ts';
import { LocalRouter } from './local-router.ts';
import { StartDirectory } from './start-directory.ts';
import { enter, surroundingsOf } from './surroundings.ts';
import { VERSION } from './version.ts';
import { WorkerMaker } from './worker-maker.ts';

/** One reading of the configuration. */
export interface Reading {
  readonly config: Config;
  readonly settings: readonly PlainSetting[];
}

export interface InstanceOptions {
  readonly sink: LineSink;
  readonly topics: Topics;
  readonly signals: HeldSignals;
  /** Reads the configuration again. Null when it is not good, and the user has been told why. */
  reread(): Reading | null;
  /** Listening sockets of the ugate that makes room for this one. */
  readonly inherited: readonly BoundSocket[];
}

/** Signals that end the process, and its exit code where they cut short what it does. */
export const ENDING: ReadonlyMap<Signal, number> = new Map([
  ['SIGINT', 130],
  ['SIGQUIT', 131],
  ['SIGTERM', 143],
] as const);

/** One ugate as the user started it: a master with its tree, or a process that is alone. */
export class Instance {
  readonly log: Log;
  /** ms of the epoch. */
  readonly startedAt = Date.now();
  /** Somebody else obeys signals from now on. */
  isLive = false;
  /** Told when the app of this process has thrown what nobody caught, once `isLive`. */
  onUncaught: () => void = () => {};
  readonly directory = new StartDirectory();
  /** Where clients come in, with the ports the kernel chose. */
  addresses: readonly ListenAddress[] = [];
  /** What it was asked for while it started. */
  readonly wishes = new Set<AskingSignal>();
  readonly #runtime: Runtime;
  readonly #options: InstanceOptions;
  readonly #first: Reading;
  #app: FoundApp = { kind: 'none' };
  #master: Master | null = null;
  #workerMaker: WorkerMaker | null = null;
  /** Bound by us for routers and workers. */
  #sockets: readonly BoundSocket[] = [];
  /** Socket files that the ugate before this one made, with their inode: those that bind remove their own. */
  readonly #inheritedFiles = new Map<string, number | null>();

  private constructor(runtime: Runtime, first: Reading, options: InstanceOptions) {
    this.#runtime = runtime;
    this.#first = first;
    this.#options = options;
    this.log = new Log(options.sink, first.config.logLevel);
  }

  /** Resolves when everything serves. @throws what keeps it from that; what was begun is ended again */
  static async start(runtime: Runtime, first: Reading, options: InstanceOptions): Promise<Instance> {
    const instance = new Instance(runtime, first, options);
    options.signals.handle((signal) => instance.#asked(signal));
    for (const [signal, code] of ENDING) runtime.onSignal(signal, () => instance.#interrupted(signal, code));
    try {
      await instance.#start();
    } catch (error) {
      instance.close();
      throw error;
    }
    return instance;
  }

  get master(): Master {
    return this.#master!;
  }

  get topics(): Topics {
    return this.#options.topics;
  }

  get app(): FoundApp {
    return this.#app;
  }

  get config(): Config {
    return this.#first.config;
  }

  /** For the ugate that takes this one's place. */
  get sockets(): readonly BoundSocket[] {
    return this.#sockets;
  }

  /** When all processes are gone. With `keepsFiles` somebody else listens on the sockets. */
  close({ keepsFiles = false }: { keepsFiles?: boolean } = {}): void {
    for (const socket of this.#sockets) socket.close({ keepsFile: keepsFiles });
    this.#workerMaker?.close({ keepsFile: keepsFiles });
    // Until it is live, the ugate before it may go on.
    if (this.isLive && !keepsFiles) for (const [path, inode] of this.#inheritedFiles) removeFile(path, inode);
    this.log.flush();
  }

  /** While it starts there is nothing to act on yet, but for a pause. */
  #asked(signal: AskingSignal): void {
    if (signal === 'SIGTSTP') return togglePause(this.topics, this.log);
    if (signal === 'SIGUSR1') this.log.info(`SIGUSR1: still starting, for ${((Date.now() - this.startedAt) / 1000).toFixed(1)} s`);
    else if (!this.wishes.has(signal)) this.log.info(`${signal}: it is done when everything serves`);
    if (signal !== 'SIGUSR1') this.wishes.add(signal);
  }

  /** While it starts: an app may take its time to load. */
  #interrupted(signal: Signal, code: number): void {
    if (this.isLive) return;
    this.log.warn(`${signal}: ending before everything was started`);
    this.#master?.destroy();
    this.close();
    this.#runtime.exit(code);
  }

  /** Of the app of this process. What it has in hand may still come to a good end. */
  #uncaught(error: unknown): void {
    this.log.event('error', 'app-uncaught', describe(error));
    if (this.isLive) return this.onUncaught();
    this.close();
    this.#runtime.exit(1);
  }

  async #start(): Promise<void> {
    const { config } = this.#first;
    this.#app = await findAppOf(config, surroundingsOf(config));
    const routers = config.master ? await this.#makeTree(config) : await this.#makeLocal(config);
    this.#master = new Master({ log: this.log, topics: this.#options.topics, routers, version: `ugate ${VERSION}`, reread: () => this.#reread() });
    await this.#master.start(this.#planOf(this.#first, this.#app));
    if (routers instanceof LocalRouter) this.addresses = routers.server!.addresses;
  }

  /** Everything is bound before anything is loaded: what cannot be listened on shows at once, and clients may queue meanwhile. */
  async #makeTree(config: Config): Promise<Routers> {
    const { RouterProcesses } = await import('../master/router-processes.ts');
    const forRouters = await this.#bind(config, listenersOf(config, this.#app.kind, 'router'));
    const forWorkers = await this.#bind(config, listenersOf(config, this.#app.kind, 'worker'));
    this.#workerMaker = new WorkerMaker(this.#runtime, this.log, this.#options.topics, this.directory, forWorkers);
    const native = listenersOf(config, this.#app.kind, 'worker').filter(({ isNative }) => isNative);
    this.addresses = [...this.#sockets, ...native].map(({ address }) => address);
    // Clients would wait for ever in the queue of one that nobody listens on any more.
    for (const socket of this.#options.inherited) if (!this.#sockets.includes(socket)) socket.close();
    return new RouterProcesses(this.#runtime, this.log, {
      topics: this.#options.topics,
      count: forRouters.length === 0 ? 0 : config.httpProcesses,
      sockets: forRouters,
      directory: () => this.directory.there(),
    });
  }

  async #makeLocal(config: Config): Promise<Routers> {
    if (this.#app.kind === 'wsgi')
      this.#workerMaker = new WorkerMaker(
        this.#runtime,
        this.log,
        this.#options.topics,
        this.directory,
        await this.#bind(config, listenersOf(config, 'wsgi', 'worker')),
      );
    const listeners = listenersOf(config, this.#app.kind, 'single');
    if (this.#app.kind !== 'fetch') return new LocalRouter(this.#runtime, this.#options.sink, this.#options.topics, listeners, null);
    enter(surroundingsOf(config));
    this.#runtime.onUncaught((error) => this.#uncaught(error));
    const { loadFetchApp } = await import('../app/load-app.ts');
    return new LocalRouter(
      this.#runtime,
      this.#options.sink,
      this.#options.topics,
      listeners,
      await loadFetchApp(await this.#runtime.apps(), this.#app.path, this.#app.name),
    );
  }

  async #bind(config: Config, listeners: readonly ListenerConfig[]): Promise<readonly BoundSocket[]> {
    const bound: BoundSocket[] = [];
    for (const { address, isNative } of listeners) {
      if (isNative) continue;
      const inherited = this.#inherited(address);
      const mode = config.socketMode !== null && address.kind === 'unix' ? { mode: config.socketMode } : {};
      const socket = inherited ?? (await this.#runtime.bind(address, { ...mode, backlog: config.listenBacklog }));
      if (inherited !== undefined && address.kind === 'unix' && !address.abstract) this.#inheritedFiles.set(address.path, inodeOf(address.path));
      bound.push(socket);
      this.#sockets = [...this.#sockets, socket];
    }
    return bound;
  }

  /** What the ugate before this one listened on at `address`. A port 0 became some port of that host. */
  #inherited(address: ListenAddress): BoundSocket | undefined {
    const left = this.#options.inherited.filter((socket) => !this.#sockets.includes(socket));
    const isSame = ({ address: theirs }: BoundSocket): boolean => formatAddress(theirs) === formatAddress(address);
    if (address.kind !== 'tcp' || address.port !== 0) return left.find(isSame);
    return left.find(({ address: theirs }) => theirs.kind === 'tcp' && theirs.host === address.host && !this.#isNamed(theirs));
  }

  /** The config asks for this very address. */
  #isNamed(address: ListenAddress): boolean {
    return ROLES.some((role) =>
      listenersOf(this.config, this.#app.kind, role).some((listener) => formatAddress(listener.address) === formatAddress(address)),
    );
  }

  /** Null when the old generation has to go on; the log knows why. @throws {Error} whose message says so */
  async #reread(): Promise<Plan | null> {
    const { reading, surroundings } = this.directory.run(() => {
      const reading = this.#options.reread();
      return { reading, surroundings: reading && surroundingsOf(reading.config) };
    });
    if (reading === null || surroundings === null) {
      this.log.event('error', 'reload-failed', 'the old generation goes on: the configuration has errors');
      return null;
    }
    const { config } = reading;
    const app = await findAppOf(config, surroundings);
    if (app.kind !== this.#app.kind) throw new Error(`the app was of the kind ${this.#app.kind} and is ${app.kind} now: restart ugate for that`);
    if (app.kind === 'fetch' && !this.config.master)
      this.log.warn('the app runs in this process and stays as it was loaded: start ugate with --master to reload it');
    if (!ROLES.every((role) => isSameListeners(listenersOf(config, app.kind, role), listenersOf(this.config, app.kind, role))))
      this.log.warn('other listening addresses take effect when ugate is replaced (SIGUSR2) or restarted');
    return this.#planOf(reading, app);
  }

  #planOf({ config, settings }: Reading, app: FoundApp): Plan {
    return {
      config,
      settings,
      app: app.kind === 'fetch' ? { kind: 'fetch', path: app.path, name: app.name } : { kind: app.kind },
      reloadMercy: config.reloadMercy,
      makeWorkers: async (moved) => (await this.#workerMaker?.make({ config, settings, app, moved })) ?? null,
    };
  }
}

function inodeOf(path: string): number | null {
  return nodeFs().lstatSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

/** Unless somebody has put another file there. */
function removeFile(path: string, inode: number | null): void {
  try {
    if (inode !== null && inodeOf(path) === inode) nodeFs().unlinkSync(path);
  } catch {
    // The directory is gone or no longer ours: nothing that ending could mend.
  }
}
