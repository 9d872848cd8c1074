import type { Details } from '../log/log.ts';
import type { Child, ChildEvents } from './child.ts';
import type { Report, Role } from './messages.ts';
import { RespawnDelay } from './respawn.ts';
import type { SlotLog } from './slot-log.ts';
import { EMPTY, type SlotEffect, type SlotEvent, type SlotState, step } from './slot-state.ts';

/** Who loads for longer is told of, in ms. */
const SLOW_MS = 5_000;

/** What a slot needs of those it belongs to. */
export interface SlotOwner {
  readonly role: Role;
  readonly slotLog: SlotLog;
  /** What the first process may take to get ready, and those after it, in ms; infinite for no limit. */
  readonly limits: { readonly first: number; readonly later: number };
  /** Starts a process. `spawn` counts those of this slot. */
  spawn(slot: Slot, spawn: number, events: ChildEvents): Child;
  /** It is ready: the last step before it counts. Rejects when it cannot be of use. */
  admit(child: Child): Promise<void>;
  /** `from` makes room for `to`: resolves when nothing more comes to it. It may need longer to end. */
  handOver(slot: Slot, from: Child): Promise<void>;
  /** Another process has the slot, or none. */
  moved(slot: Slot): void;
  /** What it tells of its own accord. */
  told(slot: Slot, child: Child, report: Report): void;
  /** A process is gone for good. */
  gone(slot: Slot, spawn: number): void;
}

interface Asker {
  readonly granted: () => void;
  readonly refused: (problem: Error) => void;
}

/** A process of the slot that has not ended. */
interface Resident {
  readonly child: Child;
  readonly since: number;
  /** What it may take to get ready. */
  readonly timers: ReturnType<typeof setTimeout>[];
}

/** One slot in the tree and the processes in it: obeys the table of `slot-state.ts`. */
export class Slot {
  readonly id: number;
  readonly #owner: SlotOwner;
  readonly #delay = new RespawnDelay(() => performance.now());
  /** Of replacements, which harm nobody when they fail. */
  readonly #retries = new RespawnDelay(() => performance.now());
  readonly #residents = new Map<number, Resident>();
  #state: SlotState = EMPTY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** ms of the last timer. */
  #pause = 0;
  #handing: Promise<void> = Promise.resolve();
  #granted: Asker[] = [];
  #waiting: Asker[] = [];
  /** Told when somebody serves, or nobody will. */
  readonly #whenServed: (() => void)[] = [];
  /** Why the last one was gone, for those whose wish it was. */
  #problem = new Error('it ends');

  constructor(owner: SlotOwner, id: number) {
    this.#owner = owner;
    this.id = id;
  }

  get state(): SlotState {
    return this.#state;
  }

  /** The process that has the slot; null while there is none. */
  get current(): Child | null {
    const { current } = this.#state;
    return current === null ? null : (this.#residents.get(current)?.child ?? null);
  }

  /** All that live, those that are about to leave included. */
  get children(): readonly Child[] {
    return [...this.#residents.values()].map(({ child }) => child);
  }

  /** The same with the number of each. */
  get residents(): readonly { readonly spawn: number; readonly child: Child }[] {
    return [...this.#residents].map(([spawn, { child }]) => ({ spawn, child }));
  }

  /** Resolves when the first process serves. @throws {Error} whose message says why it cannot */
  start(): Promise<void> {
    const started = this.#asked(this.#waiting);
    this.#on({ kind: 'start' });
    return started;
  }

  /** Resolves when a process that was started after this call has the slot. @throws {Error} when that one cannot get ready */
  replace(): Promise<void> {
    const replaced = this.#asked(this.#waiting);
    this.#on({ kind: 'wish' });
    return replaced;
  }

  /** The process has done its part: another one is to take its place. */
  spent(child: Child, reason: string): void {
    const { current, phase } = this.#state;
    if (current === null || this.current !== child || phase === 'ended') return;
    this.#owner.slotLog.retires(reason, this.#details(child));
    this.#on({ kind: 'spent', spawn: current });
  }

  /** Somebody waits: what loads for more than `ms` is given up. */
  hurry(ms: number): void {
    const { phase, current, next } = this.#state;
    const spawn = phase === 'replacing' ? next : phase === 'respawning' || phase === 'starting' ? current : null;
    const resident = spawn === null ? undefined : this.#residents.get(spawn);
    if (resident === undefined) return;
    const late = (): void => this.#left(spawn!, 'it was given up: another reload waits');
    resident.timers.push(setTimeout(late, Math.max(0, ms - (performance.now() - resident.since))));
  }

  /**
   * Starts nothing more. Who serves is ended by `end`, who loads at once; resolves when all are gone.
   * @param wait for so many ms a process that loads, where none serves, may still get ready: what waits in its queue has nobody else
   */
  async drain(end: (child: Child) => Promise<void>, wait = 0): Promise<void> {
    if (wait > 0) await this.#served(wait);
    this.#on({ kind: 'end' });
    await Promise.all(this.children.map((child) => (child.isReady ? end(child) : destroyed(child))));
  }

  destroy(): void {
    this.#on({ kind: 'end' });
    for (const child of this.children) child.destroy();
  }

  /** Resolves when somebody serves, nobody will, or `ms` are over. */
  #served(ms: number): Promise<void> {
    if (!this.#isVacant) return Promise.resolve();
    return new Promise((resolve) => {
      const served = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(served, ms);
      this.#whenServed.push(served);
    });
  }

  get #isVacant(): boolean {
    return this.#state.phase === 'respawning' || this.#state.phase === 'resting';
  }

  #asked(askers: Asker[]): Promise<void> {
    return new Promise((granted, refused) => askers.push({ granted, refused }));
  }

  #on(event: SlotEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event);
    this.#state = state;
    for (const effect of effects) this.#obey(effect);
    if (!this.#isVacant) for (const tell of this.#whenServed.splice(0)) tell();
    const hasMoved = state.current !== before.current || state.isShaky !== before.isShaky;
    if (hasMoved && !effects.some((effect) => effect.do === 'hand-over')) this.#owner.moved(this);
  }

  #obey(effect: SlotEffect): void {
    switch (effect.do) {
      case 'spawn':
        return this.#spawn(effect.spawn);
      case 'kill':
        return void this.#residents.get(effect.spawn)?.child.destroy();
      case 'hand-over': {
        const from = this.#residents.get(effect.from);
        if (from !== undefined) this.#handing = this.#owner.handOver(this, from.child);
        return;
      }
      case 'set-timer':
        this.#clearTimer();
        this.#pause = effect.ms;
        this.#timer = setTimeout(() => this.#on({ kind: 'timer' }), effect.ms);
        return;
      case 'clear-timer':
        return this.#clearTimer();
      case 'promote':
        this.#granted.push(...this.#waiting.splice(0));
        return;
      case 'grant': {
        const askers = this.#granted.splice(0);
        return void this.#handing.then(() => {
          for (const { granted } of askers) granted();
        });
      }
      case 'refuse':
        return this.#refuse(this.#granted);
      case 'refuse-all':
        this.#refuse(this.#granted);
        return this.#refuse(this.#waiting);
    }
  }

  #spawn(spawn: number): void {
    const isFirst = this.#state.phase === 'starting';
    const { limits, slotLog } = this.#owner;
    let child: Child;
    try {
      child = this.#owner.spawn(this, spawn, {
        told: (from, report) => this.#owner.told(this, from, report),
        ended: (_, reason) => {
          this.#left(spawn, reason);
          this.#residents.delete(spawn);
          this.#owner.gone(this, spawn);
        },
      });
    } catch (error) {
      // Later: one event at a time.
      return queueMicrotask(() => this.#left(spawn, (error as Error).message, error as Error));
    }
    const resident: Resident = { child, since: performance.now(), timers: [] };
    this.#residents.set(spawn, resident);
    const limit = isFirst ? limits.first : limits.later;
    if (Number.isFinite(limit)) resident.timers.push(setTimeout(() => this.#left(spawn, `it was not ready after ${limit / 1000} s`), limit));
    resident.timers.push(setTimeout(() => slotLog.slow({ ...this.#details(child), seconds: SLOW_MS / 1000 }), SLOW_MS));
    child.ready
      .then(() => this.#owner.admit(child))
      .then(
        () => this.#ready(spawn, resident),
        (error) => this.#left(spawn, (error as Error).message, error as Error),
      );
  }

  #ready(spawn: number, { child, timers }: Resident): void {
    for (const timer of timers.splice(0)) clearTimeout(timer);
    const { phase, current, next } = this.#state;
    if (child.hasEnded || (spawn !== current && spawn !== next)) return;
    const { slotLog } = this.#owner;
    this.#delay.started();
    this.#retries.started();
    if (phase === 'respawning') slotLog.started(this.#details(child));
    if (phase === 'replacing') slotLog.replaced(this.#details(child));
    this.#on({ kind: 'ready', spawn });
  }

  /** It ended, or is of no use. Told once for each process that counts. */
  #left(spawn: number, reason: string, problem = new Error(`${this.#owner.role} ${this.id}: ${reason}`)): void {
    const { phase, current, next } = this.#state;
    const resident = this.#residents.get(spawn);
    for (const timer of resident?.timers.splice(0) ?? []) clearTimeout(timer);
    if (phase === 'ended' || (spawn !== current && spawn !== next)) return;
    const { slotLog } = this.#owner;
    const wait = spawn === next ? this.#retries.ended() : this.#delay.ended();
    this.#problem = problem;
    const details = this.#details(resident?.child);
    this.#on({ kind: 'gone', spawn, wait });
    const now: SlotState = this.#state;
    if (phase === 'starting') return;
    const again = { 'again-in-ms': now.phase === 'resting' || now.phase === 'retrying' ? this.#pause : spawn === next ? undefined : 0 };
    if (spawn === next || phase === 'respawning') slotLog.failed(problem.message, { ...details, ...again });
    else slotLog.died({ ...details, reason, ...again });
  }

  #details(child: Child | undefined): Details {
    return { [this.#owner.role]: this.id, pid: child?.pid };
  }

  #refuse(askers: Asker[]): void {
    for (const { refused } of askers.splice(0)) refused(this.#problem);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function destroyed(child: Child): Promise<void> {
  child.destroy();
  return child.gone;
}
