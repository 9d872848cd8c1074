import type { Log } from '../log/log.ts';
import type { BoundSocket, Runtime } from '../runtime/seam.ts';
import { Child, type ChildSurroundings } from './child.ts';
import type { Report, StartOrder, WorkerNode } from './messages.ts';
import { RespawnDelay } from './respawn.ts';

/** An idle client may have sent its next request when its server is about to end: so long it has, where another one takes over, in ms. */
export const PATIENCE_MS = 1_000;

/** So long a request may be on its way on a connection that was just made, in ms. */
const ON_ITS_WAY_MS = 300;

/** What a slot needs of the workers it belongs to. */
export interface SlotOwner {
  readonly runtime: Runtime;
  readonly log: Log;
  /** What the worker in this slot is told at its start. */
  order(slot: WorkerSlot): StartOrder;
  /** The sockets that all workers share, before the one of the slot. */
  readonly sharedSockets: readonly BoundSocket[];
  readonly surroundings: ChildSurroundings;
  /** `worker-reload-mercy`, in ms. */
  readonly mercy: number;
  /** The slot has another process, or none: resolves when every router knows. */
  moved(): Promise<void>;
}

/** The place of one worker: a socket that stays, and the process that serves it, which may die, retire, and be replaced. */
export class WorkerSlot {
  readonly id: number;
  readonly socket: BoundSocket;
  readonly path: string;
  current: Child | null = null;
  /** Counts the processes that this place has had. */
  spawn = 0;
  /** It crashed too often to be trusted with requests at once. */
  #isResting = false;
  #isEnding = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #replacing: Promise<void> | null = null;
  readonly #owner: SlotOwner;
  readonly #delay = new RespawnDelay(() => performance.now());

  constructor(owner: SlotOwner, id: number, socket: BoundSocket, path: string) {
    this.#owner = owner;
    this.id = id;
    this.socket = socket;
    this.path = path;
  }

  /** Null while nobody should send anything here. What came before waits in the socket's queue. */
  get node(): WorkerNode | null {
    return this.#isResting ? null : { kind: 'worker', path: this.path, spawn: this.spawn };
  }

  /** @throws {Error} when the worker cannot do its work */
  async start(): Promise<void> {
    const child = this.#start();
    this.current = child;
    await child.ready;
    this.#delay.started();
  }

  /** A fresh process takes the place of the one there is, which finishes what it has. At most one such change at a time. */
  replace(): Promise<void> {
    this.#replacing ??= this.#replace().finally(() => {
      this.#replacing = null;
    });
    return this.#replacing;
  }

  async drain(patience: number, limit = Number.POSITIVE_INFINITY): Promise<void> {
    this.#end();
    await this.current?.drain(Math.min(limit, this.#owner.mercy), this.#patience(patience));
    this.socket.close();
  }

  destroy(): void {
    this.#end();
    this.current?.destroy();
    this.socket.close();
  }

  /** Clients need all of it. Routers that were told to forget this process have at most a first request on its way. */
  #patience(ms: number): number {
    return this.#owner.sharedSockets.length > 0 ? ms : Math.min(ms, ON_ITS_WAY_MS);
  }

  #end(): void {
    this.#isEnding = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #start(): Child {
    const { runtime, sharedSockets, surroundings } = this.#owner;
    this.spawn++;
    const events = {
      told: (from: Child, report: Report) => this.#told(from, report),
      ended: (ended: Child, reason: string) => this.#ended(ended, reason),
    };
    return new Child(runtime, this.#owner.order(this), [...sharedSockets, this.socket], events, surroundings);
  }

  async #replace(): Promise<void> {
    const old = this.current;
    const next = this.#start();
    try {
      await next.ready;
    } catch (error) {
      if (!this.#isEnding) this.#owner.log.event('error', 'worker-failed', (error as Error).message, { worker: this.id });
      next.destroy();
      throw error;
    }
    if (this.#isEnding) return next.destroy();
    this.#delay.started();
    this.current = next;
    this.#owner.log.event('info', 'worker-replaced', 'a fresh worker took the place of another', { worker: this.id, pid: next.pid });
    // First it takes no more connections, then routers forget those they keep, then it may end: no request meets a closing one.
    await old?.ask({ kind: 'stop-accepting' });
    await this.#owner.moved();
    await old?.drain(this.#owner.mercy, this.#patience(PATIENCE_MS));
  }

  #told(child: Child, report: Report): void {
    if (report.kind !== 'retire' || child !== this.current || this.#isEnding) return;
    this.#owner.log.event('info', 'worker-retires', report.reason, { worker: this.id, pid: child.pid });
    this.replace().catch(() => {});
  }

  #ended(child: Child, reason: string): void {
    if (child !== this.current || this.#isEnding || child.isEnding) return;
    this.current = null;
    // At the first start whoever waits for `ready` decides.
    if (!child.isReady && this.spawn === 1) return;
    const wait = this.#delay.ended();
    this.#owner.log.event('error', 'worker-died', child.isReady ? 'a worker died' : 'a worker could not start', {
      worker: this.id,
      pid: child.pid,
      reason,
      'again-in-ms': wait,
    });
    this.#isResting = wait > 0;
    void this.#owner.moved();
    if (wait === 0) this.#respawn();
    else this.#timer = setTimeout(() => this.#respawn(), wait);
  }

  #respawn(): void {
    if (this.#isEnding) return;
    const child = this.#start();
    this.current = child;
    void this.#owner.moved();
    child.ready.then(
      () => {
        this.#delay.started();
        this.#isResting = false;
        this.#owner.log.event('info', 'worker-started', 'a worker is there again', { worker: this.id, pid: child.pid });
        void this.#owner.moved();
      },
      (error) => {
        if (!this.#isEnding) this.#owner.log.event('error', 'worker-failed', (error as Error).message, { worker: this.id });
      },
    );
  }
}
