/**
 * One coarse wheel in place of a timer per connection. Re-arming a deadline is one assignment: the wheel looks at it when its
 * old slot comes round, and moves it if it has been put off. Deadlines fire up to two ticks late; one tick early at most
 * (the wheel's clock is as coarse as its ticks). An owner that no longer cares ignores its deadline.
 */

const TICK_MS = 100;
const SLOTS = 1024;

/** Who is told when a deadline has passed. */
export interface Expiring {
  expired(): void;
  /** `expired` threw; the wheel has told its `failed` and goes on. */
  crashed(): void;
}

/** A point in time that can be put off cheaply. Belongs to one wheel. */
export class Deadline {
  readonly owner: Expiring;
  /** Milliseconds of the wheel's clock; 0 when nothing is due. */
  at = 0;
  /** The wheel's own: the slot it waits in, −1 for none, and its neighbours there. */
  slot = -1;
  previous: Deadline | null = null;
  next: Deadline | null = null;

  constructor(owner: Expiring) {
    this.owner = owner;
  }
}

export class TimerWheel {
  /** Milliseconds, moved on once a tick while any deadline waits. */
  now: number;
  readonly #clock: () => number;
  readonly #failed: (error: unknown) => void;
  readonly #slots: (Deadline | null)[] = new Array(SLOTS).fill(null);
  /** The tick last looked at. */
  #tick: number;
  #waiting = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  /**
   * @param clock milliseconds of a clock that never goes back
   * @param failed is told what an owner threw
   */
  constructor(clock: () => number, failed: (error: unknown) => void) {
    this.#clock = clock;
    this.#failed = failed;
    this.now = clock();
    this.#tick = Math.floor(this.now / TICK_MS);
  }

  /** The clock itself, for what is shorter than a tick. */
  precise(): number {
    return this.#clock();
  }

  /** Lets the deadline's owner be told `ms` from now, whatever was armed before. */
  arm(deadline: Deadline, ms: number): void {
    if (this.#waiting === 0) this.#wake();
    const at = this.now + ms;
    const isSooner = deadline.slot !== -1 && at < deadline.at;
    deadline.at = at;
    if (deadline.slot === -1) this.#insert(deadline);
    else if (isSooner) {
      this.#unlink(deadline);
      this.#insert(deadline);
    }
  }

  /** For good: the wheel forgets the deadline and its owner. */
  remove(deadline: Deadline): void {
    deadline.at = 0;
    if (deadline.slot !== -1) this.#unlink(deadline);
    if (this.#waiting === 0) this.#sleep();
  }

  #insert(deadline: Deadline): void {
    // Rounded up, so that it is never early, and at most one turn ahead: a longer one is looked at again when it comes round.
    const tick = Math.min(Math.max(Math.ceil(deadline.at / TICK_MS), this.#tick + 1), this.#tick + SLOTS - 1);
    const slot = tick % SLOTS;
    const head = this.#slots[slot];
    deadline.slot = slot;
    deadline.previous = null;
    deadline.next = head;
    if (head !== null) head.previous = deadline;
    this.#slots[slot] = deadline;
    this.#waiting++;
  }

  #unlink(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous !== null) previous.next = next;
    else this.#slots[deadline.slot] = next;
    if (next !== null) next.previous = previous;
    deadline.slot = -1;
    deadline.previous = null;
    deadline.next = null;
    this.#waiting--;
  }

  #turn(): void {
    this.now = this.#clock();
    const until = Math.floor(this.now / TICK_MS);
    // After a long sleep of the machine one whole turn sees every slot.
    if (until - this.#tick > SLOTS) this.#tick = until - SLOTS;
    while (this.#tick < until) {
      this.#tick++;
      this.#visit(this.#tick % SLOTS);
    }
    if (this.#waiting === 0) this.#sleep();
  }

  /** Takes the slot's whole list off first: owners arm and remove deadlines, their own and others', while it is walked. */
  #visit(slot: number): void {
    const due: Deadline[] = [];
    for (let deadline = this.#slots[slot]; deadline !== null; deadline = deadline.next) due.push(deadline);
    for (const deadline of due) {
      if (deadline.slot !== slot) continue;
      this.#unlink(deadline);
      if (deadline.at > this.now) this.#insert(deadline);
      else {
        deadline.at = 0;
        this.#tell(deadline.owner);
      }
    }
  }

  /** Nobody stands above a timer: what is thrown ends the owner, not the process. */
  #tell(owner: Expiring): void {
    try {
      owner.expired();
    } catch (error) {
      this.#failed(error);
      owner.crashed();
    }
  }

  #wake(): void {
    this.now = this.#clock();
    this.#tick = Math.floor(this.now / TICK_MS);
    this.#timer ??= setInterval(() => this.#turn(), TICK_MS);
  }

  #sleep(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
