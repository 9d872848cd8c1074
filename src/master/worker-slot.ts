import type { Log } from '../log/log.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Child, ChildEvents } from './child.ts';
import type { Report, WorkerNode } from './messages.ts';
import { Slot, type SlotOwner } from './slot.ts';
import { type SlotLog, workerLog } from './slot-log.ts';

/** An idle client may have sent its next request when its server is about to end: so long it has, where another one takes over, in ms. */
export const PATIENCE_MS = 1_000;

/** So long a request may be on its way on a connection that was just made, in ms. */
const ON_ITS_WAY_MS = 300;
/** A worker that was to take another's place and is not ready after this time is given up, in ms: apps may take minutes to load. */
export const START_LIMIT_MS = 300_000;

/** What a slot needs of the workers it belongs to. */
export interface WorkerSlotOwner {
  readonly log: Log;
  /** Starts a worker on the sockets that all workers share and the one of the slot. */
  spawnWorker(slot: WorkerSlot, spawn: number, events: ChildEvents): Child;
  /** A process of the slot is gone for good. */
  workerGone(slot: WorkerSlot, spawn: number): void;
  /** Clients come to workers without a router. */
  readonly hasSharedSockets: boolean;
  /** `worker-reload-mercy`, in ms. */
  readonly mercy: number;
  /** The slot has another process, or none: resolves when every router knows. */
  moved(): Promise<void>;
}

/** The slot of one worker: a socket that stays, and the process that serves it, which may die, retire, and be replaced. */
export class WorkerSlot implements SlotOwner {
  readonly id: number;
  readonly socket: BoundSocket;
  readonly path: string;
  readonly role = 'worker';
  /** At the first start whoever waits for it decides. */
  readonly limits = { first: Number.POSITIVE_INFINITY, later: START_LIMIT_MS };
  readonly life: Slot;
  readonly slotLog: SlotLog;
  readonly #owner: WorkerSlotOwner;
  #leaving: Promise<unknown> = Promise.resolve();

  constructor(owner: WorkerSlotOwner, id: number, socket: BoundSocket, path: string) {
    this.#owner = owner;
    this.slotLog = workerLog(owner.log);
    this.id = id;
    this.socket = socket;
    this.path = path;
    this.life = new Slot(this, id);
  }

  /** Null while nobody should send anything here. What came before waits in the socket's queue. */
  get node(): WorkerNode | null {
    const { phase, current, spawn, isShaky } = this.life.state;
    return isShaky || phase === 'resting' ? null : { kind: 'worker', path: this.path, spawn: current ?? spawn };
  }

  /** Resolves when those that others took the place of are gone. */
  async settled(): Promise<void> {
    await this.#leaving;
  }

  /** Asked again with a shorter `limit` it ends sooner. Without one nobody waits for it, and a process that loads may serve what came before. */
  async drain(patience: number, limit = Number.POSITIVE_INFINITY): Promise<void> {
    const { mercy } = this.#owner;
    const wait = limit === Number.POSITIVE_INFINITY ? mercy : 0;
    await this.life.drain((child) => child.drain(Math.min(limit, mercy), this.#patience(patience)), wait);
    this.socket.close();
  }

  destroy(): void {
    this.life.destroy();
    this.socket.close();
  }

  // From the slot

  spawn(_slot: Slot, spawn: number, events: ChildEvents): Child {
    return this.#owner.spawnWorker(this, spawn, events);
  }

  async admit(child: Child): Promise<void> {
    child.listens();
  }

  /** First it takes no more connections, then routers forget those they keep, then it may end: no request meets a closing one. */
  async handOver(_slot: Slot, from: Child): Promise<void> {
    await from.ask({ kind: 'stop-accepting' });
    await this.#owner.moved();
    this.#leaving = Promise.all([this.#leaving, from.drain(this.#owner.mercy, this.#patience(PATIENCE_MS))]);
  }

  moved(): void {
    void this.#owner.moved();
  }

  told(slot: Slot, child: Child, report: Report): void {
    if (report.kind === 'retire') slot.spent(child, report.reason);
  }

  gone(_slot: Slot, spawn: number): void {
    this.#owner.workerGone(this, spawn);
  }

  /** Clients need all of it. Routers that were told to forget this process have at most a first request on its way. */
  #patience(ms: number): number {
    return this.#owner.hasSharedSockets ? ms : Math.min(ms, ON_ITS_WAY_MS);
  }
}
