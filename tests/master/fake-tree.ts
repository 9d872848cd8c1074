/** A master with its routers and workers, on children that are objects of this process and do what the test says, in a time that stands still. */

import assert from 'node:assert/strict';
import { Log } from '../../src/log/log.ts';
import { FetchWorkers } from '../../src/master/fetch-workers.ts';
import { MarkStore } from '../../src/master/mark-store.ts';
import { Master, type Plan } from '../../src/master/master.ts';
import type { NodeMark, Order, Report, StartOrder, WorkerNode } from '../../src/master/messages.ts';
import { RouterProcesses } from '../../src/master/router-processes.ts';
import { TopicReader, whole } from '../../src/master/topic-reader.ts';
import { makeTopics } from '../../src/master/topics.ts';
import type { SpawnOptions } from '../../src/runtime/seam/processes.ts';
import type { BoundSocket } from '../../src/runtime/seam/sockets.ts';
import type { Runtime } from '../../src/runtime/seam.ts';
import { FakeTime } from '../support/fake-time.ts';

/** What a process of ours does, without a process. */
export class FakeChild {
  readonly pid: number;
  readonly start: StartOrder;
  state: 'boots' | 'ready' | 'leaving' | 'gone' = 'boots';
  /** It is stopped: messages wait. */
  isHung = false;
  /** The next thing it prepares cannot be used. */
  isPicky = false;
  isPaused = false;
  isSpent = false;
  plan: number;
  settings: StartOrder['settings'];
  nodes: readonly WorkerNode[] = [];
  readonly marks = new Map<string, NodeMark>();
  readonly #options: SpawnOptions;
  readonly #prepared = new Map<number, StartOrder['settings']>();
  readonly #queue: Order[] = [];
  readonly #store: MarkStore;
  readonly #topics: TopicReader;

  constructor(pid: number, start: StartOrder, options: SpawnOptions) {
    this.pid = pid;
    this.start = start;
    this.plan = start.plan;
    this.settings = start.settings;
    this.#options = options;
    this.#store = new MarkStore(start.plan, (mark) => this.#mark(mark));
    this.#topics = new TopicReader({
      pause: whole((isPaused) => {
        this.isPaused = isPaused as boolean;
      }),
      workers: whole((nodes) => {
        this.nodes = nodes as readonly WorkerNode[];
      }),
      marks: { state: (state) => this.#store.state(state as never), change: (change) => this.#store.change(change as never) },
    });
    this.#topics.start(start.topics);
  }

  /** How many plans it has built and does not use. */
  get prepared(): number {
    return this.#prepared.size;
  }

  get lives(): boolean {
    return this.state !== 'gone';
  }

  boot(): void {
    if (this.state !== 'boots' || this.isHung) return;
    this.state = 'ready';
    this.#tell({ kind: 'ready' });
  }

  fail(): void {
    if (this.state !== 'boots' || this.isHung) return;
    this.#tell({ kind: 'failed', message: 'it does not load', hint: null });
    this.die('exit');
  }

  retire(): void {
    if (this.state !== 'ready' || this.isHung || this.start.role === 'router' || this.isSpent) return;
    this.isSpent = true;
    this.#tell({ kind: 'retire', reason: 'it has done its part' });
  }

  /** What it had in flight is done. */
  finish(): void {
    if (this.state === 'leaving' && !this.isHung) this.die('exit');
  }

  die(how: 'exit' | 'SIGKILL'): void {
    if (!this.lives) return;
    this.state = 'gone';
    queueMicrotask(() => this.#options.exit(this as never, how === 'exit' ? 0 : null, how === 'exit' ? null : how));
  }

  sees(mark: NodeMark): void {
    if (this.state !== 'ready' || this.isHung || this.start.role === 'worker') return;
    this.#mark(mark);
    this.#store.noted(mark);
    this.#tell({ kind: 'mark', plan: this.plan, mark });
  }

  resume(): void {
    this.isHung = false;
    this.#work();
  }

  // What the master does

  send(order: Order): boolean {
    if (!this.lives) return false;
    assert.notEqual(this.state, 'boots', `${this.start.role} ${this.start.id} is told ${order.kind} before it listens`);
    this.#queue.push(order);
    queueMicrotask(() => this.#work());
    return true;
  }

  kill(): void {
    this.die('SIGKILL');
  }

  #work(): void {
    while (!this.isHung && this.lives && this.#queue.length > 0) this.#obey(this.#queue.shift()!);
  }

  #obey(order: Order): void {
    switch (order.kind) {
      case 'topic':
        this.#topics.told(order);
        return this.#tell({ kind: 'heard', seq: order.seq });
      case 'prepare': {
        const problem = this.isPicky ? 'it is picky' : null;
        this.isPicky = false;
        if (problem === null) this.#prepared.set(order.plan, order.settings);
        return this.#tell({ kind: 'done', ticket: order.ticket, problem });
      }
      case 'commit': {
        const settings = this.#prepared.get(order.plan);
        assert.ok(settings !== undefined || this.plan === order.plan, `plan ${order.plan} was prepared`);
        if (settings !== undefined) {
          this.#prepared.delete(order.plan);
          this.plan = order.plan;
          this.settings = settings;
          for (const other of [...this.#prepared.keys()]) if (other < order.plan) this.#prepared.delete(other);
          this.#store.begin(order.plan);
          this.marks.clear();
        }
        return this.#tell({ kind: 'done', ticket: order.ticket, problem: null });
      }
      case 'abandon':
        this.#prepared.delete(order.plan);
        return;
      case 'stop-accepting':
        return this.#tell({ kind: 'done', ticket: order.ticket, problem: null });
      case 'drain':
        this.state = 'leaving';
    }
  }

  #mark(mark: NodeMark): void {
    if (mark.mark === 'alive' || mark.mark === 'up') this.marks.delete(`${mark.cause} ${mark.node}`);
    else this.marks.set(`${mark.cause} ${mark.node}`, mark);
  }

  #tell(report: Report): void {
    queueMicrotask(() => this.#options.message?.(this as never, report));
  }
}

export class FakeTree implements Disposable {
  readonly children: FakeChild[] = [];
  readonly topics = makeTopics();
  readonly lines: string[] = [];
  readonly master: Master;
  readonly started: Promise<void>;
  readonly sockets = new Set<BoundSocket>();
  /** What the next reading of the config gives; null for one with errors. */
  version = 1;
  isConfigGood = true;
  readonly #time = new FakeTime();
  readonly #now = performance.now;
  readonly #sizes: { readonly routers: number; readonly workers: number };
  #pid = 0;
  #made = 0;

  constructor(sizes: { readonly routers: number; readonly workers: number }) {
    this.#sizes = sizes;
    performance.now = () => this.#time.now;
    const log = new Log((text) => this.lines.push(text.trimEnd()), 'info');
    const runtime = {
      spawnSelf: (_args: readonly string[], options: SpawnOptions) => {
        let child: FakeChild | null = null;
        const pid = ++this.#pid;
        return {
          pid,
          send: (order: Order): boolean => {
            if (child !== null) return child.send(order);
            child = new FakeChild(pid, order as StartOrder, options);
            this.children.push(child);
            return true;
          },
          kill: () => child?.kill(),
        };
      },
    } as unknown as Runtime;
    const routers = new RouterProcesses(runtime, log, { topics: this.topics, count: sizes.routers, sockets: [], directory: () => '/' });
    const reread = async (): Promise<Plan | null> => (this.isConfigGood ? this.#plan(runtime, log) : null);
    this.master = new Master({ log, topics: this.topics, routers, version: 'fake', reread });
    this.started = this.master.start(this.#plan(runtime, log));
    this.started.catch(() => {});
  }

  of(role: 'router' | 'worker'): FakeChild[] {
    return this.children.filter((child) => child.lives && child.start.role === role);
  }

  count(pattern: RegExp): number {
    return this.lines.filter((line) => pattern.test(line)).length;
  }

  /** Lets all promises run that can. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await null;
  }

  async pass(ms: number, step = 500): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.#time.advance(Math.min(step, left));
      await this.settle();
    }
  }

  /** Grows with whatever happens. */
  get #events(): number {
    return this.lines.length + this.children.length + this.children.filter(({ lives }) => !lives).length;
  }

  /** Everybody does well from now on, until nothing happens any more. */
  async rest(): Promise<void> {
    for (let calm = 0; calm < 2; calm++) {
      const before = this.#events;
      for (const child of this.children.filter(({ lives }) => lives)) {
        child.isPicky = false;
        child.resume();
      }
      await this.settle();
      for (const child of this.children.filter(({ lives }) => lives)) {
        child.boot();
        child.finish();
      }
      await this.settle();
      await this.pass(11_000, 1_000);
      if (this.#events !== before) calm = -1;
    }
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
    this.#time[Symbol.dispose]();
  }

  #plan(runtime: Runtime, log: Log): Plan {
    const settings = [{ version: ++this.version }];
    return {
      config: null,
      settings,
      app: { kind: 'fetch', path: '/app.ts', name: null },
      reloadMercy: 5_000,
      makeWorkers: async (moved) => {
        const made = ++this.#made;
        return new FetchWorkers(runtime, log, {
          processes: this.#sizes.workers,
          settings,
          app: { kind: 'fetch', path: '/app.ts', name: null },
          topics: this.topics,
          surroundings: () => ({}),
          mercy: 10_000,
          sharedSockets: [],
          harakiri: 0,
          bind: async (id) => this.#bind(`/worker-${made}-${id}`),
          scoreboard: () => '',
          removeScoreboard: () => {},
          probe: async () => {},
          moved,
        });
      },
    };
  }

  async #bind(path: string): Promise<{ readonly socket: BoundSocket; readonly path: string }> {
    const socket: BoundSocket = { address: { kind: 'unix', path, abstract: false }, close: () => void this.sockets.delete(socket) };
    this.sockets.add(socket);
    return { socket, path };
  }
}
