import type { Node } from './node.ts';
import type { Probe } from './probe.ts';

/** The first question comes so many ms after the death, each later one after twice the pause before. */
const FIRST_PAUSE_MS = 1_000;
/** Pauses grow to this part of the grace time, so that a node which is still dead has its grace renewed before it is over. */
const LONGEST_PAUSE = 1 / 2;
/** Who has not accepted within so many ms is as dead as before. */
const TIMEOUT_MS = 5_000;

/** What is under way for one dead node: the pause, or the question. */
interface Wait {
  pause: number;
  timer: ReturnType<typeof setTimeout>;
  /** Ends the question; null while pausing. */
  end: (() => void) | null;
}

/**
 * Asks dead nodes in the background whether they take connections again: one that is back serves within seconds and not after
 * `http-gracetime`, and no request has to be risked to find out. Nodes that died of broken answers are left to requests: a connection
 * proves nothing about them.
 */
export class Revival {
  readonly #source: { readonly nodes: readonly Node[] };
  readonly #probe: Probe;
  readonly #graceTime: number;
  readonly #now: () => number;
  readonly #waits = new Map<Node, Wait>();
  #isStopped = false;

  /**
   * @param source a pool: nodes that it has no more are forgotten
   * @param probe connects
   * @param graceTime ms (`http-gracetime`); 0, where dead nodes are never left alone, for none of this
   */
  constructor(source: { readonly nodes: readonly Node[] }, probe: Probe, graceTime: number, now: () => number) {
    this.#source = source;
    this.#probe = probe;
    this.#graceTime = graceTime;
    this.#now = now;
  }

  /** Requests of this process have shown that the node is dead. May be told again. */
  died(node: Node): void {
    if (this.#isStopped || this.#graceTime === 0 || node.backend.isDeadOfAnswers || node.target.kind === 'app' || this.#waits.has(node)) return;
    const wait: Wait = { pause: Math.min(FIRST_PAUSE_MS, this.#graceTime * LONGEST_PAUSE), timer: undefined as never, end: null };
    this.#waits.set(node, wait);
    this.#pause(node, wait);
  }

  stop(): void {
    this.#isStopped = true;
    for (const node of [...this.#waits.keys()]) this.#forget(node);
  }

  #pause(node: Node, wait: Wait): void {
    wait.timer = setTimeout(() => this.#ask(node, wait), wait.pause);
    wait.pause = Math.min(2 * wait.pause, this.#graceTime * LONGEST_PAUSE);
  }

  #ask(node: Node, wait: Wait): void {
    // A request, or another process, may have found it alive meanwhile.
    if (!node.backend.isDead || node.backend.isDeadOfAnswers || !this.#source.nodes.includes(node)) return this.#forget(node);
    let isOver = false;
    const done = (isWell: boolean | null): void => {
      if (isOver || this.#isStopped) return;
      isOver = true;
      clearTimeout(wait.timer);
      wait.end = null;
      if (isWell) {
        this.#forget(node);
        return node.backend.reached();
      }
      if (isWell === false) node.backend.stillDead(this.#now());
      this.#pause(node, wait);
    };
    wait.timer = setTimeout(() => {
      wait.end?.();
      done(false);
    }, TIMEOUT_MS);
    const end = this.#probe.start(node, done);
    if (!isOver) wait.end = end;
  }

  #forget(node: Node): void {
    const wait = this.#waits.get(node);
    if (wait === undefined) return;
    this.#waits.delete(node);
    clearTimeout(wait.timer);
    wait.end?.();
  }
}
