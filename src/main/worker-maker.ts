import { nodeFs } from '../builtin/modules.ts';
import type { Log } from '../log/log.ts';
import type { WorkerNode } from '../master/messages.ts';
import type { PrivateDirectory } from '../master/private-directory.ts';
import type { Topics } from '../master/topics.ts';
import type { Workers } from '../master/workers.ts';
import type { Config, PlainSetting } from '../options/config.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import type { FoundApp } from './found-app.ts';
import { isDirectory, type StartDirectory } from './start-directory.ts';
import { environmentOf, surroundingsOf } from './surroundings.ts';

/** One generation of workers, as they are to be made. */
export interface WorkersWish {
  readonly config: Config;
  readonly settings: readonly PlainSetting[];
  readonly app: FoundApp;
  /** Hears when their nodes change; resolves when every router knows. */
  readonly moved: () => Promise<void>;
}

/** Makes generations of app workers, each on sockets of its own in one private directory. */
export class WorkerMaker {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #topics: Topics;
  readonly #start: StartDirectory;
  readonly #sharedSockets: readonly BoundSocket[];
  #directory: PrivateDirectory | null = null;
  #generation = 0;

  /** @param sharedSockets where clients reach workers without a router; all generations listen there */
  constructor(runtime: Runtime, log: Log, topics: Topics, start: StartDirectory, sharedSockets: readonly BoundSocket[]) {
    this.#runtime = runtime;
    this.#log = log;
    this.#topics = topics;
    this.#start = start;
    this.#sharedSockets = sharedSockets;
  }

  /** Null where there is no app. @throws {SetupError | PermissionError | SurroundingsError} without a place for their sockets */
  async make({ config, settings, app, moved }: WorkersWish): Promise<Workers | null> {
    if (app.kind === 'none') return null;
    const { PrivateDirectory } = await import('../master/private-directory.ts');
    if (this.#directory?.isThere === false) {
      this.#log.warn('the directory of the sockets is gone; another is made', { directory: this.#directory.root });
      this.#directory.remove();
      this.#directory = null;
    }
    this.#directory ??= await PrivateDirectory.make(this.#runtime);
    const directory = this.#directory;
    const surroundings = this.#start.run(() => surroundingsOf(config));
    const { directory: cwd } = surroundings;
    const generation = ++this.#generation;
    const bind = async (name: string): Promise<{ readonly socket: BoundSocket; readonly path: string }> => {
      const path = directory.path(name);
      return { path, socket: await this.#runtime.bind({ kind: 'unix', path, abstract: false }, { mode: 0o600, backlog: config.listenBacklog }) };
    };
    const { firstProbe } = await import('./first-probe.ts');
    const probe = (node: WorkerNode): Promise<void> => firstProbe(this.#runtime, config, this.#log, node);
    if (app.kind === 'wsgi') {
      const { WsgiWorkers } = await import('../master/wsgi-workers.ts');
      return new WsgiWorkers(this.#runtime, this.#log, {
        app: app.app,
        guess: app.guess,
        processes: config.processes,
        threads: config.threads,
        backlog: config.listenBacklog,
        lazyApps: config.lazyApps,
        maxRequests: config.maxRequests,
        maxWorkerLifetime: config.maxWorkerLifetime,
        harakiri: config.harakiri,
        chdir: cwd,
        env: config.env,
        home: config.home,
        pythonPath: config.pythonPath,
        mercy: config.workerReloadMercy,
        sharedSockets: this.#sharedSockets,
        bind: () => bind(`wsgi-${generation}.sock`),
        starting: () => this.#start.there(),
        probe,
        moved,
      });
    }
    const scoreboard = (id: number, spawn: number): string => directory.path(`board-${generation}-${id}-${spawn}`);
    const { FetchWorkers } = await import('../master/fetch-workers.ts');
    return new FetchWorkers(this.#runtime, this.#log, {
      processes: config.processes,
      settings,
      app: { kind: 'fetch', path: app.path, name: app.name },
      topics: this.#topics,
      // It may be removed while its workers run.
      surroundings: () => ({ cwd: isDirectory(cwd) ? cwd : this.#start.there(), env: environmentOf(surroundings) }),
      harakiri: config.harakiri,
      mercy: config.workerReloadMercy,
      sharedSockets: this.#sharedSockets,
      bind: (id) => bind(`worker-${generation}-${id}.sock`),
      scoreboard,
      removeScoreboard: (id, spawn) => nodeFs().rmSync(scoreboard(id, spawn), { force: true }),
      probe,
      moved,
    });
  }

  /** When the last worker is gone. */
  close(options: { keepsFile?: boolean } = {}): void {
    for (const socket of this.#sharedSockets) socket.close(options);
    this.#directory?.remove();
  }
}
