import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN, EVENT_DATA, EVENT_WORDS, type Kernel } from './kernel.ts';

/** How often we look when no descriptor is left by which the runtime's loop could wake us. */
const SHORTAGE_MS = 10;

/** Stands for the runtime's loop among the ids of pollables. */
export const HOST = 0;

/** The runtime's own event loop: one of the two, it or ours, waits for both. */
export class HostLoop {
  /** Ours watches it. */
  isWatched = false;
  readonly #kernel: Kernel;
  readonly #epoll: number;
  readonly #turn: () => void;
  readonly #event = new Int32Array(EVENT_WORDS);
  #unpark: (() => void) | null = null;

  /** @param turn is called when it has waited in our place, and there is something to do */
  constructor(kernel: Kernel, epoll: number, turn: () => void) {
    this.#kernel = kernel;
    this.#epoll = epoll;
    this.#turn = turn;
  }

  /** It waits in our place. */
  park(): void {
    if (this.#unpark !== null) return;
    this.watch(false);
    this.#unpark = this.#kernel.park(this.#epoll, this.#wake);
    if (this.#unpark === null) {
      const timer = setTimeout(this.#wake, SHORTAGE_MS);
      this.#unpark = () => clearTimeout(timer);
    }
  }

  /** Nobody waits, and the process may end. */
  unpark(): void {
    this.#unpark?.();
    this.#unpark = null;
  }

  readonly #wake = (): void => {
    this.#unpark = null;
    this.#turn();
  };

  /**
   * While we are at work, our epoll watches that of the runtime's loop; while that waits in our place, the other way round. Never both:
   * the kernel allows no circles, and refuses as long as the runtime has not let go of ours.
   */
  watch(isWanted: boolean): void {
    const kernel = this.#kernel;
    if (isWanted === this.isWatched || kernel.hostEpoll === -1) return;
    const event = this.#event;
    event[0] = EPOLLIN;
    event[EVENT_DATA] = kernel.hostEpoll;
    event[EVENT_DATA + 1] = HOST;
    if (kernel.control(this.#epoll, isWanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, kernel.hostEpoll, event) === 0) this.isWatched = isWanted;
  }
}
