import { DueList } from '../due-list.ts';
import type { Guests } from '../guests.ts';
import type { Due } from '../seam/event-loop.ts';
import { HOST, HostLoop } from './host-loop.ts';
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EVENT_DATA, EVENT_WORDS, type Kernel } from './kernel.ts';
import { Patience, type Patient } from './patience.ts';

/** Events taken from the kernel at once. */
const BATCH = 256;
/** After this many ms of work without a pause the runtime's own event loop gets its turn: timers, signals, messages, files. */
const TURN_MS = 1;
/** How long we wait for more, in ms, before the runtime's loop waits in our place: passing over to it and back costs several µs. */
const LINGER_MS = 1;
/** While an app is at work the runtime's loop goes round so often, each time with a look at the kernel, before it waits in our place. */
const TURNS_FOR_GUESTS = 2;
/** What is told together takes less, in ms, unless somebody keeps the loop from going round. */
const STALL_MS = 20;
/** What one read takes at most: half of what a unix socket holds by default (net.core.wmem_default), the cheapest of the sizes tried. */
const READ_BYTES = 106496;
/** Reads up to this length have a view ready. */
const VIEWS = 4096;

const MAX_ID = 0x7fffffff;

/** Something with a descriptor that the kernel tells about. */
export interface Pollable {
  /** Tells one holder of a descriptor from the next one, for events that were on their way when it was closed. */
  readonly id: number;
  ready(events: number): void;
}

/**
 * An event loop of our own on epoll(7), inside the runtime's. While there is work it asks the kernel itself; when there is none,
 * the runtime's loop watches our epoll descriptor and wakes us.
 */
export class Poller {
  readonly kernel: Kernel;
  /** What is read goes here first. Its content is valid until the next read. */
  readonly buffer = new Uint8Array(READ_BYTES);
  /** A sockaddr for whoever needs one within a call. */
  readonly address = new Uint8Array(28);
  /**
   * When the events that are told now were taken from the kernel, in ms, give or take one. It stands still while what is told takes long:
   * what came meanwhile is told as if it had come at once behind that.
   */
  clock = performance.now();
  readonly #epoll: number;
  readonly #byFd: (Pollable | null)[] = [];
  readonly #events = new Int32Array(EVENT_WORDS * BATCH);
  readonly #event = new Int32Array(EVENT_WORDS);
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly #host: HostLoop;
  #count = 0;
  #ids = HOST;
  /** Told when the handler on the stack is done. */
  readonly #due = new DueList();
  /** Told when the turn is. */
  readonly #turnEnd = new DueList();
  #isDispatching = false;
  /** From the first event of those taken together until the promises behind them have run. */
  #isInTurn = false;
  #isActive = false;
  /** Turns without an event, since the last one. */
  #emptyTurns = 0;
  readonly #guests: Guests;
  readonly #patience = new Patience();
  /** When the kernel was asked last, and whether it had something to tell. */
  #askedAt = this.clock;
  #hasTold = false;
  /** By how much the clock is late. */
  #stalled = 0;

  constructor(kernel: Kernel, guests: Guests) {
    this.kernel = kernel;
    this.#guests = guests;
    this.#epoll = kernel.epoll();
    this.#host = new HostLoop(kernel, this.#epoll, this.#turn);
  }

  nextId(): number {
    this.#ids = this.#ids === MAX_ID ? HOST + 1 : this.#ids + 1;
    return this.#ids;
  }

  /** The first `length` bytes of the buffer. */
  view(length: number): Uint8Array {
    if (length >= VIEWS) return this.buffer.subarray(0, length);
    let view = this.#views[length];
    if (view === undefined) {
      view = this.buffer.subarray(0, length);
      this.#views[length] = view;
    }
    return view;
  }

  /** Begins to tell `pollable` of `events` on `fd`. False when the kernel refuses; `errno` says why. */
  watch(fd: number, pollable: Pollable, events: number): boolean {
    if (this.#control(EPOLL_CTL_ADD, fd, pollable, events) !== 0) return false;
    while (this.#byFd.length <= fd) this.#byFd.push(null);
    this.#byFd[fd] = pollable;
    this.#count += 1;
    if (!this.#isActive) this.#host.park();
    return true;
  }

  change(fd: number, pollable: Pollable, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, pollable, events);
  }

  /** Tells nothing more of `fd`. Of a descriptor that is about to be closed `isClosing` saves the call. */
  forget(fd: number, isClosing: boolean): void {
    if (!isClosing) this.kernel.control(this.#epoll, EPOLL_CTL_DEL, fd, this.#event);
    this.#byFd[fd] = null;
    this.#count -= 1;
    // Nothing is left to wait for, and the process may end.
    if (this.#count === 0) this.#host.unpark();
  }

  /** Watches `patient` some ms later, and sooner when there is nothing else to do. Called in events only. */
  watchLater(patient: Patient): void {
    this.#patience.add(patient);
  }

  /** Tells now whom something is due, between two connections that one event has brought. */
  settle(): void {
    if (!this.#due.isEmpty) this.#tellDue();
  }

  /** Calls `due.told()` when no handler is on the stack, and before anything else happens. */
  soon(due: Due): void {
    if (this.#due.add(due) && !this.#isDispatching) queueMicrotask(this.#tellDue);
  }

  /** Calls `due.told()` behind the events that are told together; outside of a turn in a moment. */
  atTurnEnd(due: Due): void {
    if (this.#turnEnd.add(due) && !this.#isInTurn) queueMicrotask(this.#tellTurnEnd);
  }

  #control(operation: number, fd: number, pollable: Pollable, events: number): number {
    const event = this.#event;
    event[0] = events;
    event[EVENT_DATA] = fd;
    event[EVENT_DATA + 1] = pollable.id;
    return this.kernel.control(this.#epoll, operation, fd, event);
  }

  readonly #turn = (): void => {
    this.#isActive = true;
    this.#host.watch(true);
    let isIdle = false;
    try {
      if (this.#isInTurn) this.#endTurn();
      isIdle = this.#work();
    } finally {
      // Whatever was thrown, it is one connection's misfortune.
      this.#isDispatching = false;
      if (!this.#due.isEmpty) queueMicrotask(this.#tellDue);
      this.#isActive = !isIdle;
      if (!isIdle) setImmediate(this.#turn);
      else if (this.#count > 0) this.#host.park();
    }
  };

  /** Returns whether nothing has come for a while; false when the runtime's loop is to have its turn. */
  #work(): boolean {
    const begin = performance.now();
    this.#moveClock(begin);
    this.#patience.age(begin);
    do {
      // An app's timers and immediates would wait with us.
      const hasGuests = this.#guests.areHere(begin);
      const count = this.kernel.wait(this.#epoll, this.#events, BATCH, this.#host.isWatched && !hasGuests ? LINGER_MS : 0);
      if (count <= 0) {
        this.#patience.end();
        return !hasGuests || ++this.#emptyTurns > TURNS_FOR_GUESTS;
      }
      this.#emptyTurns = 0;
      const isHostReady = this.#dispatch(count);
      const isDrained = this.kernel.drainMicrotasks();
      // Else the next turn comes behind them.
      if (isDrained) this.#endTurn();
      if (isHostReady || !isDrained) return false;
      this.#moveClock(performance.now());
    } while (this.#askedAt < begin + TURN_MS);
    return false;
  }

  #moveClock(now: number): void {
    const took = now - this.#askedAt;
    if (this.#hasTold && took > STALL_MS) this.#stalled += took;
    this.#hasTold = false;
    this.#askedAt = now;
    this.clock = now - this.#stalled;
  }

  /** True when the runtime's loop has something to do: a message, a file, a signal. */
  #dispatch(count: number): boolean {
    const events = this.#events;
    let isHostReady = false;
    this.#isDispatching = true;
    this.#isInTurn = true;
    this.#hasTold = true;
    for (let at = 0; at < count * EVENT_WORDS; at += EVENT_WORDS) {
      const id = events[at + EVENT_DATA + 1];
      const pollable = this.#byFd[events[at + EVENT_DATA]!];
      if (id === HOST) isHostReady = true;
      if (pollable == null || pollable.id !== id) continue;
      pollable.ready(events[at]!);
      if (!this.#due.isEmpty) this.#tellDue();
    }
    this.#isDispatching = false;
    return isHostReady;
  }

  #endTurn(): void {
    this.#isInTurn = false;
    if (this.#turnEnd.isEmpty) return;
    this.#tellTurnEnd();
    this.kernel.drainMicrotasks();
  }

  readonly #tellDue = (): void => {
    const wasDispatching = this.#isDispatching;
    this.#isDispatching = true;
    try {
      this.#due.tell();
    } finally {
      this.#isDispatching = wasDispatching;
      if (!this.#due.isEmpty) queueMicrotask(this.#tellDue);
    }
  };

  readonly #tellTurnEnd = (): void => {
    this.#isDispatching = true;
    try {
      this.#turnEnd.tell();
      this.#due.tell();
    } finally {
      this.#isDispatching = false;
      if (!this.#turnEnd.isEmpty) queueMicrotask(this.#tellTurnEnd);
    }
  };
}
