import type { Log } from '../log/log.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import { Child, type ChildEvents, type ChildSurroundings } from './child.ts';
import { HarakiriWatch } from './harakiri.ts';
import type { AppTarget, SettingMessage, WorkerNode } from './messages.ts';
import { type Topics, WORKER_TOPICS } from './topics.ts';
import { WorkerSlot, type WorkerSlotOwner } from './worker-slot.ts';
import { settled, type WorkerStatus, type Workers } from './workers.ts';

export interface FetchWorkersOptions {
  readonly processes: number;
  readonly settings: readonly SettingMessage[];
  readonly app: AppTarget;
  readonly topics: Topics;
  /** Of the process that is started next. */
  surroundings(): ChildSurroundings;
  /** `worker-reload-mercy`, in ms. */
  readonly mercy: number;
  /** Sockets that all workers listen on beside their own (`http-socket`, `socket`). */
  readonly sharedSockets: readonly BoundSocket[];
  /** Makes the socket of a worker, in a directory that is ours alone. */
  bind(id: number): Promise<{ readonly socket: BoundSocket; readonly path: string }>;
  /** What a request may take (`harakiri`), in ms; 0 for no limit. */
  readonly harakiri: number;
  /** The path of the file where a worker says what it is doing; another one for each process. */
  scoreboard(id: number, spawn: number): string;
  /** Removes the file of a process that is gone. */
  removeScoreboard(id: number, spawn: number): void;
  /** Asks a new worker a first question. @throws {Error} whose message says how it failed */
  probe(node: WorkerNode): Promise<void>;
  /** `nodes` is another one: resolves when every router knows. */
  moved(): Promise<void>;
}

/** Workers that run a fetch handler: processes of ours, each with its own socket. */
export class FetchWorkers implements Workers, WorkerSlotOwner {
  readonly log: Log;
  readonly #runtime: Runtime;
  readonly #options: FetchWorkersOptions;
  #slots: readonly WorkerSlot[] = [];
  #nodes: readonly WorkerNode[] = [];
  #harakiri: { stop(): void } | null = null;
  /** Somebody waits: who loads may take so many ms; null while nobody does. */
  #hurry: number | null = null;
  #hurried: () => void = () => {};
  #isDestroyed = false;

  constructor(runtime: Runtime, log: Log, options: FetchWorkersOptions) {
    this.#runtime = runtime;
    this.log = log;
    this.#options = options;
  }

  get nodes(): readonly WorkerNode[] {
    return this.#nodes;
  }

  get hasSharedSockets(): boolean {
    return this.#options.sharedSockets.length > 0;
  }

  get mercy(): number {
    return this.#options.mercy;
  }

  async start(): Promise<void> {
    const ids = Array.from({ length: this.#options.processes }, (_, index) => index + 1);
    // At the same time: on some runtimes binding takes a while.
    const bound = await Promise.all(ids.map((id) => this.#options.bind(id)));
    const slots = bound.map(({ socket, path }, index) => new WorkerSlot(this, ids[index]!, socket, path));
    this.#slots = slots;
    try {
      // Binding took its time, and what is ended starts nothing.
      if (this.#isDestroyed) throw new Error('the workers were ended before they were started');
      await Promise.all(slots.map(({ life }) => life.start()));
      for (const { node } of slots) if (node !== null) await this.#options.probe(node);
    } catch (error) {
      this.destroy();
      throw error;
    }
    this.#collect();
    if (this.#options.harakiri > 0) this.#watchHarakiri();
  }

  async chain(): Promise<void> {
    const hurried = new Promise<void>((resolve) => {
      this.#hurried = resolve;
    });
    this.#hurry = null;
    for (const slot of this.#slots) {
      const replaced = slot.life.replace();
      if (this.#hurry !== null) slot.life.hurry(this.#hurry);
      await replaced;
      // Where memory is short the one before shall be gone, unless somebody waits.
      await Promise.race([slot.settled(), hurried]);
    }
  }

  hurry(ms: number): void {
    this.#hurry = ms;
    this.#hurried();
    for (const { life } of this.#slots) life.hurry(ms);
  }

  async drain(patience: number, limit?: number): Promise<void> {
    await settled();
    await Promise.all(this.#slots.map((slot) => slot.drain(patience, limit)));
    this.#harakiri?.stop();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#harakiri?.stop();
    for (const slot of this.#slots) slot.destroy();
  }

  async status(): Promise<readonly WorkerStatus[]> {
    return Promise.all(
      this.#slots.map(async ({ id, life: { current } }) => {
        const status = current?.isReady ? await current.status() : null;
        const state = current === null ? 'dead' : !current.isReady ? 'starting' : status === null ? 'silent' : 'ready';
        return { id, pid: current?.pid ?? 0, state, requests: status?.requests ?? 0, running: status?.running ?? 0, request: null, since: null };
      }),
    );
  }

  // From the slots

  spawnWorker({ id, socket }: WorkerSlot, spawn: number, events: ChildEvents): Child {
    const { settings, app, topics, sharedSockets, surroundings, harakiri, scoreboard } = this.#options;
    const sockets = [...sharedSockets, socket];
    const parts = { runtime: this.#runtime, hub: topics.hub, topics: WORKER_TOPICS, sockets, surroundings: surroundings() };
    const board = harakiri === 0 ? null : scoreboard(id, spawn);
    return new Child(parts, { kind: 'start', role: 'worker', id, plan: 0, settings, app, scoreboard: board }, events);
  }

  workerGone({ id }: WorkerSlot, spawn: number): void {
    if (this.#options.harakiri > 0) this.#options.removeScoreboard(id, spawn);
  }

  async moved(): Promise<void> {
    this.#collect();
    await this.#options.moved();
  }

  /** A worker whose event loop is free ends such a request by itself; this is for those that are stuck. */
  #watchHarakiri(): void {
    const now = (): number => performance.now();
    this.#harakiri = new HarakiriWatch(
      now,
      this.#options.harakiri,
      () => this.#watched(),
      ({ id, pid, child }, requests) => {
        for (const { request, age } of requests)
          this.log.event('error', 'harakiri', 'a worker is killed: it is stuck in a request', { worker: id, pid, request, ms: Math.round(age) });
        child.destroy();
      },
    );
  }

  *#watched() {
    for (const { id, life } of this.#slots)
      for (const { spawn, child } of life.residents) yield { id, pid: child.pid, scoreboardPath: this.#options.scoreboard(id, spawn), child };
  }

  #collect(): void {
    this.#nodes = this.#slots.map(({ node }) => node).filter((node) => node !== null);
  }
}
