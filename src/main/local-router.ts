import { AppWork } from '../app/app-work.ts';
import type { FetchHandler } from '../app/fetch-handler.ts';
import type { LineSink } from '../log/log.ts';
import type { WorkerNode } from '../master/messages.ts';
import type { RouterPlan, RouterStatus, Routers } from '../master/routers.ts';
import { TopicReader, whole } from '../master/topic-reader.ts';
import type { Topics } from '../master/topics.ts';
import type { Config } from '../options/config.ts';
import type { Runtime } from '../runtime/seam.ts';
import { messageOf } from './describe.ts';
import type { Generation } from './generation.ts';
import type { ListenerConfig } from './listener-configs.ts';
import { Server } from './server.ts';

/** The router of a process that is alone. */
export class LocalRouter implements Routers {
  readonly #runtime: Runtime;
  readonly #sink: LineSink;
  readonly #listeners: readonly ListenerConfig[];
  readonly #app: FetchHandler | null;
  readonly #topics: Topics;
  #server: Server | null = null;
  #settings: RouterPlan['settings'] | null = null;
  /** What it is to turn to; without a generation where the settings are those it has. */
  #prepared: { readonly settings: RouterPlan['settings']; readonly generation: Generation | null } | null = null;

  /** @param app is called in this process */
  constructor(runtime: Runtime, sink: LineSink, topics: Topics, listeners: readonly ListenerConfig[], app: FetchHandler | null) {
    this.#topics = topics;
    this.#runtime = runtime;
    this.#sink = sink;
    this.#listeners = listeners;
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
    const { kind } = plan.app;
    const server = await Server.start(this.#runtime, config, this.#sink, {
      listeners: this.#listeners,
      ...(kind === 'wsgi' ? { workers: { kind, nodes: this.#topics.workers.state } } : {}),
      ...(this.#app === null ? {} : { app: { handler: this.#app, board: null, work: new AppWork() } }),
      made: (made) => this.#follow(made),
    });
    this.#server = server;
  }

  async prepare({ settings, config }: RouterPlan): Promise<string | null> {
    try {
      this.#prepared = { settings, generation: settings === this.#settings ? null : await this.#server!.prepare(config as Config) };
      return null;
    } catch (thrown) {
      return messageOf(this.#runtime.explain(thrown));
    }
  }

  async commit(): Promise<void> {
    const { settings, generation } = this.#prepared!;
    this.#prepared = null;
    this.#settings = settings;
    if (generation !== null) this.#server!.swap(generation);
  }

  abandon(): void {
    if (this.#prepared?.generation) this.#server!.discard(this.#prepared.generation);
    this.#prepared = null;
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

  #follow(server: Server): void {
    const reader = new TopicReader({
      pause: whole((isPaused) => server.pause(isPaused as boolean)),
      workers: whole((nodes) => server.useWorkers(nodes as readonly WorkerNode[])),
    });
    const follower = this.#topics.hub.join(['pause', 'workers'], (message) => {
      reader.told(message);
      follower.heard(message.seq);
    });
    reader.start(follower.states());
    follower.listens();
  }
}
