import type { Pollable, Poller } from './poller.ts';

/** The kernel knows nothing of the descriptor. */
const UNWATCHED = -1;

/** A descriptor of our own and what the kernel was asked to tell of it. */
export abstract class Descriptor implements Pollable {
  readonly id: number;
  protected readonly poller: Poller;
  /** -1 when there is none, or none any more. */
  protected fd: number;
  #watched = UNWATCHED;

  constructor(poller: Poller, fd: number) {
    this.id = poller.nextId();
    this.poller = poller;
    this.fd = fd;
  }

  abstract ready(events: number): void;

  protected get isWatched(): boolean {
    return this.#watched !== UNWATCHED;
  }

  /** Asks the kernel to tell of `events`, and of nothing else. False when it refuses; `errno` says why. */
  protected ask(events: number): boolean {
    if (events === this.#watched) return true;
    if (this.#watched !== UNWATCHED) this.poller.change(this.fd, this, events);
    else if (!this.poller.watch(this.fd, this, events)) return false;
    this.#watched = events;
    return true;
  }

  /** Is told nothing more. */
  protected unwatch(): void {
    if (this.#watched === UNWATCHED) return;
    this.poller.forget(this.fd, false);
    this.#watched = UNWATCHED;
  }

  /** Gives the descriptor back to the kernel. */
  protected closeDescriptor(): void {
    if (this.fd === -1) return;
    if (this.#watched !== UNWATCHED) this.poller.forget(this.fd, true);
    this.#watched = UNWATCHED;
    this.poller.kernel.close(this.fd);
    this.fd = -1;
  }
}
