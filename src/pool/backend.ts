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

/** Hears what this process finds out about a backend: it dies of requests, once more while it stays so, and it is alive again. */
export type BackendObserver = (mark: 'dead' | 'alive') => void;

/**
 * What is known of one server, by its kind and address, whatever the configurations say that name it: its health, and the requests it
 * has. It outlives a generation of config as long as the next one has a node for it (`Backends`). Two marks stand side by side, and it
 * takes requests only while neither speaks against it: dead (its requests failed; until its grace is over) and down (its checks failed;
 * until they pass).
 */
export class Backend {
  /** Requests it has at this moment, those that still connect included. */
  running = 0;
  /** It has answered, and what it answered was no sign that it speaks another protocol. */
  isUnderstood = false;
  /** It has been told of that it may speak another protocol. */
  isDoubted = false;
  /** Null when nobody asks. */
  observer: BackendObserver | null = null;
  readonly #gone: (() => void) | null;
  #holders = 0;
  #whenGone: (() => void)[] = [];
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
  /** The settings its checks go by; null while nobody checks. */
  #checkedBy: string | null = null;
  #isRecovering = false;
  #recoveringSince: number | null = null;

  /** @param gone is told when nobody has a node for it, nor a request with it */
  constructor(gone: (() => void) | null = null) {
    this.#gone = gone;
  }

  // Who holds it

  /** Another node is for it; `release` must follow, once. */
  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    this.#holders--;
    this.#goWithTheLast();
  }

  /** Nobody has a node for it: what is kept for requests to come is of no use. */
  get isGone(): boolean {
    return this.#holders <= 0;
  }

  /** A request goes to it; `finished` must follow, once. */
  started(): void {
    this.running++;
  }

  finished(): void {
    this.running--;
    if (this.#holders === 0) this.#goWithTheLast();
  }

  /** Calls `tell` when nobody has a node for it, nor a request with it. */
  whenGone(tell: () => void): void {
    this.#whenGone.push(tell);
  }

  /** Another server is there now: what was known says nothing about it. */
  forget(): void {
    this.#unmark();
    this.#answerFailures = 0;
    this.#uncheck();
    this.#isRecovering = false;
    this.isUnderstood = false;
    this.isDoubted = false;
  }

  // What requests show

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
    this.observer?.('dead');
  }

  /**
   * Takes note of a failed connection; returns true when this one made it dead. A full backlog (`busy`) and our own want
   * of descriptors or ports (`local`) say nothing about it.
   * @param fails as `NodeOptions.fails`
   */
  failed(failure: NodeFailure, fails: number | null, now: number): boolean {
    if (isPassing(failure)) return false;
    this.#failsFast = failure === 'refused' || failure === 'missing';
    this.#connectFailures++;
    const enough = fails ?? (failure === 'refused' ? REFUSALS_TO_DIE : 1);
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
   * An answer broke off, broke the protocol or did not come in time; returns true when this one made it dead. Counts only where `fails`
   * is set: one URL that crashes the app must not take the whole node away unless somebody said so.
   */
  answerFailed(fails: number | null, now: number): boolean {
    if (fails === null || ++this.#answerFailures < fails) return false;
    if (this.#deadSince === null) this.#isDeadOfAnswers = true;
    return this.#die(now);
  }

  // What checks show. The first one decides alone, and so does the first one by other settings.

  /** From now on it is checked by these settings; null: nobody checks it, and what checks said ends. */
  checkBy(settings: string | null): void {
    if (settings === null) this.#uncheck();
    else if (settings !== this.#checkedBy) this.#wasChecked = false;
    this.#checkedBy = settings;
  }

  /** Returns true when this check made it up, as the `passes`th good one in a row. */
  checkPassed(passes: number): boolean {
    const enough = this.#wasChecked ? passes : 1;
    this.#wasChecked = true;
    if (!this.#isDown) this.#contrary = 0;
    else if (++this.#contrary >= enough) {
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

  // What is asked

  /** Its requests failed, and none has shown since that it is well again. */
  get isDead(): boolean {
    return this.#deadSince !== null;
  }

  /** It died of broken answers. A connection does not prove that they are whole again, so each kind of death has its own end. */
  get isDeadOfAnswers(): boolean {
    return this.#isDeadOfAnswers;
  }

  /** Another process has seen it die, and asks whether it is back. */
  get isLearned(): boolean {
    return this.#isLearned;
  }

  /** Its checks say that it shall have no requests. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** True when asking it again costs nothing but a refusal: a probe of last resort may. */
  get failsFast(): boolean {
    return this.#failsFast;
  }

  /** Dead ones get another chance `graceTime` ms after their last failure (`http-gracetime`); those that are down get none. */
  isUsable(now: number, graceTime: number): boolean {
    return !this.#isDown && (this.#deadSince === null || now - this.#deadSince >= graceTime);
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

  #goWithTheLast(): void {
    if (this.#holders > 0 || this.running > 0) return;
    this.#gone?.();
    for (const tell of this.#whenGone.splice(0)) tell();
  }

  #die(now: number): boolean {
    const wasAlive = this.#deadSince === null;
    this.#deadSince = now;
    this.#isRecovering = false;
    const isNews = wasAlive || this.#isLearned;
    this.#isLearned = false;
    if (isNews) this.observer?.('dead');
    return wasAlive;
  }

  #revive(): void {
    this.#unmark();
    this.observer?.('alive');
  }

  #unmark(): void {
    this.#deadSince = null;
    this.#isDeadOfAnswers = false;
    this.#isLearned = false;
    this.#failsFast = false;
    this.#connectFailures = 0;
    this.#recover();
  }

  #uncheck(): void {
    if (this.#isDown) this.#recover();
    this.#isDown = false;
    this.#wasChecked = false;
    this.#contrary = 0;
  }

  #recover(): void {
    this.#isRecovering = true;
    this.#recoveringSince = null;
  }
}
