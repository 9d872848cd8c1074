import { Deadline, type Expiring, type TimerWheel } from '../time/timer-wheel.ts';

/**
 * A FIN that comes so soon behind the client's last bytes, in ms, was sent with them: that is how `nc` and the scripts around it end their
 * half. Who leaves because it waits no longer, or closes its page, has waited before.
 */
const ONE_BREATH_MS = 50;
/** So many looks at what has moved, in the time that a client may be without output. */
const LOOKS = 10;

/** What a FIN behind a complete request means (`http-half-close`). */
export type HalfClose = 'auto' | 'on' | 'off';

/** @param silence ms between the client's last bytes and its FIN @returns whether nobody waits for the answer any more */
export function hasLeft(halfClose: HalfClose, silence: number): boolean {
  return halfClose === 'off' || (halfClose === 'auto' && silence > ONE_BREATH_MS);
}

/** What is known of a client that has ended its half. */
export interface HalfClosedClient {
  /** Bytes that have come from it, and bytes that were written to it. */
  readonly moved: number;
  /** It has not taken all that was written: other rules say for how long. */
  readonly isReading: boolean;
  /** Nothing has moved for `http-half-close-timeout`. */
  halfClosedTooLong(): void;
  crashed(): void;
}

/**
 * Waits with a client that has ended its half and is served all the same: whether it is still there only output can show, and
 * without any it is given up after `http-half-close-timeout`, or a tenth of that later.
 */
export class HalfCloseGuard implements Expiring {
  readonly #client: HalfClosedClient;
  readonly #wheel: TimerWheel;
  readonly #timeout: number;
  readonly #deadline = new Deadline(this);
  #moved: number;
  /** By the wheel's clock. */
  #since: number;

  /** @param timeout ms without output (`http-half-close-timeout`) */
  constructor(client: HalfClosedClient, wheel: TimerWheel, timeout: number) {
    this.#client = client;
    this.#wheel = wheel;
    this.#timeout = timeout;
    this.#moved = client.moved;
    this.#since = wheel.now;
    this.#look();
  }

  stop(): void {
    this.#wheel.remove(this.#deadline);
  }

  expired(): void {
    const { moved, isReading } = this.#client;
    const { now } = this.#wheel;
    if (moved !== this.#moved || isReading) {
      this.#moved = moved;
      this.#since = now;
    }
    if (now - this.#since >= this.#timeout) this.#client.halfClosedTooLong();
    else this.#look();
  }

  crashed(): void {
    this.#client.crashed();
  }

  #look(): void {
    if (this.#timeout !== Number.POSITIVE_INFINITY) this.#wheel.arm(this.#deadline, this.#timeout / LOOKS);
  }
}
