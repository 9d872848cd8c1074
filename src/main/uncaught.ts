import { AppError } from '../app/app-error.ts';
import type { Log } from '../log/log.ts';
import type { Report } from '../master/messages.ts';
import type { Runtime } from '../runtime/seam.ts';
import { describe, messageOf } from './describe.ts';

/** A worker whose app throws again and again is not replaced more often than this, in ms. */
const LEAST_LIFE_MS = 1_000;

/**
 * What nobody catches in a worker that runs an app. It is logged, and the worker serves on until a fresh one has taken its place; while the
 * app is still being loaded it is what keeps it from that.
 */
export class Uncaught {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #tell: (report: Report) => void;
  readonly #failed = Promise.withResolvers<never>();
  readonly #started = performance.now();
  #isServing = false;
  #hasThrown = false;

  constructor(runtime: Runtime, log: Log, tell: (report: Report) => void) {
    this.#runtime = runtime;
    this.#log = log;
    this.#tell = tell;
    // Nobody may be waiting for it.
    this.#failed.promise.catch(() => {});
    runtime.onUncaught((error) => this.#uncaught(error));
  }

  /** `loading`, or a rejection by what was not caught meanwhile. */
  before<Loaded>(loading: Promise<Loaded>): Promise<Loaded> {
    return Promise.race([loading, this.#failed.promise]);
  }

  /** The app is loaded, and the master knows. */
  serves(): void {
    this.#isServing = true;
    if (this.#hasThrown) this.#retire();
  }

  #uncaught(error: unknown): void {
    this.#log.event('error', 'app-uncaught', describe(error));
    // Whoever does not get as far as serving is killed for it.
    this.#runtime.stderr.flush();
    this.#failed.reject(new AppError(`the app threw what nobody caught: ${messageOf(error)}`));
    const isFirst = !this.#hasThrown;
    this.#hasThrown = true;
    if (isFirst && this.#isServing) this.#retire();
  }

  #retire(): void {
    const age = performance.now() - this.#started;
    setTimeout(() => this.#tell({ kind: 'retire', reason: 'its app threw what nobody caught' }), Math.max(0, LEAST_LIFE_MS - age));
  }
}
