import type { Node } from './node.ts';
import type { HealthCheckSettings, HealthCheckWorld, Probe } from './probe.ts';

/** First checks come within this many ms, spread over them: soon, but not all at once. */
const FIRST_CHECK_MS = 1_000;
/** Intervals vary by this part in either direction, so that nodes, and several ugates, do not fall into step. */
const JITTER = 0.1;

/** The checks of one node. Its states: waiting (for the next check), asking (until an answer or its timeout). */
export class NodeCheck {
  readonly node: Node;
  readonly #probe: Probe;
  readonly #settings: HealthCheckSettings;
  readonly #world: HealthCheckWorld;
  #checkAt: number;
  /** While asking: when that has lasted too long. */
  #timeoutAt: number | null = null;
  /** Ends the question; null until the probe has given it to us. */
  #end: (() => void) | null = null;
  /** Number of the question, by which late answers to earlier ones are known. */
  #question = 0;

  constructor(node: Node, probe: Probe, settings: HealthCheckSettings, world: HealthCheckWorld, now: number) {
    this.node = node;
    this.#probe = probe;
    this.#settings = settings;
    this.#world = world;
    this.#checkAt = now + world.random() * Math.min(settings.interval, FIRST_CHECK_MS);
  }

  /** When `turn` has something to do. */
  dueAt(now: number): number {
    if (this.#timeoutAt === null) return this.#checkAt;
    // Also at the time of the next check: the answer to this one may have come by then.
    return this.#checkAt > now ? Math.min(this.#checkAt, this.#timeoutAt) : this.#timeoutAt;
  }

  turn(now: number): void {
    if (this.#timeoutAt !== null && now >= this.#timeoutAt) {
      this.cancel();
      this.#judge(false, `no answer within ${this.#settings.timeout} ms`);
    }
    if (this.#timeoutAt === null && now >= this.#checkAt) this.#ask(now);
  }

  /** Gives up the running question, if there is one. */
  cancel(): void {
    const end = this.#end;
    this.#forget();
    end?.();
  }

  #ask(now: number): void {
    const { interval, timeout } = this.#settings;
    this.#checkAt = now + interval * (1 + JITTER * (2 * this.#world.random() - 1));
    this.#timeoutAt = now + timeout;
    const question = this.#question;
    const done = (ok: boolean | null, reason: string): void => {
      if (question !== this.#question) return;
      this.#forget();
      if (ok !== null) this.#judge(ok, reason);
    };
    try {
      const end = this.#probe.start(this.node, done);
      if (question === this.#question) this.#end = end;
    } catch (error) {
      done(false, String(error));
    }
  }

  #forget(): void {
    this.#question++;
    this.#end = null;
    this.#timeoutAt = null;
  }

  #judge(ok: boolean, reason: string): void {
    const hasChanged = ok ? this.node.backend.checkPassed(this.#settings.passes) : this.node.backend.checkFailed(this.#settings.fails);
    if (hasChanged) this.#world.changed(this.node, ok, reason);
  }
}
