import type { Log } from '../log/log.ts';
import type { AppPlace, SettingMessage } from './messages.ts';
import type { RouterPlan, Routers } from './routers.ts';
import { formatStatus } from './status.ts';
import { PATIENCE_MS } from './worker-slot.ts';
import type { Workers } from './workers.ts';

/** Workers that take longer to get ready are given up when another reload is asked for, in ms. */
const START_MS = 5_000;

/** One generation of config, as the master sees it. */
export interface Plan {
  /** For a router in this process; others read `settings`. */
  readonly config: RouterPlan['config'];
  readonly settings: readonly SettingMessage[];
  readonly app: AppPlace;
  /** How long a stop may take (`reload-mercy`), in ms. */
  readonly reloadMercy: number;
  /** The app's workers; null when there is no app, or it runs where the router does. `moved` is called when their nodes change. */
  makeWorkers(moved: () => Promise<void>): Promise<Workers | null>;
}

/** `graceful`: config and workers. `brutal`: the same, and the old workers are killed. `workers`, `workers-brutal`: they alone. `chain`: one after the other. */
export type ReloadKind = 'graceful' | 'brutal' | 'workers' | 'workers-brutal' | 'chain';

/** The later ones do what those before them do, and more: of several that wait the last one counts. */
const REACH: readonly ReloadKind[] = ['chain', 'workers', 'workers-brutal', 'graceful', 'brutal'];

export interface MasterOptions {
  readonly log: Log;
  readonly routers: Routers;
  /** For the status: name and version of the program. */
  readonly version: string;
  /** Reads the config again. Null when it is not good; the log has been told why. @throws {Error} whose message says why not */
  reread(): Promise<Plan | null>;
}

/**
 * Watches over routers and workers: starts them, swaps one generation for the next without losing a request, and ends them. What the
 * outside asks for by signals, FIFOs, files and pidfiles comes to these methods; none of them throws.
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
  #isPaused = false;
  #isStopping = false;
  #reloading: Promise<void> | null = null;
  /** What the reload under way starts, and since when. */
  #coming: { readonly workers: Workers; readonly since: number } | null = null;
  /** Asked for while another reload was under way. */
  #next: ReloadKind | null = null;

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#routers = options.routers;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Resolves when everything serves. @throws {Error} whose message says why it cannot */
  async start(plan: Plan): Promise<void> {
    this.#plan = plan;
    try {
      this.#workers = await this.#startWorkers(plan);
      await this.#routers.start(this.#routerPlan(plan, this.#workers));
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Ends in a new generation, or in the old one with a line in the log that says why. */
  reload(kind: ReloadKind): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    if (this.#reloading !== null) {
      if (this.#next === null || REACH.indexOf(kind) > REACH.indexOf(this.#next)) this.#next = kind;
      this.#hurry();
      return this.#reloading;
    }
    this.#reloading = this.#reloadAll(kind).finally(() => {
      this.#reloading = null;
    });
    return this.#reloading;
  }

  /** Requests are answered 503 with Retry-After, until it is called again. */
  togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#log.warn(this.#isPaused ? 'paused: requests are answered 503 until it is resumed' : 'resumed');
    this.#routers.pause(this.#isPaused);
    this.#workers?.pause(this.#isPaused);
  }

  /** Finishes what is in flight, then ends all processes: routers first, since they need workers. */
  async stop({ isReplaced }: { readonly isReplaced: boolean }): Promise<void> {
    this.#isStopping = true;
    const patience = isReplaced ? PATIENCE_MS : 0;
    const mercy = this.#plan?.reloadMercy ?? 0;
    const until = performance.now() + mercy;
    await this.#routers.drain(mercy, patience);
    const rest = Math.max(0, until - performance.now());
    await Promise.all([...this.#leaving, this.#workers].map((workers) => workers?.drain(patience, rest)));
  }

  destroy(): void {
    this.#isStopping = true;
    this.#routers.destroy();
    for (const workers of [...this.#leaving, this.#workers]) workers?.destroy();
  }

  async status(): Promise<void> {
    const [routers, workers] = await Promise.all([this.#routers.status(), this.#workers?.status() ?? []]);
    const uptime = performance.now() - this.#startedAt;
    const { version } = this.#options;
    for (const line of formatStatus({ version, pid: process.pid, uptime, generation: this.#generation, isPaused: this.#isPaused, routers, workers }))
      this.#log.info(line);
  }

  async #reloadAll(first: ReloadKind): Promise<void> {
    for (let kind: ReloadKind | null = first; kind !== null && !this.#isStopping; kind = this.#take()) {
      const started = performance.now();
      this.#log.info(`reload (${kind}) begins`);
      try {
        if (kind === 'chain' && this.#workers?.chain !== undefined) await this.#workers.chain();
        else if (!(await this.#swap(kind))) continue;
        this.#log.info(`reload (${kind}) is done`, { generation: this.#generation, ms: Math.round(performance.now() - started) });
      } catch (error) {
        this.#log.event('error', 'reload-failed', `the old generation goes on: ${(error as Error).message}`);
      }
    }
  }

  /** Another reload waits, perhaps for what mends an app that never gets ready. */
  #hurry(): void {
    const coming = this.#coming;
    if (coming === null) return;
    setTimeout(() => this.#coming === coming && coming.workers.destroy(), Math.max(0, START_MS - (performance.now() - coming.since)));
  }

  #take(): ReloadKind | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  /** False when nothing came of it, and the log knows why. */
  async #swap(kind: ReloadKind): Promise<boolean> {
    const readsConfig = kind === 'graceful' || kind === 'brutal';
    const plan = readsConfig ? await this.#options.reread() : this.#plan;
    if (plan === null || this.#isStopping) return false;
    const workers = await this.#startWorkers(plan);
    // Until here the old generation was the one that counts.
    const old = this.#workers;
    const before = this.#plan;
    this.#workers = workers;
    this.#plan = plan;
    const problem = await this.#routers.use(this.#routerPlan(plan, workers));
    if (problem !== null) {
      this.#workers = old;
      this.#plan = before;
      workers?.destroy();
      throw new Error(problem);
    }
    if (this.#isPaused) workers?.pause(true);
    if (old !== null) this.#leave(old, kind === 'brutal' || kind === 'workers-brutal');
    return true;
  }

  /** They finish in the background: the next reload need not wait for a slow request. */
  #leave(old: Workers, isBrutal: boolean): void {
    if (isBrutal) return old.destroy();
    this.#leaving.add(old);
    void old.drain(PATIENCE_MS).finally(() => this.#leaving.delete(old));
  }

  async #startWorkers(plan: Plan): Promise<Workers | null> {
    const workers: Workers | null = await plan.makeWorkers(async () => {
      if (workers !== null && workers === this.#workers && this.#plan !== null) await this.#routers.use(this.#routerPlan(this.#plan, workers));
    });
    this.#coming = workers && { workers, since: performance.now() };
    try {
      await workers?.start();
    } catch (error) {
      workers?.destroy();
      throw error;
    } finally {
      this.#coming = null;
    }
    this.#generation++;
    return workers;
  }

  #routerPlan({ config, settings, app }: Plan, workers: Workers | null): RouterPlan {
    return { config, settings, app, nodes: workers?.nodes ?? [] };
  }
}
