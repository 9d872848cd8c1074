import type { Connection } from '../runtime/seam/sockets.ts';
import type { Deadline } from '../time/timer-wheel.ts';
import type { Http1Answer } from './http1-answer.ts';
import type { Service } from './service.ts';

const LINGER_MS = 2_000;
/** More than a client in the middle of an upload sends in that time: one that cannot read before it has written gets its answer too. */
const LINGER_BYTES = 64 * 1024 * 1024;

/** The ways in which a client's connection comes to its end. */
export class Closing {
  readonly #connection: Connection<unknown>;
  readonly #answer: Http1Answer;
  readonly #deadline: Deadline;
  #lingered = 0;

  constructor(connection: Connection<unknown>, answer: Http1Answer, deadline: Deadline) {
    this.#connection = connection;
    this.#answer = answer;
    this.#deadline = deadline;
  }

  /** All is read and written: the connection closes once the kernel has taken the answer. */
  finish({ wheel, settings }: Service): void {
    wheel.arm(this.#deadline, settings.timeout);
    this.#answer.close();
  }

  /** Lingering close (RFC 9112 9.6): closing over unread bytes would reset the connection under the answer. */
  linger({ wheel, settings }: Service): void {
    this.#answer.flush();
    this.#connection.end();
    this.#connection.resume();
    wheel.arm(this.#deadline, this.#connection.queued === 0 ? LINGER_MS : settings.timeout);
  }

  /** So many bytes were thrown away while it lingered. False when it is enough. */
  mayLinger(bytes: number): boolean {
    this.#lingered += bytes;
    return this.#lingered <= LINGER_BYTES;
  }

  /** At once. Of an answer that ends by close it would be the end that it has when it is complete (RFC 9112 8). @param isBusy it is not yet written */
  cut(isBusy: boolean): void {
    if (this.#answer.endsByClose && (isBusy || this.#connection.queued > 0)) this.#connection.reset();
    else this.#connection.destroy();
  }
}
