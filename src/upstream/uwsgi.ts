import type { Refusal } from '../http1/refusal.ts';
import { ResponseHead } from '../http1/response-head.ts';
import type { ConnectAddress } from '../net/address.ts';
import { Deadline, type Expiring, type TimerWheel } from '../net/timer-wheel.ts';
import type { Exchange } from '../router/exchange.ts';
import type { Front } from '../router/service.ts';
import type { Upstream } from '../router/upstream.ts';
import type { ConnectFailure, Connection, ConnectionHandlers, Runtime } from '../runtime/seam.ts';
import { MAX_PACKET_BYTES, writePacketHeader } from '../uwsgi/packet.ts';
import { type VarsTemplate, writeRequestVars } from '../uwsgi/request-vars.ts';
import { PacketBuffers } from './packet-buffers.ts';
import { ResponseReader } from './response-reader.ts';

/** First body bytes up to this go out in one write with the packet. */
const FIRST_BODY_BYTES = 64 * 1024;
/** How long a backend may take to close behind a complete answer. */
const CLOSE_MS = 2_000;

export interface UwsgiSettings {
  /** The constant vars of requests that came through a listener. Asked once for each. */
  template(front: Front): VarsTemplate;
  readonly modifier1: number;
  readonly modifier2: number;
}

/** Opens uwsgi upstreams, and holds what they share. */
export class UwsgiUpstreams {
  readonly wheel: TimerWheel;
  readonly head = new ResponseHead();
  readonly buffers = new PacketBuffers();
  /** A packet is made here, and goes out from here with the first bytes of its body. */
  readonly scratch = new Uint8Array(MAX_PACKET_BYTES + FIRST_BODY_BYTES);
  readonly #runtime: Runtime;
  readonly #settings: UwsgiSettings;
  readonly #failed: (error: unknown) => void;
  readonly #templates: VarsTemplate[] = [];

  /** @param failed is told of exceptions in handlers */
  constructor(runtime: Runtime, wheel: TimerWheel, settings: UwsgiSettings, failed: (error: unknown) => void) {
    this.#runtime = runtime;
    this.wheel = wheel;
    this.#settings = settings;
    this.#failed = failed;
  }

  /** Makes the packet and starts connecting; a refusal when the request does not fit into a packet or has no valid path. */
  open(address: ConnectAddress, exchange: Exchange): Upstream | Refusal {
    const { modifier1, modifier2 } = this.#settings;
    const { client, request, bodyLength } = exchange;
    const template = this.#templates[client.front.index] ?? this.#makeTemplate(client.front);
    const end = writeRequestVars(this.scratch, request, template, client.remote, bodyLength);
    if (typeof end !== 'number') return end;
    writePacketHeader(this.scratch, end, modifier1, modifier2);
    const upstream = new UwsgiUpstream(this, exchange, end, address.kind === 'tcp');
    upstream.connect(this.#runtime, address, this.#handlers);
    return upstream;
  }

  #makeTemplate(front: Front): VarsTemplate {
    const template = this.#settings.template(front);
    this.#templates[front.index] = template;
    return template;
  }

  readonly #handlers: ConnectionHandlers<UwsgiUpstream> = {
    open: (connection) => connection.owner.opened(),
    data: (connection, bytes) => connection.owner.received(bytes),
    drain: (connection) => connection.owner.drained(),
    end: (connection) => connection.owner.peerEnded(),
    close: (connection, error) => connection.owner.closed(error),
    connectFailed: (owner, failure) => owner.connectFailed(failure),
    failed: (connection, error) => {
      this.#failed(error);
      connection.owner.crashed();
    },
  };
}

/** One request on a connection of its own: the packet, the body behind it unframed, and the answer until it is complete. */
class UwsgiUpstream implements Upstream, Expiring {
  readonly #shared: UwsgiUpstreams;
  readonly #exchange: Exchange;
  readonly #reader: ResponseReader;
  readonly #packet: Uint8Array;
  readonly #packetEnd: number;
  /** Whoever closes a TCP connection first keeps its port for a minute: that should be the backend. */
  readonly #waitsForClose: boolean;
  #connection: Connection<UwsgiUpstream> | null = null;
  #closing: Deadline | null = null;
  #isAborted = false;

  constructor(shared: UwsgiUpstreams, exchange: Exchange, packetEnd: number, isTcp: boolean) {
    this.#shared = shared;
    this.#exchange = exchange;
    this.#reader = new ResponseReader(exchange, shared.head);
    this.#packet = shared.buffers.take(packetEnd);
    this.#packet.set(shared.scratch.subarray(0, packetEnd));
    this.#packetEnd = packetEnd;
    this.#waitsForClose = isTcp;
  }

  connect(runtime: Runtime, address: ConnectAddress, handlers: ConnectionHandlers<UwsgiUpstream>): void {
    this.#connection = runtime.connect(address, this, handlers);
  }

  send(firstBody: Uint8Array | null): boolean {
    const { scratch, buffers } = this.#shared;
    const packet = this.#packet.subarray(0, this.#packetEnd);
    let isTaken: boolean;
    if (firstBody === null) isTaken = this.#connection!.write(packet);
    else if (firstBody.length <= FIRST_BODY_BYTES) {
      scratch.set(packet);
      scratch.set(firstBody, packet.length);
      isTaken = this.#connection!.write(scratch.subarray(0, packet.length + firstBody.length));
    } else {
      this.#connection!.write(packet);
      isTaken = this.#connection!.write(firstBody);
    }
    buffers.give(this.#packet);
    return isTaken;
  }

  body(bytes: Uint8Array): boolean {
    return this.#connection!.write(bytes);
  }

  /** uwsgi has no end of request: CONTENT_LENGTH says it. Only a tunnel's half can be ended. */
  end(): void {
    if (this.#reader.isTunnel) this.#connection!.end();
  }

  abort(): void {
    this.#isAborted = true;
    this.#connection!.destroy();
  }

  pause(): void {
    this.#connection!.pause();
  }

  resume(): void {
    this.#connection!.resume();
  }

  /** The backend did not close behind its answer. */
  expired(): void {
    this.#connection!.destroy();
  }

  opened(): void {
    this.#exchange.connected();
  }

  connectFailed(failure: ConnectFailure): void {
    this.#shared.buffers.give(this.#packet);
    this.#exchange.connectFailed(failure.reason, failure.code);
  }

  received(bytes: Uint8Array): void {
    // What comes behind a complete answer belongs to nobody.
    if (this.#isAborted || this.#reader.isDone) return;
    this.#reader.read(bytes);
    this.#exchange.flush();
    if (this.#reader.isDone) this.#finish();
  }

  drained(): void {
    if (!this.#isAborted && !this.#reader.isDone) this.#exchange.drained();
  }

  peerEnded(): void {
    if (this.#isAborted) return;
    const isTunnel = this.#reader.isTunnel;
    if (!this.#reader.isDone) {
      this.#reader.end();
      this.#exchange.flush();
    }
    // The other half of a tunnel lives on until the exchange ends it.
    if (!isTunnel || this.#exchange.isDone) this.#connection!.destroy();
  }

  closed(error: string | null): void {
    if (this.#closing !== null) this.#shared.wheel.remove(this.#closing);
    if (this.#isAborted || this.#reader.isDone) return;
    if (error === null) this.#reader.end();
    else this.#reader.broken();
    this.#exchange.flush();
  }

  crashed(): void {
    if (this.#exchange.isDone) return;
    this.#exchange.crashed();
  }

  #finish(): void {
    if (this.#isAborted) return;
    if (!this.#waitsForClose) return this.#connection!.destroy();
    this.#connection!.resume();
    this.#closing = new Deadline(this);
    this.#shared.wheel.arm(this.#closing, CLOSE_MS);
  }
}
