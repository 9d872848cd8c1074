/** What the clock asks of the event loop. */
interface Turns {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  atTurnEnd(due: { told(): void }): void;
}

/**
 * The time, read once for all events that are handled in one turn of the event loop: asking the system costs more than most events do.
 * It is behind by as long as the turn has taken so far.
 */
export class TurnClock {
  readonly #turns: Turns;
  #now = 0;
  #isRead = false;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** ms */
  now(): number {
    return this.#isRead ? this.#now : this.precise();
  }

  /** The same, read anew: in this turn somebody may have worked for long. */
  precise(): number {
    this.#now = this.#turns.now();
    if (!this.#isRead) {
      this.#isRead = true;
      this.#turns.atTurnEnd(this);
    }
    return this.#now;
  }

  /** The turn is over. */
  told(): void {
    this.#isRead = false;
  }
}
