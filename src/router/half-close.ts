import { Deadline, type Expiring } from '../net/timer-wheel.ts';
import type { Service } from './service.ts';

/**
 * A FIN that comes so soon behind the client's last bytes, in ms, was sent with them: that is how `nc` and the scripts around it end their
 * half. Who leaves because it waits no longer, or closes its page, has waited before.
 */
export const ONE_BREATH_MS = 50;
/** So many looks at what has moved, in the time that a client may be without output. */
const LOOKS = 10;

/** What a FIN behind a complete request means (`http-half-close`). */
export type HalfClose = 'auto' | 'on' | 'off';

/** @param silence ms between the client's last bytes and its FIN @returns whether nobody waits for the answer any more */
export function hasLeft(halfClose: HalfClose, silence: number): boolean {
  return halfClose === 'off' || (halfClose === 'auto' && silence > ONE_BREATH_MS);
}

/** The session as far as it concerns a client that has ended its half. */
export interface HalfClosedSession {
  /** Bytes that have come so far, and bytes that were written. */
  readonly moved: number;
  /** Bytes that wait for the client to read on: other rules say how long. */
  readonly queued: number;
  /** Nothing has moved for `http-half-close-timeout`. */
  isSilentTooLong(): void;
  crashed(): void;
}

/**
 * Waits with a client that has ended its half and is served all the same: whether it is still there only output can show, and
 * without any it is given up after `http-half-close-timeout`, or a tenth of that later.
 */
export class HalfCloseWatch implements Expiring {
  readonly #session: HalfClosedSession;
  readonly #service: Service;
  readonly #deadline = new Deadline(this);
  #moved: number;
  /** By the wheel's clock. */
  #since: number;

  constructor(session: HalfClosedSession, service: Service) {
    this.#session = session;
    this.#service = service;
    this.#moved = session.moved;
    this.#since = service.wheel.now;
    this.#look();
  }

  stop(): void {
    this.#service.wheel.remove(this.#deadline);
  }

  expired(): void {
    const { moved, queued } = this.#session;
    const { wheel, settings } = this.#service;
    if (moved !== this.#moved || queued > 0) {
      this.#moved = moved;
      this.#since = wheel.now;
    }
    if (wheel.now - this.#since >= settings.halfCloseTimeout) this.#session.isSilentTooLong();
    else this.#look();
  }

  crashed(): void {
    this.#session.crashed();
  }

  #look(): void {
    const { wheel, settings } = this.#service;
    if (settings.halfCloseTimeout !== Number.POSITIVE_INFINITY) wheel.arm(this.#deadline, settings.halfCloseTimeout / LOOKS);
  }
}
