import { FAILURES } from '../failure/failures.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { ConnectFailure, Connection } from '../runtime/seam/sockets.ts';
import { Deadline, type Expiring } from '../time/timer-wheel.ts';
import type { Idle } from './idle-connections.ts';
import type { BackendConnections, Keeper } from './keeper.ts';
import { isRepeatable } from './repeatable.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * | state      |                                                                          | left for                              |
 * | ---------- | ------------------------------------------------------------------------ | ------------------------------------- |
 * | connecting | opened for an exchange                                                   | busy, closed                          |
 * | repeating  | opened anew, since the node had closed: the request goes out once more   | busy, closed                          |
 * | delayed    | an exchange has it, and is told `connected` in a moment                  | busy, closed                          |
 * | busy       | an exchange has it                                                       | repeating, idle, closing, closed      |
 * | idle       | waits for the next exchange                                              | busy, delayed, closed                 |
 * | closing    | the answer is complete, and one of both is about to close                | closed                                |
 * | closed     | given up, whatever the socket still says                                 |                                       |
 */
const STATE = { connecting: 0, repeating: 1, delayed: 2, busy: 3, idle: 4, closing: 5, closed: 6 } as const;

/** How long a node that said so may take to close. */
const CLOSE_MS = 2_000;
/** How long it may take to read the end of a tunnel. */
export const FLUSH_MS = 30_000;
/** A node's own idle time is used but for so much, which its FIN may be on its way. */
const MARGIN_MS = 1_000;
/** How long a connection that has nothing to do may keep a worker from a request that waits. */
const YIELD_MS = 100;

/**
 * A connection to a node that carries request after request, and the upstream of the one it carries: what a request needs beside
 * its exchange is made once for each connection. The protocol, how a request is written, is for who extends it.
 */
export abstract class PersistentUpstream implements Upstream, Expiring, Idle {
  idleSince = 0;
  protected exchange: UpstreamExchange | null = null;
  protected connection: Connection<PersistentUpstream> | null = null;
  readonly #connections: Keeper<PersistentUpstream>;
  readonly #kept: BackendConnections<PersistentUpstream>;
  readonly #reader: ResponseReader;
  /** Waits in the wheel while the connection is used, and is put off when it is idle again. */
  readonly #deadline = new Deadline(this);
  #state: number = STATE.connecting;
  /** The request is complete. */
  #isEnded = false;
  /** The request may still be repeated, as far as it and the connection are concerned: no byte of an answer has come. */
  #mayRepeat = false;
  #isPaused = false;
  /** A new connection that got no byte yet: it may wait for a worker. */
  #isWaiting = false;
  /** By the wheel's clock: when an idle connection is closed, unless somebody waits for its worker. */
  #idleUntil = 0;

  constructor(connections: Keeper<PersistentUpstream>, kept: BackendConnections<PersistentUpstream>) {
    this.#connections = connections;
    this.#kept = kept;
    this.#reader = new ResponseReader(null, connections.head);
  }

  /** On a used connection a request without a body can go at once. */
  get isConnected(): boolean {
    return this.#state === STATE.busy;
  }

  protected get isTunnel(): boolean {
    return this.#reader.isTunnel;
  }

  // From the exchange

  /** Takes on a request: on this connection when it is idle, else it is opened. */
  start(exchange: UpstreamExchange): void {
    this.exchange = exchange;
    this.#reader.begin(exchange);
    this.#isEnded = false;
    const isUsed = this.#state === STATE.idle;
    this.#mayRepeat = (isUsed || this.#repeatsUnread) && isRepeatable(exchange);
    if (!isUsed) return this.#connect();
    // The first bytes of a body are here in a moment, and go out with the head.
    this.#state = exchange.request.hasBody ? STATE.delayed : STATE.busy;
    if (this.#state === STATE.delayed) queueMicrotask(this.#connected);
  }

  abstract send(firstBody: Uint8Array | null): boolean;
  abstract body(bytes: Uint8Array, start: number, end: number): boolean;
  /** The last of the request's bytes, if its framing has such. */
  protected abstract endBody(): void;

  end(): void {
    this.#isEnded = true;
    if (this.#reader.isTunnel) this.connection!.end();
    else if (this.#reader.isDone) this.#closeTunnel();
    else this.endBody();
  }

  abort(): void {
    if (this.#state !== STATE.idle) this.#destroy();
  }

  pause(): void {
    this.#isPaused = true;
    this.connection!.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.connection!.resume();
  }

  // From whoever keeps it

  discardIdle(): void {
    if (this.#state === STATE.idle || this.#state === STATE.closing) this.#destroy();
  }

  expired(): void {
    const rest = this.#idleUntil - this.#connections.wheel.now;
    if (this.#state === STATE.idle && rest > 0 && this.#kept.waiting === 0) this.#connections.wheel.arm(this.#deadline, rest);
    else this.discardIdle();
  }

  crashed(): void {
    const { exchange } = this;
    this.#destroy();
    if (exchange !== null && !exchange.isDone) exchange.crashed();
  }

  // Events of the connection; of one that was given up for another they say nothing

  opened(connection: Connection<PersistentUpstream>): void {
    const wasRepeating = this.#state === STATE.repeating;
    if (connection !== this.connection || !(this.#state === STATE.connecting || wasRepeating)) return;
    this.#state = STATE.busy;
    if (wasRepeating) this.send(null);
    else this.exchange!.connected();
  }

  connectFailed(failure: ConnectFailure): void {
    const { exchange } = this;
    this.#destroy();
    exchange!.connectFailed(failure.reason, failure.code);
  }

  received(connection: Connection<PersistentUpstream>, bytes: Uint8Array): void {
    if (connection !== this.connection) return;
    // Nobody asked: whatever it is, no answer behind it can be trusted.
    if (this.#state === STATE.idle) return this.#destroy();
    if (!this.#isBusy || this.#reader.isDone) return;
    const exchange = this.exchange!;
    this.#mayRepeat = false;
    if (this.#isWaiting) this.#waitsNoMore();
    this.#reader.read(bytes);
    // A puwsgi worker waits 4 s for a next request before it closes, and only that ends such an answer: there is none.
    if (this.#reader.isUntilClose && this.#connections.settings.yields === true) connection.end();
    exchange.flush();
    if (this.#reader.isDone && this.#isBusy) this.#finish();
  }

  drained(connection: Connection<PersistentUpstream>): void {
    if (connection === this.connection && this.#isBusy && !this.exchange!.isDone) this.exchange!.drained();
  }

  peerEnded(connection: Connection<PersistentUpstream>): void {
    if (connection !== this.connection || this.#state === STATE.closed) return;
    if (!this.#isBusy) return this.#destroy();
    if (this.#mayRepeat && !this.#repeatsUnread) return this.#repeat();
    const exchange = this.exchange!;
    const { isTunnel } = this.#reader;
    if (!this.#reader.isDone) {
      this.#reader.end();
      exchange.flush();
    }
    // The other half of a tunnel lives on until the exchange ends it.
    if (!isTunnel) this.#destroy();
    else if (exchange.isDone) this.#closeTunnel();
  }

  closed(connection: Connection<PersistentUpstream>, error: string | null): void {
    if (connection !== this.connection || this.#state === STATE.closed) return;
    if (this.#isBusy && this.#mayRepeat && (error !== null || !this.#repeatsUnread)) return this.#repeat();
    const exchange = this.#isBusy ? this.exchange! : null;
    const isComplete = this.#reader.isDone;
    this.#destroy();
    if (exchange === null) return;
    if (!isComplete) {
      if (error === null) this.#reader.end();
      else this.#reader.broken();
      exchange.flush();
    } else if (!exchange.isDone) exchange.failed(FAILURES.upstreamReset);
  }

  /** An exchange has it. */
  get #isBusy(): boolean {
    return this.#state === STATE.busy || this.#state === STATE.delayed;
  }

  get #repeatsUnread(): boolean {
    return this.#connections.settings.repeatsUnread === true;
  }

  /** RFC 9112 9.3.1: a connection that closed before a byte of the answer came may have been closed before the request came to it. */
  #repeat(): void {
    const stale = this.connection!;
    this.#mayRepeat = false;
    this.#state = STATE.repeating;
    this.#connect();
    stale.destroy();
  }

  #connect(): void {
    const kept = this.#kept;
    if (this.#connections.settings.yields === true && kept.idle.length > 0) this.#connections.freeWorker(kept);
    // A new connection that is repeated waits already.
    if (!this.#isWaiting && kept.waiting++ === 0) kept.waitingSince = this.#connections.wheel.now;
    this.#isWaiting = true;
    this.connection = this.#connections.connect(this, kept.address);
  }

  #waitsNoMore(): void {
    this.#isWaiting = false;
    this.#kept.waiting--;
  }

  /** A connection that is waited for is not kept, or not for long. */
  #yieldsWithin(idle: number): number {
    const kept = this.#kept;
    if (kept.owed > 0) {
      kept.owed--;
      return 0;
    }
    if (kept.waiting === 0) return idle;
    return this.#connections.wheel.now - kept.waitingSince >= YIELD_MS ? 0 : Math.min(idle, YIELD_MS);
  }

  /** The answer is complete. */
  #finish(): void {
    const { wheel, settings, isStopped } = this.#connections;
    const connection = this.connection!;
    const { keepsFor } = this.#reader;
    const wasRead = this.#isEnded && connection.queued === 0;
    const longest = Math.min(settings.idle, keepsFor - MARGIN_MS);
    const idle = settings.yields === true ? this.#yieldsWithin(longest) : longest;
    if (wasRead && idle > 0 && !isStopped && !this.#kept.backend.isGone && this.#kept.idle.put(this)) {
      this.#state = STATE.idle;
      this.idleSince = wheel.now;
      this.#idleUntil = wheel.now + longest;
      wheel.arm(this.#deadline, idle);
    } else if (wasRead && keepsFor === 0 && this.#kept.address.kind === 'tcp') {
      // Whoever closes a TCP connection first keeps its port for a minute: that should be the node.
      this.#state = STATE.closing;
      wheel.arm(this.#deadline, CLOSE_MS);
    } else return this.#destroy();
    this.exchange = null;
    this.#reader.begin(null);
    if (this.#isPaused) this.resume();
  }

  /** Both halves have ended; the client's may not have been read yet. */
  #closeTunnel(): void {
    if (this.#state === STATE.closed) return;
    this.#state = STATE.closing;
    this.connection!.close();
    this.#connections.wheel.arm(this.#deadline, FLUSH_MS);
  }

  #destroy(): void {
    if (this.#state === STATE.closed) return;
    if (this.#state === STATE.idle) this.#kept.idle.remove(this);
    this.#state = STATE.closed;
    if (this.#isWaiting) this.#waitsNoMore();
    this.#connections.wheel.remove(this.#deadline);
    this.#connections.closed(this);
    this.connection?.destroy();
  }

  readonly #connected = (): void => {
    if (this.#state !== STATE.delayed) return;
    this.#state = STATE.busy;
    try {
      this.exchange!.connected();
    } catch (error) {
      // Microtasks are our own entry: nobody above catches what is thrown in them.
      this.#connections.failed(error);
      this.crashed();
    }
  };
}
