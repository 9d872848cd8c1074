import { FAILURES, type Failure } from '../failure/failures.ts';
import { copyBytes } from '../http1/bytes.ts';
import { ResponseHead } from '../http1/response-head.ts';
import type { ConnectAddress } from '../net/address.ts';
import type { Node } from '../pool/node.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { ConnectFailure, Connection, ConnectionHandlers, Sockets } from '../runtime/seam/sockets.ts';
import { Deadline, type Expiring, type TimerWheel } from '../time/timer-wheel.ts';
import { MAX_PACKET_BYTES } from '../uwsgi/packet.ts';
import { FLUSH_MS } from './persistent-upstream.ts';
import { ResponseReader } from './response-reader.ts';
import { UwsgiPackets, type UwsgiSettings } from './uwsgi-packets.ts';

/** First body bytes up to this go out in one write with the packet. */
const FIRST_BODY_BYTES = 64 * 1024;
/** How long a backend may take to close behind a complete answer. */
const CLOSE_MS = 2_000;

/** Opens uwsgi upstreams, and holds what they share. */
export class UwsgiUpstreams {
  readonly wheel: TimerWheel;
  readonly head = new ResponseHead();
  readonly packets: UwsgiPackets;
  /** From here a packet goes out in one piece with the first bytes of its body. */
  readonly scratch = new Uint8Array(MAX_PACKET_BYTES + FIRST_BODY_BYTES);
  readonly #sockets: Sockets;
  readonly #failed: (error: unknown) => void;

  /** @param failed is told of exceptions in handlers */
  constructor(sockets: Sockets, wheel: TimerWheel, settings: UwsgiSettings, failed: (error: unknown) => void) {
    this.#sockets = sockets;
    this.wheel = wheel;
    this.packets = new UwsgiPackets(settings);
    this.#failed = failed;
  }

  /** Makes the packet and starts connecting; a refusal when the request does not fit into a packet or has no valid path. */
  open(node: Node, address: ConnectAddress, exchange: UpstreamExchange): Upstream | Failure {
    const packet = this.packets.make(node, exchange);
    if ('status' in packet) return packet;
    const upstream = new UwsgiUpstream(this, exchange, packet, this.packets.end, address.kind === 'tcp');
    upstream.connect(this.#sockets, address, this.#handlers);
    return upstream;
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
  readonly #exchange: UpstreamExchange;
  readonly #reader: ResponseReader;
  readonly #packet: Uint8Array;
  readonly #packetEnd: number;
  /** Whoever closes a TCP connection first keeps its port for a minute: that should be the backend. */
  readonly #waitsForClose: boolean;
  #connection: Connection<UwsgiUpstream> | null = null;
  #closing: Deadline | null = null;
  #isAborted = false;

  constructor(shared: UwsgiUpstreams, exchange: UpstreamExchange, packet: Uint8Array, packetEnd: number, isTcp: boolean) {
    this.#shared = shared;
    this.#exchange = exchange;
    this.#reader = new ResponseReader(exchange, shared.head);
    this.#packet = packet;
    this.#packetEnd = packetEnd;
    this.#waitsForClose = isTcp;
  }

  connect(sockets: Sockets, address: ConnectAddress, handlers: ConnectionHandlers<UwsgiUpstream>): void {
    this.#connection = sockets.connect(address, this, handlers);
  }

  send(firstBody: Uint8Array | null): boolean {
    const { scratch, packets } = this.#shared;
    const connection = this.#connection!;
    const end = this.#packetEnd;
    let isTaken: boolean;
    if (firstBody === null) isTaken = connection.write(this.#packet, 0, end);
    else if (firstBody.length <= FIRST_BODY_BYTES) {
      copyBytes(scratch, 0, this.#packet, 0, end);
      scratch.set(firstBody, end);
      isTaken = connection.write(scratch, 0, end + firstBody.length);
    } else {
      connection.write(this.#packet, 0, end);
      isTaken = connection.write(firstBody);
    }
    packets.give(this.#packet);
    return isTaken;
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#connection!.write(bytes, start, end);
  }

  /** uwsgi has no end of request: CONTENT_LENGTH says it. Only a tunnel's half can be ended. */
  end(): void {
    if (this.#reader.isTunnel) this.#connection!.end();
    else if (this.#reader.isDone) this.#closeTunnel();
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

  /** The backend did not close behind its answer, or did not read the end of a tunnel. */
  expired(): void {
    this.#connection!.destroy();
  }

  opened(): void {
    this.#exchange.connected();
  }

  connectFailed(failure: ConnectFailure): void {
    this.#shared.packets.give(this.#packet);
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
    if (!this.#isAborted && !this.#exchange.isDone) this.#exchange.drained();
  }

  peerEnded(): void {
    if (this.#isAborted) return;
    const isTunnel = this.#reader.isTunnel;
    if (!this.#reader.isDone) {
      this.#reader.end();
      this.#exchange.flush();
    }
    // The other half of a tunnel lives on until the exchange ends it.
    if (!isTunnel) this.#connection!.destroy();
    else if (this.#exchange.isDone) this.#closeTunnel();
  }

  closed(error: string | null): void {
    if (this.#closing !== null) this.#shared.wheel.remove(this.#closing);
    if (this.#isAborted) return;
    if (this.#reader.isDone) {
      // The client's half of a tunnel has nobody to go to any more.
      if (!this.#exchange.isDone) this.#exchange.failed(FAILURES.upstreamReset);
      return;
    }
    if (error === null) this.#reader.end();
    else this.#reader.broken();
    this.#exchange.flush();
  }

  crashed(): void {
    // Of an exchange that is over nobody else would close it, and no deadline runs.
    this.abort();
    if (!this.#exchange.isDone) this.#exchange.crashed();
  }

  #finish(): void {
    if (this.#isAborted) return;
    if (!this.#waitsForClose) return this.#connection!.destroy();
    this.#connection!.resume();
    this.#closeWithin(CLOSE_MS);
  }

  /** Both halves have ended; the client's may not have been read yet. */
  #closeTunnel(): void {
    if (this.#isAborted) return;
    this.#connection!.close();
    this.#closeWithin(FLUSH_MS);
  }

  #closeWithin(ms: number): void {
    this.#closing = new Deadline(this);
    this.#shared.wheel.arm(this.#closing, ms);
  }
}
