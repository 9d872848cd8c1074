import { type MarkChange, type MarkState, MarkStore } from '../master/mark-store.ts';
import type { NodeMark, Order, Report, StartOrder, WorkerNode } from '../master/messages.ts';
import type { TopicState } from '../master/topic-hub.ts';
import { TopicReader, whole } from '../master/topic-reader.ts';
import type { Config, PlainSetting } from '../options/config.ts';
import { formatErrors } from '../options/errors.ts';
import { configFromSettings } from '../options/read-config.ts';
import type { Runtime } from '../runtime/seam.ts';
import { messageOf } from './describe.ts';
import type { Generation } from './generation.ts';
import type { Server } from './server.ts';

/** A router or worker that serves, and does what its master says. */
export class ObedientChild {
  readonly #runtime: Runtime;
  readonly #server: Server;
  readonly #marks: MarkStore;
  readonly #tell: (report: Report) => void;
  readonly #topics: TopicReader;
  /** What was built and is not in use, by the number of its plan. */
  readonly #prepared = new Map<number, Generation>();

  /** @param plan number of the plan that `server` began with */
  constructor(runtime: Runtime, server: Server, plan: number, tell: (report: Report) => void) {
    this.#runtime = runtime;
    this.#server = server;
    const marks = new MarkStore(plan, (mark) => server.learn(mark));
    this.#marks = marks;
    this.#tell = tell;
    this.#topics = new TopicReader({
      pause: whole((isPaused) => server.pause(isPaused as boolean)),
      workers: whole((nodes) => server.useWorkers(nodes as readonly WorkerNode[])),
      marks: { state: (state) => marks.state(state as MarkState), change: (change) => marks.change(change as MarkChange) },
    });
  }

  start(topics: readonly TopicState[]): void {
    this.#topics.start(topics);
  }

  /** It has seen something of a node. */
  marked(mark: NodeMark): void {
    this.#marks.noted(mark);
    this.#tell({ kind: 'mark', plan: this.#marks.plan, mark });
  }

  async obey(order: Exclude<Order, StartOrder>): Promise<void> {
    const server = this.#server;
    switch (order.kind) {
      case 'topic':
        this.#topics.told(order);
        return this.#tell({ kind: 'heard', seq: order.seq });
      case 'prepare': {
        const problem = await this.#prepare(order.plan, order.settings).then(
          () => null,
          (thrown) => messageOf(this.#runtime.explain(thrown)),
        );
        return this.#done(order.ticket, problem);
      }
      case 'commit':
        return this.#done(order.ticket, this.#commit(order.plan));
      case 'abandon':
        return this.#abandon(order.plan);
      case 'stop-accepting':
        server.stopAccepting();
        return this.#done(order.ticket);
      case 'status':
        return this.#tell({ kind: 'status', ticket: order.ticket, status: server.status });
      case 'drain':
        void server.stop(order.mercy, order.patience).then(() => {
          server.log.flush();
          this.#runtime.exit(0);
        });
    }
  }

  #done(ticket: number, problem: string | null = null): void {
    this.#tell({ kind: 'done', ticket, problem });
  }

  async #prepare(plan: number, settings: StartOrder['settings']): Promise<void> {
    const generation = await this.#server.prepare(readSettings(settings));
    this.#abandon(plan);
    this.#prepared.set(plan, generation);
  }

  /** Asked again it does nothing. */
  #commit(plan: number): string | null {
    const generation = this.#prepared.get(plan);
    if (generation === undefined) return plan === this.#marks.plan ? null : `plan ${plan} was not prepared`;
    this.#prepared.delete(plan);
    this.#marks.begin(plan);
    this.#server.swap(generation);
    // None of these comes back.
    for (const other of [...this.#prepared.keys()]) if (other < plan) this.#abandon(other);
    return null;
  }

  #abandon(plan: number): void {
    const generation = this.#prepared.get(plan);
    if (generation === undefined) return;
    this.#prepared.delete(plan);
    this.#server.discard(generation);
  }
}

/** The master has checked them; what is wrong now has changed since. @throws {Error} */
export function readSettings(settings: StartOrder['settings']): Config {
  const result = configFromSettings(settings as readonly PlainSetting[]);
  if (result.kind === 'errors') throw new Error(formatErrors(result.errors));
  return result.config;
}
