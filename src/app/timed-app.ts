import { FAILURES, type Failure } from '../failure/failures.ts';
import { latin1 } from '../http1/bytes.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { NodeFailure } from '../pool/backend.ts';
import type { Client } from '../router/client.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import { Deadline, type Expiring, type TimerWheel } from '../time/timer-wheel.ts';

/** Where a process says what it is doing, for who watches over it from outside. */
export interface RunningRequests {
  /** @returns what `end` is to be told */
  begin(requestLine: string): number;
  end(slot: number): void;
}

/** What all requests of one app with `harakiri` share. */
export interface Harakiri {
  /** ms */
  readonly limit: number;
  readonly wheel: TimerWheel;
  /** Null when nobody watches. */
  readonly board: RunningRequests | null;
}

/**
 * A request to an app in this process that may take only so long (`harakiri`): then the client gets 504, and the app's `signal` is
 * aborted. It stands between the exchange and the app's upstream, so that without `harakiri` nothing of it costs anything.
 */
export class TimedApp implements Upstream, Expiring {
  readonly #exchange: UpstreamExchange;
  readonly #harakiri: Harakiri;
  readonly #app: Upstream;
  readonly #deadline = new Deadline(this);
  readonly #slot: number;
  #isOver = false;

  /** @param open makes the app's upstream */
  constructor(exchange: UpstreamExchange, harakiri: Harakiri, open: (exchange: UpstreamExchange) => Upstream) {
    this.#exchange = exchange;
    this.#harakiri = harakiri;
    const { bytes, methodStart, targetEnd } = exchange.request;
    this.#slot = harakiri.board?.begin(latin1(bytes, methodStart, targetEnd)) ?? -1;
    this.#app = open(new TimedExchange(exchange, () => this.#over()));
    harakiri.wheel.arm(this.#deadline, harakiri.limit);
  }

  get isConnected(): boolean {
    return this.#app.isConnected === true;
  }

  send(firstBody: Uint8Array | null): boolean {
    return this.#app.send(firstBody);
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#app.body(bytes, start, end);
  }

  end(): void {
    this.#app.end();
  }

  abort(): void {
    this.#over();
    this.#app.abort();
  }

  pause(): void {
    this.#app.pause();
  }

  resume(): void {
    this.#app.resume();
  }

  expired(): void {
    if (this.#isOver) return;
    this.#over();
    this.#app.abort();
    this.#exchange.failed(FAILURES.harakiri);
  }

  crashed(): void {
    this.#exchange.crashed();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#harakiri.wheel.remove(this.#deadline);
    this.#harakiri.board?.end(this.#slot);
  }
}

/** Passes on what the app's upstream tells, and notices when that is over. */
class TimedExchange implements UpstreamExchange {
  readonly request: RequestHead;
  readonly client: Client;
  readonly bodyLength: number;
  readonly #exchange: UpstreamExchange;
  readonly #over: () => void;

  constructor(exchange: UpstreamExchange, over: () => void) {
    this.request = exchange.request;
    this.client = exchange.client;
    this.bodyLength = exchange.bodyLength;
    this.#exchange = exchange;
    this.#over = over;
  }

  get isDone(): boolean {
    return this.#exchange.isDone;
  }

  connected(): void {
    this.#exchange.connected();
  }

  connectFailed(failure: NodeFailure, code: string): void {
    this.#exchange.connectFailed(failure, code);
  }

  interim(head: ResponseHead): void {
    this.#exchange.interim(head);
  }

  head(head: ResponseHead): void {
    this.#exchange.head(head);
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    this.#exchange.body(bytes, start, end);
  }

  trailers(lines: Uint8Array): void {
    this.#exchange.trailers(lines);
  }

  end(): void {
    this.#over();
    this.#exchange.end();
  }

  failed(failure: Failure): void {
    this.#over();
    this.#exchange.failed(failure);
  }

  drained(): void {
    this.#exchange.drained();
  }

  flush(): void {
    this.#exchange.flush();
  }

  crashed(): void {
    this.#over();
    this.#exchange.crashed();
  }
}
