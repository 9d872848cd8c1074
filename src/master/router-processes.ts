import type { Log } from '../log/log.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import { Child, type ChildEvents } from './child.ts';
import type { Report } from './messages.ts';
import type { RouterPlan, RouterStatus, Routers } from './routers.ts';
import { Slot, type SlotOwner } from './slot.ts';
import { routerLog, type SlotLog } from './slot-log.ts';
import { ROUTER_TOPICS, type Topics } from './topics.ts';

/** A router that takes longer than this to start does not start at all, in ms: it loads no app. */
const START_LIMIT_MS = 60_000;

export interface RouterProcessesOptions {
  readonly topics: Topics;
  /** How many. */
  readonly count: number;
  /** Where clients come in, in the order of the config. */
  readonly sockets: readonly BoundSocket[];
  /** Where they are started: a directory that is there. */
  directory(): string;
}

/** A plan with its number. */
interface NumberedPlan extends RouterPlan {
  readonly number: number;
}

/** Router processes on sockets that the master bound. One that dies is replaced; none is ever restarted for a reload. */
export class RouterProcesses implements Routers, SlotOwner {
  readonly slotLog: SlotLog;
  readonly role = 'router';
  readonly limits = { first: START_LIMIT_MS, later: START_LIMIT_MS };
  readonly #runtime: Runtime;
  readonly #options: RouterProcessesOptions;
  readonly #slots: readonly Slot[];
  /** Which plan a router works by. */
  readonly #uses = new WeakMap<Child, number>();
  #plan: NumberedPlan = { number: 0, config: null, settings: [], app: { kind: 'none' } };
  /** What all are to turn to, and who is able to. */
  #prepared: { readonly plan: NumberedPlan; readonly children: ReadonlySet<Child> } | null = null;
  #number = 0;

  constructor(runtime: Runtime, log: Log, options: RouterProcessesOptions) {
    this.#runtime = runtime;
    this.slotLog = routerLog(log);
    this.#options = options;
    this.#slots = Array.from({ length: options.count }, (_, index) => new Slot(this, index + 1));
  }

  async start(plan: RouterPlan): Promise<void> {
    this.#turnTo({ ...plan, number: ++this.#number });
    await Promise.all(this.#slots.map((slot) => slot.start()));
  }

  async prepare(plan: RouterPlan): Promise<string | null> {
    // The same settings are in use already: there is nothing that could fail.
    const isNew = plan.settings !== this.#plan.settings;
    const next = { ...plan, number: isNew ? ++this.#number : this.#plan.number };
    const children = isNew ? this.#ready() : [];
    const problems = await Promise.all(children.map((child) => this.#ask(child, next, 'prepare')));
    this.#prepared = { plan: next, children: new Set(children) };
    return problems.find((problem, index) => problem !== null && !children[index]!.hasEnded) ?? null;
  }

  async commit(): Promise<void> {
    const { plan, children } = this.#prepared!;
    this.#prepared = null;
    if (plan.number === this.#plan.number) return;
    this.#turnTo(plan);
    await Promise.all(
      this.#ready().map((child) => (children.has(child) ? this.#commit(child, plan) : this.#catchUp(child).catch(() => child.destroy()))),
    );
  }

  abandon(): void {
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared === null) return;
    for (const child of prepared.children) child.send({ kind: 'abandon', plan: prepared.plan.number });
  }

  async drain(mercy: number, patience: number): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.drain((child) => child.drain(mercy, patience))));
  }

  destroy(): void {
    for (const slot of this.#slots) slot.destroy();
  }

  async status(): Promise<readonly RouterStatus[]> {
    const nothing = { connections: 0, requests: 0, running: 0 };
    const status = async ({ id, current }: Slot): Promise<RouterStatus> => ({
      id,
      pid: current?.pid ?? 0,
      ...((current?.isReady ? await current.status() : null) ?? nothing),
    });
    return Promise.all(this.#slots.map(status));
  }

  // From the slots

  spawn({ id }: Slot, _spawn: number, events: ChildEvents): Child {
    const { number: plan, settings, app } = this.#plan;
    const { topics, sockets, directory } = this.#options;
    const parts = { runtime: this.#runtime, hub: topics.hub, topics: ROUTER_TOPICS, sockets, surroundings: { cwd: directory() } };
    const child = new Child(parts, { kind: 'start', role: 'router', id, plan, settings, app, scoreboard: null }, events);
    this.#uses.set(child, plan);
    return child;
  }

  /** While it started the settings may have become others. */
  async admit(child: Child): Promise<void> {
    await this.#catchUp(child);
    child.listens();
  }

  /** Nobody replaces a router that serves. */
  async handOver(): Promise<void> {}

  moved(): void {}

  gone(): void {}

  /** What one router has seen of a node holds for all of them. */
  told(_slot: Slot, child: Child, report: Report): void {
    if (report.kind === 'mark') this.#options.topics.marks.publish({ plan: report.plan, mark: report.mark }, child.follower);
  }

  #ready(): readonly Child[] {
    return this.#slots.flatMap(({ current }) => (current?.isReady ? [current] : []));
  }

  #turnTo(plan: NumberedPlan): void {
    this.#plan = plan;
    this.#options.topics.marks.publish({ plan: plan.number, mark: null });
  }

  /** @throws {Error} whose message says why it cannot work by the plan of all others */
  async #catchUp(child: Child): Promise<void> {
    while (this.#uses.get(child) !== this.#plan.number) {
      const plan = this.#plan;
      const problem = await this.#ask(child, plan, 'prepare');
      if (problem !== null) throw new Error(problem);
      if (plan === this.#plan) await this.#commit(child, plan);
      // It took marks of this plan for those of another one.
      child.follower.repeat();
    }
  }

  /** Who does not say that it has turned will do so when it hears us. */
  async #commit(child: Child, plan: NumberedPlan): Promise<void> {
    this.#uses.set(child, plan.number);
    await this.#ask(child, plan, 'commit');
  }

  /** Null when it could, else why not. */
  async #ask(child: Child, { number: plan, settings }: NumberedPlan, kind: 'prepare' | 'commit'): Promise<string | null> {
    const answer = await child.ask(kind === 'prepare' ? { kind, plan, settings } : { kind, plan });
    if (answer?.kind === 'done') return answer.problem;
    return child.hasEnded ? `router ${child.id} ended` : `router ${child.id} does not answer`;
  }
}
