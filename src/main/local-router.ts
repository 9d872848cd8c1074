import { AppWork } from '../app/app-work.ts';
import type { FetchHandler } from '../app/fetch-handler.ts';
import type { LineSink } from '../log/log.ts';
import type { RouterPlan, RouterStatus, Routers } from '../master/routers.ts';
import type { Config } from '../options/config.ts';
import type { Runtime } from '../runtime/seam.ts';
import { messageOf } from './describe.ts';
import type { Place } from './places.ts';
import { Server } from './server.ts';

/** The router of a process that is alone. */
export class LocalRouter implements Routers {
  readonly #runtime: Runtime;
  readonly #sink: LineSink;
  readonly #places: readonly Place[];
  readonly #app: FetchHandler | null;
  #server: Server | null = null;
  #settings: RouterPlan['settings'] | null = null;

  /** @param app is called in this process */
  constructor(runtime: Runtime, sink: LineSink, places: readonly Place[], app: FetchHandler | null) {
    this.#runtime = runtime;
    this.#sink = sink;
    this.#places = places;
    this.#app = app;
  }

  /** Null before it is started. */
  get server(): Server | null {
    return this.#server;
  }

  /** @throws {ListenError | PermissionError | SpoolError | MapperError} as `Server.start` */
  async start(plan: RouterPlan): Promise<void> {
    const config = plan.config as Config;
    this.#settings = plan.settings;
    const { app, nodes } = plan;
    this.#server = await Server.start(this.#runtime, config, this.#sink, {
      places: this.#places,
      ...(app.kind === 'wsgi' ? { workers: { kind: app.kind, nodes } } : {}),
      ...(this.#app === null ? {} : { app: { handler: this.#app, board: null, work: new AppWork() } }),
    });
  }

  async use(plan: RouterPlan): Promise<string | null> {
    const server = this.#server;
    if (server === null) return null;
    try {
      if (plan.settings !== this.#settings) await server.use(plan.config as Config);
    } catch (thrown) {
      return messageOf(this.#runtime.explain(thrown));
    }
    this.#settings = plan.settings;
    server.useWorkers(plan.nodes);
    return null;
  }

  pause(isPaused: boolean): void {
    this.#server?.pause(isPaused);
  }

  async drain(mercy: number, patience: number): Promise<void> {
    await this.#server?.stop(mercy, patience);
  }

  destroy(): void {
    this.#server?.destroy();
  }

  async status(): Promise<readonly RouterStatus[]> {
    return this.#server === null ? [] : [{ id: 1, pid: process.pid, ...this.#server.status }];
  }
}
