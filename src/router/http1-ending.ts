import { FAILURES, type Failure } from '../failure/failures.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import type { Deadline } from '../time/timer-wheel.ts';
import type { Admission } from './admission.ts';
import type { Http1Answer } from './http1-answer.ts';
import { type Life, STATE } from './http1-state.ts';
import type { RequestReader } from './request-reader.ts';
import type { ServedRequest } from './served-request.ts';

const LINGER_MS = 2_000;
/** More than a client in the middle of an upload sends in that time: one that cannot read before it has written gets its answer too. */
const LINGER_BYTES = 64 * 1024 * 1024;

/** The ways in which the requests of an HTTP/1 connection end, but for an answer from behind, and those in which it ends itself. */
export class Http1Ending {
  readonly #life: Life;
  readonly #connection: Connection<unknown>;
  readonly #request: ServedRequest;
  readonly #reader: RequestReader;
  readonly #answer: Http1Answer;
  readonly #deadline: Deadline;
  /** What the answer had written before the current request. */
  #sentBefore = 0;
  #lingered = 0;

  constructor(life: Life, connection: Connection<unknown>, request: ServedRequest, reader: RequestReader, answer: Http1Answer, deadline: Deadline) {
    this.#life = life;
    this.#connection = connection;
    this.#request = request;
    this.#reader = reader;
    this.#answer = answer;
    this.#deadline = deadline;
  }

  // Requests

  /** Answers what breaks the rules; nothing that follows it on this connection can be trusted. */
  refuse(failure: Failure, rule = failure.rule): void {
    const { head } = this.#reader;
    this.#request.begin();
    this.#request.transaction.failed(failure, undefined, rule);
    if (!this.#life.isAnswering) this.#answer.begin(head?.isRtsp ? head : null);
    this.#failLast(failure);
  }

  /** The same in the middle of a body. */
  refuseBody(failure: Failure): void {
    this.#request.exchange!.abort();
    if (this.#answer.hasBegun) this.close();
    else this.refuse(failure);
  }

  /** What was not admitted. Where nothing is wrong with it the connection stays, if it can. */
  turnDown(admission: Exclude<Admission, { kind: 'admitted' }>): void {
    const { transaction } = this.#request;
    switch (admission.kind) {
      case 'refused':
        return this.refuse(admission.failure);
      case 'turned-down':
        transaction.failed(admission.failure);
        return this.#answer.fail(admission.failure);
    }
  }

  /** What came is no request, and gets these bytes in place of an answer. @param failure null when nothing is wrong with it */
  leave(lastWords: Uint8Array, failure: Failure | null, rule: string): void {
    if (failure === null) this.#request.transaction.drop();
    else this.#request.transaction.failed(failure, undefined, rule);
    if (lastWords.length > 0) this.#connection.write(lastWords);
    this.finish();
  }

  /** A handler threw: an answer if it can still get one. */
  crash(): void {
    const { exchange, service, transaction } = this.#request;
    service.out.length = 0;
    this.#request.begin();
    transaction.note(FAILURES.internal);
    exchange?.abort();
    if (this.#life.state > STATE.tunnel || this.#answer.hasBegun) this.close();
    else this.#failLast(FAILURES.internal);
  }

  /** The client left in the middle of a head. */
  breakOff(): void {
    this.#request.transaction.clientLeft('the client left in the middle of a head');
    this.close();
  }

  /** The client left: nobody waits for the answer. */
  giveUp(): void {
    this.#request.exchange!.clientGone();
    this.close();
  }

  /** The one end of every request, whatever became of it. */
  release(): void {
    const { produced, bodyBytes } = this.#answer;
    const { service } = this.#request;
    const sent = produced - this.#sentBefore;
    this.#sentBefore = produced;
    // Its compressor may end with the generation.
    this.#answer.discard();
    this.#request.end(sent, bodyBytes);
    this.#reader.release(service);
    this.#answer.use(this.#request.service);
  }

  // The connection

  /** All is read and written: it closes once the kernel has taken the answer. */
  finish(): void {
    const { wheel, settings } = this.#request.service;
    this.#life.state = STATE.closing;
    wheel.arm(this.#deadline, settings.timeout);
    this.#answer.close();
  }

  /** Lingering close (RFC 9112 9.6): closing over unread bytes would reset the connection under the answer. */
  linger(): void {
    const { wheel, settings } = this.#request.service;
    this.#life.state = STATE.lingering;
    this.#reader.dropKept();
    this.#answer.flush();
    this.#connection.end();
    this.#connection.resume();
    wheel.arm(this.#deadline, this.#connection.queued === 0 ? LINGER_MS : settings.timeout);
  }

  /** So many bytes came while it lingered. */
  threwAway(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered > LINGER_BYTES) this.close();
  }

  /** What the client still reads is not taken from it; behind that the connection closes by itself, both sides having ended. */
  closeBehind(): void {
    if (this.#connection.queued === 0) this.close();
  }

  /** At once. Of an answer that ends by close it would be the end that it has when it is complete (RFC 9112 8). */
  close(): void {
    const { isAnswering, state } = this.#life;
    if (state === STATE.closed) return;
    this.#request.exchange?.abort();
    this.#life.state = STATE.closed;
    if (this.#answer.endsByClose && (isAnswering || this.#connection.queued > 0)) this.#connection.reset();
    else this.#connection.destroy();
    // Whoever closes may end the process before the connection tells.
    this.release();
  }

  #failLast(failure: Failure): void {
    this.#life.state = STATE.head;
    this.#answer.fail(failure);
    this.#answer.flush();
  }
}
