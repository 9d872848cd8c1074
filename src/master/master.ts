import type { Log } from '../log/log.ts';
import { ANSWER_MS } from './child.ts';
import type { AppTarget, SettingMessage } from './messages.ts';
import { togglePause } from './pause.ts';
import { IDLE, type ReloadEffect, type ReloadEvent, type ReloadKind, type ReloadState, stepReload } from './reload-state.ts';
import type { RouterPlan, Routers } from './routers.ts';
import type { MasterStatus } from './status.ts';
import type { Topics } from './topics.ts';
import { PATIENCE_MS, START_LIMIT_MS } from './worker-slot.ts';
import type { Workers } from './workers.ts';

/** Workers that take longer to get ready are given up when another reload is asked for, in ms. */
const HURRY_MS = 5_000;

/** One generation of config, as the master sees it. */
export interface Plan {
  /** For a router in this process; others read `settings`. */
  readonly config: RouterPlan['config'];
  readonly settings: readonly SettingMessage[];
  readonly app: AppTarget;
  /** How long a stop may take (`reload-mercy`), in ms. */
  readonly reloadMercy: number;
  /** The app's workers; null when there is no app, or it runs where the router does. `moved` is called when their nodes change. */
  makeWorkers(moved: () => Promise<void>): Promise<Workers | null>;
}

export interface MasterOptions {
  readonly log: Log;
  readonly topics: Topics;
  readonly routers: Routers;
  /** For the status: name and version of the program. */
  readonly version: string;
  /** Reads the config again. Null when it is not good; the log has been told why. @throws {Error} whose message says why not */
  reread(): Promise<Plan | null>;
}

/** What the reload under way has made so far. */
interface Coming {
  plan: Plan;
  workers: Workers | null;
  readonly began: number;
  /** When its workers began to load. */
  since: number;
  /** Gives up what takes long. */
  limit: ReturnType<typeof setTimeout> | undefined;
  problem: string | null;
  /** Another wish waited while it loaded. */
  isHurried: boolean;
}

/**
 * Watches over routers and workers: starts them, swaps one generation for the next without losing a request, and ends them. What the
 * outside asks for by signals, FIFOs, files and pidfiles comes to these methods; none of them throws. Reloads obey the table of
 * `reload-state.ts`.
 */
export class Master {
  readonly #log: Log;
  readonly #routers: Routers;
  readonly #options: MasterOptions;
  readonly #startedAt = performance.now();
  #plan: Plan | null = null;
  #workers: Workers | null = null;
  #generation = 0;
  /** Workers of earlier generations that still finish what they have. */
  readonly #leaving = new Set<Workers>();
  /** What the commit under way takes the place of. */
  #old: Workers | null = null;
  #isStopping = false;
  #reload: ReloadState = IDLE;
  #coming: Coming | null = null;
  /** How many reloads in a row were given up for the next one. */
  #givenUp = 0;
  /** Whoever waits for the last wish to be done. */
  readonly #waiting: (() => void)[] = [];

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#routers = options.routers;
  }

  get isPaused(): boolean {
    return this.#options.topics.pause.state;
  }

  /** Resolves when everything serves. @throws {Error} whose message says why it cannot */
  async start(plan: Plan): Promise<void> {
    this.#plan = plan;
    try {
      this.#workers = await this.#makeWorkers(plan);
      if (this.#isStopping) throw new Error('it was ended before everything was started');
      await this.#workers?.start();
      this.#generation++;
      this.#options.topics.workers.publish(this.#workers?.nodes ?? []);
      await this.#routers.start(plan);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Ends in a new generation, or in the old one with a line in the log that says why. Resolves when nothing is left to be done. */
  reload(kind: ReloadKind): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    const done = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#on({ kind: 'asked', reload: kind, canChain: this.#canChain });
    return done;
  }

  /** Requests are answered 503 with Retry-After, until it is called again. */
  togglePause(): void {
    togglePause(this.#options.topics, this.#log);
  }

  /** Finishes what is in flight, then ends all processes: routers first, since they need workers. */
  async stop({ isReplaced }: { readonly isReplaced: boolean }): Promise<void> {
    this.#isStopping = true;
    this.#on({ kind: 'end' });
    const patience = isReplaced ? PATIENCE_MS : 0;
    const mercy = this.#plan?.reloadMercy ?? 0;
    const until = performance.now() + mercy;
    await this.#routers.drain(mercy, patience);
    const rest = Math.max(0, until - performance.now());
    await Promise.all([...this.#leaving, this.#workers].map((workers) => workers?.drain(patience, rest)));
  }

  destroy(): void {
    this.#isStopping = true;
    this.#on({ kind: 'end' });
    this.#routers.destroy();
    for (const workers of [...this.#leaving, this.#workers]) workers?.destroy();
  }

  async status(): Promise<MasterStatus> {
    const [routers, workers] = await Promise.all([this.#routers.status(), this.#workers?.status() ?? []]);
    const uptime = performance.now() - this.#startedAt;
    const { version } = this.#options;
    return { version, pid: process.pid, uptime, generation: this.#generation, isPaused: this.isPaused, routers, workers };
  }

  get #canChain(): boolean {
    return this.#workers?.chain !== undefined;
  }

  #on(event: ReloadEvent): void {
    const { state, effects } = stepReload(this.#reload, event);
    this.#reload = state;
    for (const effect of effects) this.#obey(effect);
  }

  #obey(effect: ReloadEffect): void {
    const coming = this.#coming;
    switch (effect.do) {
      case 'begin':
        this.#coming = {
          plan: this.#plan!,
          workers: null,
          began: performance.now(),
          since: performance.now(),
          limit: undefined,
          problem: null,
          isHurried: false,
        };
        return this.#log.info(`reload (${effect.reload}) begins`);
      case 'read':
        return this.#work(async (coming) => {
          const plan = await this.#options.reread();
          if (plan === null) return false;
          coming.plan = plan;
          return true;
        });
      case 'load':
        return this.#work((coming) => this.#load(coming));
      case 'prepare':
        return this.#work(async ({ plan }) => {
          const problem = await this.#routers.prepare(plan);
          if (problem !== null) throw new Error(problem);
          return true;
        });
      case 'commit':
        return this.#work((coming) => this.#commit(coming));
      case 'chain':
        return this.#work(async (coming) => {
          coming.since = performance.now();
          await this.#workers?.chain?.();
          return true;
        });
      case 'abandon':
        return this.#routers.abandon();
      case 'discard':
        return coming?.workers?.destroy();
      case 'leave':
        if (this.#old !== null) this.#leave(this.#old, effect.isBrutal);
        this.#old = null;
        return;
      case 'hurry':
        return this.#hurry();
      case 'succeed':
        this.#givenUp = 0;
        this.#log.info(`reload (${effect.reload}) is done`, { generation: this.#generation, ms: Math.round(performance.now() - coming!.began) });
        return;
      case 'fail':
        if (coming!.isHurried) this.#givenUp++;
        if (coming!.problem !== null) this.#log.event('error', 'reload-failed', `the old generation goes on: ${coming!.problem}`);
        return;
      case 'rest':
        this.#coming = null;
        for (const done of this.#waiting.splice(0)) done();
    }
  }

  /** The work of a phase. False: nothing came of it, and the log knows why. */
  #work(work: (coming: Coming) => Promise<boolean>): void {
    const coming = this.#coming!;
    const { phase } = this.#reload;
    const ended = (kind: 'done' | 'failed'): void => {
      clearTimeout(coming.limit);
      // It was given up meanwhile.
      if (this.#coming === coming && this.#reload.phase === phase) this.#on({ kind, canChain: this.#canChain });
    };
    work(coming).then(
      (isDone) => ended(isDone ? 'done' : 'failed'),
      (error) => {
        coming.problem ??= (error as Error).message;
        ended('failed');
      },
    );
  }

  async #load(coming: Coming): Promise<boolean> {
    coming.since = performance.now();
    const workers = await this.#makeWorkers(coming.plan);
    coming.workers = workers;
    if (this.#coming !== coming) {
      workers?.destroy();
      return false;
    }
    this.#giveUpIn(coming, START_LIMIT_MS, `the new workers were not ready after ${START_LIMIT_MS / 1000} s`);
    if (this.#reload.next !== null) this.#hurry();
    await workers?.start();
    return true;
  }

  /** Until here the old generation was the one that counts. */
  async #commit({ plan, workers }: Coming): Promise<boolean> {
    this.#old = this.#workers;
    this.#workers = workers;
    this.#plan = plan;
    this.#generation++;
    const committed = this.#routers.commit();
    const moved = this.#publishNodes();
    await committed;
    await moved;
    return true;
  }

  /**
   * Another wish waits, perhaps for what mends an app that never gets ready. Each one in a row that is given up for it has the next one wait
   * twice as long: an app that only takes its time gets ready, however often somebody wishes.
   */
  #hurry(): void {
    const coming = this.#coming!;
    const ms = HURRY_MS * 2 ** this.#givenUp;
    if (this.#reload.phase === 'chaining') {
      coming.isHurried = true;
      return this.#workers?.hurry?.(ms);
    }
    if (this.#reload.phase !== 'loading' || coming.workers === null) return;
    coming.isHurried = true;
    const rest = Math.max(0, ms - (performance.now() - coming.since));
    this.#giveUpIn(coming, rest, 'its workers were given up: another reload waits');
  }

  #giveUpIn(coming: Coming, ms: number, problem: string): void {
    clearTimeout(coming.limit);
    coming.limit = setTimeout(() => {
      if (this.#coming !== coming || this.#reload.phase !== 'loading') return;
      coming.problem = problem;
      this.#on({ kind: 'failed', canChain: this.#canChain });
    }, ms);
  }

  /** They finish in the background: the next reload need not wait for a slow request. */
  #leave(old: Workers, isBrutal: boolean): void {
    if (isBrutal) return old.destroy();
    this.#leaving.add(old);
    void old.drain(PATIENCE_MS).finally(() => this.#leaving.delete(old));
  }

  async #makeWorkers(plan: Plan): Promise<Workers | null> {
    const workers: Workers | null = await plan.makeWorkers(async () => {
      if (workers !== null && workers === this.#workers && this.#generation > 0) await this.#publishNodes();
    });
    return workers;
  }

  /** Resolves when every router knows where the workers are, or does not say so for long. */
  async #publishNodes(): Promise<void> {
    const { topics } = this.#options;
    topics.workers.publish(this.#workers?.nodes ?? []);
    await topics.hub.settled(topics.workers.name, ANSWER_MS);
  }
}
