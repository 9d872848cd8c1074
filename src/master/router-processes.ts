import type { Log } from '../log/log.ts';
import type { BoundSocket, Runtime } from '../runtime/seam.ts';
import { Child } from './child.ts';
import type { NodeMark, Report } from './messages.ts';
import { RespawnDelay } from './respawn.ts';
import type { RouterPlan, RouterStatus, Routers } from './routers.ts';

/** Router processes on sockets that the master bound. One that dies is replaced; none is ever restarted for a reload. */
export class RouterProcesses implements Routers {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #count: number;
  readonly #sockets: readonly BoundSocket[];
  readonly #children = new Map<number, Child>();
  readonly #delays = new Map<number, RespawnDelay>();
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  /** What a router that starts must know of nodes: marks of the others, by node. */
  readonly #marks = new Map<string, NodeMark>();
  #plan: RouterPlan = { config: null, settings: [], app: { kind: 'none' }, nodes: [] };
  #isPaused = false;
  #isEnding = false;

  /** @param sockets where clients come in, in the order of the config */
  constructor(runtime: Runtime, log: Log, count: number, sockets: readonly BoundSocket[]) {
    this.#runtime = runtime;
    this.#log = log;
    this.#count = count;
    this.#sockets = sockets;
  }

  async start(plan: RouterPlan): Promise<void> {
    this.#plan = plan;
    for (let id = 1; id <= this.#count; id++) {
      this.#delays.set(id, new RespawnDelay(() => performance.now()));
      this.#spawn(id);
    }
    await Promise.all([...this.#children.values()].map(({ ready }) => ready));
  }

  async use(plan: RouterPlan): Promise<string | null> {
    const settings = plan.settings === this.#plan.settings ? null : plan.settings;
    const before = this.#plan;
    this.#plan = plan;
    const answers = await Promise.all(
      [...this.#children.values()].filter(({ hasEnded }) => !hasEnded).map((child) => child.ask({ kind: 'use', settings, nodes: plan.nodes })),
    );
    const problem = answers.find((answer) => answer?.kind === 'using' && answer.problem !== null);
    if (problem?.kind !== 'using') return null;
    // One of them could not: whoever starts from now on must not be the only one that can.
    this.#plan = before;
    return problem.problem;
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#tellAll({ kind: 'pause', isPaused });
  }

  async drain(mercy: number, patience: number): Promise<void> {
    this.#end();
    await Promise.all([...this.#children.values()].map((child) => child.drain(mercy, patience)));
  }

  destroy(): void {
    this.#end();
    for (const child of this.#children.values()) child.destroy();
  }

  async status(): Promise<readonly RouterStatus[]> {
    const nothing = { connections: 0, requests: 0, running: 0 };
    return Promise.all([...this.#children.values()].map(async (child) => ({ id: child.id, pid: child.pid, ...((await child.status()) ?? nothing) })));
  }

  #end(): void {
    this.#isEnding = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #tellAll(order: Parameters<Child['send']>[0], except: Child | null = null): void {
    for (const child of this.#children.values()) if (child !== except && !child.hasEnded) child.send(order);
  }

  #spawn(id: number): Child {
    const { settings, app, nodes } = this.#plan;
    const order = { kind: 'start', role: 'router', id, settings, app, nodes, scoreboard: null, isPaused: this.#isPaused } as const;
    const child = new Child(this.#runtime, order, this.#sockets, {
      told: (from, report) => this.#told(from, report),
      ended: (ended, reason) => this.#ended(ended, reason),
    });
    this.#children.set(id, child);
    child.ready.then(
      () => {
        this.#delays.get(id)!.started();
        for (const mark of this.#marks.values()) child.send({ kind: 'mark', mark });
      },
      () => {},
    );
    return child;
  }

  /** What one router has seen of a node holds for all of them. */
  #told(child: Child, report: Report): void {
    if (report.kind !== 'mark') return;
    const { mark } = report;
    if (mark.mark === 'alive' || mark.mark === 'up') this.#marks.delete(`${mark.cause} ${mark.node}`);
    else this.#marks.set(`${mark.cause} ${mark.node}`, mark);
    this.#tellAll({ kind: 'mark', mark }, child);
  }

  #ended(child: Child, reason: string): void {
    const { id, pid } = child;
    if (this.#isEnding || child.isEnding || (!child.isReady && this.#isFirst(id))) return;
    const wait = this.#delays.get(id)!.ended();
    this.#log.event('error', 'router-died', 'a router process died', { router: id, pid, reason, 'again-in-ms': wait });
    const again = (): void => {
      if (this.#isEnding) return;
      const next = this.#spawn(id);
      next.ready.then(
        () => this.#log.event('info', 'router-started', 'a router is there again', { router: id, pid: next.pid }),
        (error) => this.#log.event('error', 'router-failed', (error as Error).message, { router: id }),
      );
    };
    if (wait === 0) again();
    else this.#timers.set(id, setTimeout(again, wait));
  }

  /** At the first start whoever waits for `ready` decides. */
  #isFirst(id: number): boolean {
    return !this.#delays.get(id)!.hasStarted;
  }
}
