/** Connections that expect nothing more are watched when they are between one and two times as old, in ms: most are gone by then. */
const PATIENCE_MS = 4;

/** Something that can be watched some ms later than it might. */
export interface Patient {
  /** Those gone by now, or watched already, do nothing. */
  watchNow(): void;
}

/** Those that wait to be watched: a younger and an older half. */
export class Patience {
  #young: Patient[] = [];
  #old: Patient[] = [];
  #agedAt = 0;

  add(patient: Patient): void {
    this.#young.push(patient);
  }

  /** The older half is watched when its time is over. @param now by the clock of the poller's turns */
  age(now: number): void {
    if (now - this.#agedAt < PATIENCE_MS) return;
    this.#agedAt = now;
    this.#watchOld();
  }

  /** All of them are watched now. */
  end(): void {
    this.#watchOld();
    this.#watchOld();
  }

  #watchOld(): void {
    const old = this.#old;
    this.#old = this.#young;
    for (let i = 0; i < old.length; i++) old[i]!.watchNow();
    old.length = 0;
    this.#young = old;
  }
}
