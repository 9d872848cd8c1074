import { Deadline, type Expiring, type TimerWheel } from '../time/timer-wheel.ts';

/** How long a client may be slower than `http-min-rate` before it counts: one window, ms. */
export const PACE_WINDOW_MS = 30_000;
/**
 * So many windows in a row may pass without a byte taken of an answer. The kernel takes more only when a third of its send buffer is
 * free, over a megabyte on a fast path: a client that reads steadily seems to stand still in between.
 */
export const SILENT_WINDOWS = 4;

/** What is known of a client that somebody waits for. */
export interface PacedClient {
  /** Bytes that have come from it. */
  readonly received: number;
  /** Bytes that its kernel or ours has taken of what was sent to it. */
  readonly taken: number;
  /** It owes us the rest of a body, and nothing of ours holds it back. */
  readonly isOwing: boolean;
  /** It has not taken all that was written, and what it gets is no event stream or tunnel. */
  readonly isBehind: boolean;
  /** It sent too little of its body in a whole window. */
  sentTooSlowly(): void;
  /** It took too little of its answer in a whole window. */
  readTooSlowly(): void;
  crashed(): void;
}

/**
 * Watches over a client that drips: in a window in which it alone was waited for, it must move `minRate` bytes a second
 * (`http-min-rate`). Starts with the first wait and ends by itself when there is nothing to wait for at the end of a window.
 */
export class Pace implements Expiring {
  readonly #client: PacedClient;
  readonly #wheel: TimerWheel;
  readonly #least: number;
  readonly #deadline = new Deadline(this);
  #received = 0;
  #taken = 0;
  #wasOwing = false;
  #wasBehind = false;
  /** Windows in a row in which nothing was taken. */
  #silent = 0;
  #isRunning = false;

  /** @param minRate bytes a second */
  constructor(client: PacedClient, wheel: TimerWheel, minRate: number) {
    this.#client = client;
    this.#wheel = wheel;
    this.#least = (minRate * PACE_WINDOW_MS) / 1000;
  }

  /** Somebody waits for the client now. */
  start(): void {
    if (this.#isRunning) return;
    this.#silent = 0;
    this.#open();
  }

  /** The client was held back, or has sent all, or has read all: this window says nothing about its sending, or its reading. */
  heldBack(): void {
    this.#wasOwing = false;
  }

  caughtUp(): void {
    this.#wasBehind = false;
    this.#silent = 0;
  }

  stop(): void {
    this.#wheel.remove(this.#deadline);
  }

  expired(): void {
    const client = this.#client;
    if (this.#wasOwing && client.isOwing && client.received - this.#received < this.#least) return client.sentTooSlowly();
    if (this.#wasBehind && client.isBehind && this.#isTooLittle(client.taken - this.#taken)) return client.readTooSlowly();
    this.#isRunning = false;
    if (client.isOwing || client.isBehind) this.#open();
  }

  crashed(): void {
    this.#client.crashed();
  }

  #isTooLittle(taken: number): boolean {
    if (taken === 0) return ++this.#silent === SILENT_WINDOWS;
    this.#silent = 0;
    return taken < this.#least;
  }

  #open(): void {
    const client = this.#client;
    this.#isRunning = true;
    this.#received = client.received;
    this.#taken = client.taken;
    this.#wasOwing = client.isOwing;
    this.#wasBehind = client.isBehind;
    this.#wheel.arm(this.#deadline, PACE_WINDOW_MS);
  }
}
