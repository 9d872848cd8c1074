import { Deadline, type Expiring } from '../net/timer-wheel.ts';
import { FAILURES } from '../router/failures.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { ConnectFailure, Connection } from '../runtime/seam.ts';
import type { Idle } from './idle-connections.ts';
import { isRepeatable, type PersistentConnections, type Place } from './persistent.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * `busy`: an exchange has it. `idle`: it waits for the next one. `closing`: the answer is complete and the node is about to close.
 * `closed`: given up, whatever the socket still says.
 */
const STATE = { connecting: 0, busy: 1, idle: 2, closing: 3, closed: 4 } as const;

/** How long a node that said so may take to close. */
const CLOSE_MS = 2_000;
/** A node's own idle time is used but for so much, which its FIN may be on its way. */
const MARGIN_MS = 1_000;

/**
 * A connection to a node that carries request after request, and the upstream of the one it carries: what a request needs beside
 * its exchange is made once for each connection. The protocol, how a request is written, is for who extends it.
 */
export abstract class PersistentUpstream implements Upstream, Expiring, Idle {
  idleSince = 0;
  protected exchange: UpstreamExchange | null = null;
  protected connection: Connection<PersistentUpstream> | null = null;
  readonly #connections: PersistentConnections;
  readonly #place: Place;
  readonly #reader: ResponseReader;
  /** Waits in the wheel while the connection is used, and is put off when it is idle again. */
  readonly #deadline = new Deadline(this);
  #state: number = STATE.connecting;
  /** The request is complete. */
  #isEnded = false;
  /** The node had closed, as far as it can be told: the request goes out once more, on a connection of its own. */
  #isRepeated = false;
  /** The request may still be repeated: it went out on a used connection, and no byte has come. */
  #mayRepeat = false;
  /** `connected` follows in a moment. */
  #isDelayed = false;
  #isPaused = false;

  constructor(connections: PersistentConnections, place: Place) {
    this.#connections = connections;
    this.#place = place;
    this.#reader = new ResponseReader(null, connections.head);
  }

  /** On a used connection a request without a body can go at once. */
  get isConnected(): boolean {
    return this.#state === STATE.busy && !this.#isDelayed;
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
    if (this.#state !== STATE.idle) {
      this.connection = this.#connections.connect(this, this.#place.address);
      return;
    }
    this.#state = STATE.busy;
    this.#mayRepeat = isRepeatable(exchange);
    // The first bytes of a body are here in a moment, and go out with the head.
    this.#isDelayed = exchange.request.hasBody;
    if (this.#isDelayed) queueMicrotask(this.#connected);
  }

  abstract send(firstBody: Uint8Array | null): boolean;
  abstract body(bytes: Uint8Array, start: number, end: number): boolean;
  /** The last of the request's bytes, if its framing has such. */
  protected abstract endBody(): void;

  end(): void {
    this.#isEnded = true;
    if (this.#reader.isTunnel) this.connection!.end();
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
    this.discardIdle();
  }

  crashed(): void {
    const { exchange } = this;
    this.#destroy();
    if (exchange !== null && !exchange.isDone) exchange.crashed();
  }

  // Events of the connection; of one that was given up for another they say nothing

  opened(connection: Connection<PersistentUpstream>): void {
    if (connection !== this.connection || this.#state !== STATE.connecting) return;
    this.#state = STATE.busy;
    if (this.#isRepeated) this.send(null);
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
    if (this.#state !== STATE.busy || this.#reader.isDone) return;
    const exchange = this.exchange!;
    this.#mayRepeat = false;
    this.#reader.read(bytes);
    exchange.flush();
    if (this.#reader.isDone && this.#state === STATE.busy) this.#finish();
  }

  drained(connection: Connection<PersistentUpstream>): void {
    if (connection === this.connection && this.#state === STATE.busy && !this.#reader.isDone) this.exchange!.drained();
  }

  peerEnded(connection: Connection<PersistentUpstream>): void {
    if (connection !== this.connection || this.#state === STATE.closed) return;
    if (this.#state !== STATE.busy) return this.#destroy();
    if (this.#mayRepeat) return this.#repeat();
    const exchange = this.exchange!;
    const { isTunnel } = this.#reader;
    if (!this.#reader.isDone) {
      this.#reader.end();
      exchange.flush();
    }
    // The other half of a tunnel lives on until the exchange ends it.
    if (!isTunnel || exchange.isDone) this.#destroy();
  }

  closed(connection: Connection<PersistentUpstream>, error: string | null): void {
    if (connection !== this.connection || this.#state === STATE.closed) return;
    if (this.#state === STATE.busy && this.#mayRepeat) return this.#repeat();
    const exchange = this.#state === STATE.busy ? this.exchange! : null;
    const isComplete = this.#reader.isDone;
    this.#destroy();
    if (exchange === null) return;
    if (!isComplete) {
      if (error === null) this.#reader.end();
      else this.#reader.broken();
      exchange.flush();
    } else if (!exchange.isDone) exchange.failed(FAILURES.upstreamReset);
  }

  /** RFC 9112 9.3.1: a connection that closed before a byte of the answer came may have been closed before the request came to it. */
  #repeat(): void {
    const stale = this.connection!;
    this.#mayRepeat = false;
    this.#isRepeated = true;
    this.#state = STATE.connecting;
    this.connection = this.#connections.connect(this, this.#place.address);
    stale.destroy();
  }

  /** The answer is complete. */
  #finish(): void {
    const { wheel, settings, isStopped } = this.#connections;
    const connection = this.connection!;
    const { keepsFor } = this.#reader;
    const wasRead = this.#isEnded && connection.queued === 0;
    const idle = Math.min(settings.idle, keepsFor - MARGIN_MS);
    if (wasRead && idle > 0 && !isStopped && this.#place.idle.put(this)) {
      this.#state = STATE.idle;
      this.#isRepeated = false;
      this.idleSince = wheel.now;
      wheel.arm(this.#deadline, idle);
    } else if (wasRead && keepsFor === 0 && this.#place.address.kind === 'tcp') {
      // Whoever closes a TCP connection first keeps its port for a minute: that should be the node.
      this.#state = STATE.closing;
      wheel.arm(this.#deadline, CLOSE_MS);
    } else return this.#destroy();
    this.exchange = null;
    this.#reader.begin(null);
    if (this.#isPaused) this.resume();
  }

  #destroy(): void {
    if (this.#state === STATE.closed) return;
    if (this.#state === STATE.idle) this.#place.idle.remove(this);
    this.#state = STATE.closed;
    this.#connections.wheel.remove(this.#deadline);
    this.#connections.closed(this);
    this.connection?.destroy();
  }

  readonly #connected = (): void => {
    this.#isDelayed = false;
    if (this.#state !== STATE.busy) return;
    try {
      this.exchange!.connected();
    } catch (error) {
      // Microtasks are our own entry: nobody above catches what is thrown in them.
      this.#connections.failed(error);
      this.crashed();
    }
  };
}
