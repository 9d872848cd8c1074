import { type ConnectAddress, formatAddress } from '../net/address.ts';
import { hashText } from './hash.ts';

/** What a node runs: a server somewhere and what it speaks, or an app inside this process. */
export type NodeTarget =
  | { readonly kind: 'uwsgi'; readonly address: ConnectAddress }
  | { readonly kind: 'http'; readonly address: ConnectAddress }
  /** Persistent uwsgi; `plain` takes the requests that have a body, and is null when there is no such address. */
  | { readonly kind: 'puwsgi'; readonly address: ConnectAddress; readonly plain: ConnectAddress | null }
  /** A JS worker of ours on its private socket. */
  | { readonly kind: 'worker'; readonly address: ConnectAddress }
  | { readonly kind: 'app' };

/** What the config says of one node besides its address. */
export interface NodeOptions {
  /** Its share among the others, 1–1000; 1 by default. */
  readonly weight?: number;
  /** Asked only when no other node can take a request; false by default. */
  readonly isBackup?: boolean;
  /** The modifiers of its uwsgi packets; null, the default, for those of the router. */
  readonly modifier1?: number | null;
  readonly modifier2?: number | null;
  /** Requests it may have at a time; 0, the default, for no limit. */
  readonly maxConnections?: number;
  /** Failures in a row that make it dead; null, the default, for two refusals or one of anything else, and no count of broken answers. */
  readonly fails?: number | null;
  /** After so many ms its worker is killed over a request (`harakiri`); 0, the default, for never. */
  readonly harakiri?: number;
}

/** Hears when a node dies of its requests, once more while it stays so, and when it is alive again. */
export interface NodeWatcher {
  nodeMarked(node: Node, mark: 'dead' | 'alive'): void;
}

/** What one process knows of a node, for the others. Of `dead` they must know all that their own requests would have shown. */
export interface LearnedMark {
  readonly mark: 'dead' | 'alive' | 'down' | 'up';
  /** Of `dead`: as `Node.failsFast`. */
  readonly failsFast: boolean;
  /** Of `dead`: as `Node.isDeadOfAnswers`. */
  readonly isOfAnswers: boolean;
}

/** Why a node did not take a request; only some of it is the node's fault. */
export type NodeFailure = 'refused' | 'missing' | 'busy' | 'unreachable' | 'timeout' | 'dns' | 'local';

/** True for what says nothing about the node's health, and is worth asking the same one again. */
export function isPassing(failure: NodeFailure): boolean {
  return failure === 'busy' || failure === 'local';
}

/** A refusal may be the short gap of a restart; the second in a row is not. */
const REFUSALS_TO_DIE = 2;
/** `tenths` of a node that has its whole weight. */
export const FULL_TENTHS = 10;

/**
 * One place requests can go to, and what is known of its health. Two marks stand side by side, and it takes requests only while
 * neither speaks against it: dead (its requests failed; until its grace is over) and down (its checks failed; until they pass).
 */
export class Node {
  readonly target: NodeTarget;
  /** As the user wrote it, for logs. */
  readonly name: string;
  readonly weight: number;
  readonly isBackup: boolean;
  readonly modifier1: number | null;
  readonly modifier2: number | null;
  /** ms; 0 for none. */
  readonly harakiri: number;
  /** What `iphash` knows it by: its address alone, so that a new weight moves as few clients as it can. */
  readonly hash: number;
  /** Connections made to it. */
  hits = 0;
  /** Requests it has at this moment, those that still connect included. */
  running = 0;
  /** It has answered, and what it answered was no sign that it speaks another protocol. */
  isUnderstood = false;
  /** It has been told of that it may speak another protocol. */
  isDoubted = false;
  /** Null when nobody asks. */
  watcher: NodeWatcher | null = null;
  /** The balancer's own: how much it is owed. */
  credit = 0;
  readonly #limit: number;
  readonly #fails: number | null;
  #deadSince: number | null = null;
  #isDeadOfAnswers = false;
  /** Another process has seen it die, and looks after it. */
  #isLearned = false;
  #failsFast = false;
  #connectFailures = 0;
  #answerFailures = 0;
  #isDown = false;
  /** Checks in a row that said the opposite of the mark. */
  #contrary = 0;
  #wasChecked = false;
  #isRecovering = false;
  #recoveringSince: number | null = null;

  constructor(target: NodeTarget, name?: string, options: NodeOptions = {}) {
    const address = target.kind === 'app' ? 'app' : formatAddress(target.address);
    this.target = target;
    this.name = name ?? address;
    this.weight = options.weight ?? 1;
    this.isBackup = options.isBackup ?? false;
    this.modifier1 = options.modifier1 ?? null;
    this.modifier2 = options.modifier2 ?? null;
    this.harakiri = options.harakiri ?? 0;
    this.hash = hashText(target.kind === 'app' ? this.name : address);
    this.#limit = options.maxConnections || Number.POSITIVE_INFINITY;
    this.#fails = options.fails ?? null;
  }

  // What the exchange says

  /** A request goes to it; `finished` must follow, once. */
  started(): void {
    this.running++;
  }

  finished(): void {
    this.running--;
  }

  connected(): void {
    this.hits++;
    this.reached();
  }

  /** It takes connections: a request has shown it, or a probe. */
  reached(): void {
    this.#failsFast = false;
    this.#connectFailures = 0;
    if (this.#deadSince !== null && !this.#isDeadOfAnswers) this.#revive();
  }

  /** A probe has shown that it is as dead as before: its grace begins anew, so that no request has to find out. */
  stillDead(now: number): void {
    if (this.#deadSince === null) return;
    this.#deadSince = now;
    this.watcher?.nodeMarked(this, 'dead');
  }

  /**
   * Takes note of a failed connection; returns true when this one made the node dead. A full backlog (`busy`) and our own want
   * of descriptors or ports (`local`) say nothing about the node.
   */
  failed(failure: NodeFailure, now: number): boolean {
    if (isPassing(failure)) return false;
    this.#failsFast = failure === 'refused' || failure === 'missing';
    this.#connectFailures++;
    const enough = this.#fails ?? (failure === 'refused' ? REFUSALS_TO_DIE : 1);
    if (this.#connectFailures < enough) return false;
    this.#isDeadOfAnswers = false;
    return this.#die(now);
  }

  /** An answer came whole, or became a tunnel. */
  answered(): void {
    this.#answerFailures = 0;
    if (this.#isDeadOfAnswers) this.#revive();
  }

  /**
   * An answer broke off, broke the protocol or did not come in time; returns true when this one made the node dead. Counts only
   * where `fails` is set: one URL that crashes the app must not take the whole node away unless somebody said so.
   */
  answerFailed(now: number): boolean {
    if (this.#fails === null || ++this.#answerFailures < this.#fails) return false;
    if (this.#deadSince === null) this.#isDeadOfAnswers = true;
    return this.#die(now);
  }

  // What the checks say. The first one decides alone: nothing is known that could speak against it.

  /** Returns true when this check made it up, as the `passes`th good one in a row. */
  checkPassed(passes: number): boolean {
    this.#wasChecked = true;
    if (!this.#isDown) this.#contrary = 0;
    else if (++this.#contrary >= passes) {
      this.#isDown = false;
      this.#contrary = 0;
      this.#recover();
      return true;
    }
    return false;
  }

  /** Returns true when this check made it down, as the `fails`th bad one in a row. */
  checkFailed(fails: number): boolean {
    const enough = this.#wasChecked ? fails : 1;
    this.#wasChecked = true;
    if (this.#isDown) this.#contrary = 0;
    else if (++this.#contrary >= enough) {
      this.#isDown = true;
      this.#contrary = 0;
      return true;
    }
    return false;
  }

  /** What another process has seen of it: that of its requests (`dead`, `alive`), or of its checks (`down`, `up`). */
  learn({ mark, failsFast, isOfAnswers }: LearnedMark, now: number): void {
    if (mark === 'dead') {
      this.#isLearned = true;
      this.#failsFast = failsFast;
      this.#isDeadOfAnswers = isOfAnswers;
      this.#deadSince = now;
      this.#isRecovering = false;
    } else if (mark === 'alive') this.#unmark();
    else if (mark === 'down') this.#isDown = true;
    else if (this.#isDown) {
      this.#isDown = false;
      this.#recover();
    }
  }

  // What the pool asks

  /** Its requests failed, and none has shown since that it is well again. */
  get isDead(): boolean {
    return this.#deadSince !== null;
  }

  /** It died of broken answers. A connection does not prove that they are whole again, so each kind of death has its own end. */
  get isDeadOfAnswers(): boolean {
    return this.#isDeadOfAnswers;
  }

  /** Its checks say that it shall have no requests. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** It has as many requests as `maxConnections` allows. */
  get isFull(): boolean {
    return this.running >= this.#limit;
  }

  /** True when asking it again costs nothing but a refusal: a probe of last resort may. */
  get failsFast(): boolean {
    return this.#failsFast;
  }

  /** Dead nodes get another chance `graceTime` ms after their last failure (`http-gracetime`); nodes that are down get none. */
  isUsable(now: number, graceTime: number): boolean {
    return !this.#isDown && (this.#deadSince === null || now - this.#deadSince >= graceTime);
  }

  /** Usable, and not full. */
  canTake(now: number, graceTime: number): boolean {
    return this.running < this.#limit && this.isUsable(now, graceTime);
  }

  /**
   * How many tenths of its weight it has: from 1 to 10 within `slowStart` ms for one that was dead or down and came back, whose
   * caches are cold; always 10 for a new one. The time runs from the first question after it came back.
   */
  tenths(now: number, slowStart: number): number {
    if (!this.#isRecovering) return FULL_TENTHS;
    this.#recoveringSince ??= now;
    const elapsed = now - this.#recoveringSince;
    if (elapsed < slowStart) return 1 + Math.floor(((FULL_TENTHS - 1) * elapsed) / slowStart);
    this.#isRecovering = false;
    return FULL_TENTHS;
  }

  // Private

  #die(now: number): boolean {
    const wasAlive = this.#deadSince === null;
    this.#deadSince = now;
    this.#isRecovering = false;
    const isNews = wasAlive || this.#isLearned;
    this.#isLearned = false;
    if (isNews) this.watcher?.nodeMarked(this, 'dead');
    return wasAlive;
  }

  #revive(): void {
    this.#unmark();
    this.watcher?.nodeMarked(this, 'alive');
  }

  #unmark(): void {
    this.#deadSince = null;
    this.#isDeadOfAnswers = false;
    this.#isLearned = false;
    this.#failsFast = false;
    this.#connectFailures = 0;
    this.#recover();
  }

  #recover(): void {
    this.#isRecovering = true;
    this.#recoveringSince = null;
  }
}
