import { highestAccepted } from '../accept-limit.ts';
import { Later } from '../due-list.ts';
import { Guests } from '../guests.ts';
import type { Due, EventLoop } from '../seam/event-loop.ts';
import { EpollSockets } from './epoll-sockets.ts';
import type { Kernel } from './kernel.ts';

/** Sockets of our own, made when first asked for; null where the system or the user will not have them: then the runtime's serve. */
export class OwnSockets implements Pick<EventLoop, 'guests' | 'soon' | 'atTurnEnd'> {
  readonly guests = new Guests();
  readonly #load: () => Kernel | null;
  readonly #openFilesLimit: () => number | null;
  /** Undefined before it is asked for. */
  #kernel: Kernel | null | undefined;
  #sockets: EpollSockets | null = null;
  /** Where the runtime's sockets serve. */
  readonly #soon = new Later(queueMicrotask);
  /** Immediates come behind the events that a loop takes together, and behind their promises; microtasks of Bun and Node behind each event. */
  readonly #turnEnd = new Later(setImmediate);

  /** @param load gives the runtime's way to the kernel */
  constructor(load: () => Kernel | null, openFilesLimit: () => number | null) {
    this.#load = load;
    this.#openFilesLimit = openFilesLimit;
  }

  get kernel(): Kernel | null {
    if (this.#kernel === undefined) {
      const kernel = process.platform === 'linux' ? this.#load() : null;
      this.#kernel = kernel !== null && process.env.UGATE_SOCKETS !== 'runtime' ? kernel : null;
    }
    return this.#kernel;
  }

  get sockets(): EpollSockets | null {
    const { kernel } = this;
    if (kernel !== null) this.#sockets ??= new EpollSockets(kernel, highestAccepted(this.#openFilesLimit()), this.guests);
    return this.#sockets;
  }

  soon(due: Due): void {
    if (this.#sockets !== null) this.#sockets.soon(due);
    else this.#soon.add(due);
  }

  atTurnEnd(due: Due): void {
    if (this.#sockets !== null) this.#sockets.atTurnEnd(due);
    else this.#turnEnd.add(due);
  }
}
