import type { Log } from '../log/log.ts';
import type { BoundSocket, Runtime } from '../runtime/seam.ts';
import type { ChildSurroundings } from './child.ts';
import { HarakiriWatch } from './harakiri.ts';
import type { AppPlace, SettingMessage, StartOrder, WorkerNode } from './messages.ts';
import { type SlotOwner, WorkerSlot } from './worker-slot.ts';
import { settled, type WorkerStatus, type Workers } from './workers.ts';

export interface FetchWorkersOptions {
  readonly processes: number;
  readonly settings: readonly SettingMessage[];
  readonly app: AppPlace;
  readonly surroundings: ChildSurroundings;
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
  /** Asks a new worker a first question. @throws {Error} whose message says how it failed */
  probe(node: WorkerNode): Promise<void>;
  /** `nodes` is another one: resolves when every router knows. */
  moved(): Promise<void>;
  isPaused(): boolean;
}

/** Workers that run a fetch handler: processes of ours, each with its own socket. */
export class FetchWorkers implements Workers, SlotOwner {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly #options: FetchWorkersOptions;
  #slots: readonly WorkerSlot[] = [];
  #nodes: readonly WorkerNode[] = [];
  #harakiri: { stop(): void } | null = null;

  constructor(runtime: Runtime, log: Log, options: FetchWorkersOptions) {
    this.runtime = runtime;
    this.log = log;
    this.#options = options;
  }

  get nodes(): readonly WorkerNode[] {
    return this.#nodes;
  }

  get sharedSockets(): readonly BoundSocket[] {
    return this.#options.sharedSockets;
  }

  get surroundings(): ChildSurroundings {
    return this.#options.surroundings;
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
      await Promise.all(slots.map((slot) => slot.start()));
      for (const { node } of slots) if (node !== null) await this.#options.probe(node);
    } catch (error) {
      this.destroy();
      throw error;
    }
    this.#collect();
    if (this.#options.harakiri > 0) this.#watchHarakiri();
  }

  async chain(): Promise<void> {
    for (const slot of this.#slots) await slot.replace();
  }

  pause(isPaused: boolean): void {
    for (const { current } of this.#slots) current?.send({ kind: 'pause', isPaused });
  }

  async drain(patience: number, limit?: number): Promise<void> {
    await settled();
    await Promise.all(this.#slots.map((slot) => slot.drain(patience, limit)));
    this.#harakiri?.stop();
  }

  destroy(): void {
    this.#harakiri?.stop();
    for (const slot of this.#slots) slot.destroy();
  }

  async status(): Promise<readonly WorkerStatus[]> {
    return Promise.all(
      this.#slots.map(async ({ id, current }) => {
        const status = current === null ? null : await current.status();
        const state = current === null ? 'dead' : status === null ? 'silent' : current.isReady ? 'ready' : 'starting';
        const busy = status === null || status.running === 0 ? null : `${status.running} requests`;
        return { id, pid: current?.pid ?? 0, state, requests: status?.requests ?? 0, busy };
      }),
    );
  }

  // From the slots

  order(slot: WorkerSlot): StartOrder {
    const { id } = slot;
    const { settings, app, isPaused } = this.#options;
    return { kind: 'start', role: 'worker', id, settings, app, nodes: [], scoreboard: this.#scoreboard(slot), isPaused: isPaused() };
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
        child.kill();
      },
    );
  }

  *#watched() {
    for (const slot of this.#slots) {
      const { id, spawn, current } = slot;
      if (current !== null && !current.hasEnded) yield { id, pid: current.pid, scoreboardPath: this.#options.scoreboard(id, spawn), child: current };
    }
  }

  #scoreboard({ id, spawn }: WorkerSlot): string | null {
    return this.#options.harakiri === 0 ? null : this.#options.scoreboard(id, spawn);
  }

  #collect(): void {
    this.#nodes = this.#slots.map(({ node }) => node).filter((node) => node !== null);
  }
}
