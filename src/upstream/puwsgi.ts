import { FAILURES, type Failure } from '../failure/failures.ts';
import type { ConnectAddress } from '../net/address.ts';
import type { Node } from '../pool/node.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { Sockets } from '../runtime/seam/sockets.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import type { PersistentSettings } from './keeper.ts';
import { PersistentConnections } from './persistent.ts';
import { PersistentUpstream } from './persistent-upstream.ts';
import type { UwsgiUpstreams } from './uwsgi.ts';
import type { UwsgiPackets } from './uwsgi-packets.ts';

/**
 * Opens upstreams to persistent uwsgi nodes (`puwsgi-socket`). They take no body: such requests, and those that want a tunnel, go
 * to the node's plain uwsgi address.
 */
export class PuwsgiUpstreams {
  readonly #plain: UwsgiUpstreams;
  readonly #connections: PersistentConnections;

  /** @param connections made by `persistentUwsgi`, which generations may share */
  constructor(connections: PersistentConnections, plain: UwsgiUpstreams) {
    this.#plain = plain;
    this.#connections = connections;
  }

  open(node: Node, address: ConnectAddress, plain: ConnectAddress | null, exchange: UpstreamExchange): Upstream | Failure {
    const { request, bodyLength } = exchange;
    const hasBody = request.isRaw || (request.hasBody && bodyLength !== 0);
    const kept = this.#connections.to(node, address);
    if (plain !== null && (hasBody || request.wantsUpgrade)) {
      // Usually the same workers serve it, and each that has a persistent connection waits there.
      this.#connections.freeWorker(kept);
      return this.#plain.open(node, plain, exchange);
    }
    if (hasBody) return FAILURES.noPlainAddress;
    const { packets } = this.#plain;
    const packet = packets.make(node, exchange);
    if ('status' in packet) return packet;
    const upstream = (this.#connections.take(kept, exchange) as PuwsgiUpstream | null) ?? new PuwsgiUpstream(this.#connections, kept);
    upstream.prepare(node, packets, packet);
    upstream.start(exchange);
    return upstream;
  }
}

/** What keeps the connections to persistent uwsgi nodes. @param failed is told of exceptions in handlers */
export function persistentUwsgi(
  sockets: Sockets,
  wheel: TimerWheel,
  settings: PersistentSettings,
  failed: (error: unknown) => void,
): PersistentConnections {
  return new PersistentConnections(sockets, wheel, { ...settings, yields: true }, failed);
}

/** The requests on one connection to a persistent uwsgi node: a packet each, made as the generation of its request wants it. */
class PuwsgiUpstream extends PersistentUpstream {
  #node: Node | null = null;
  #packets: UwsgiPackets | null = null;
  #packet: Uint8Array | null = null;
  #packetEnd = 0;

  /** @param packet the request as `packets` has just made it */
  prepare(node: Node, packets: UwsgiPackets, packet: Uint8Array): void {
    this.#node = node;
    this.#packets = packets;
    this.#packet = packet;
    this.#packetEnd = packets.end;
  }

  send(): boolean {
    const packet = this.#packet ?? this.#makeAgain();
    this.#packet = null;
    const isTaken = this.connection!.write(packet, 0, this.#packetEnd);
    this.#packets!.give(packet);
    return isTaken;
  }

  /** Only a tunnel has any. */
  body(bytes: Uint8Array, start: number, end: number): boolean {
    return this.connection!.write(bytes, start, end);
  }

  protected endBody(): void {}

  /** For a request that is repeated: what could be made once can be made again. */
  #makeAgain(): Uint8Array {
    const packets = this.#packets!;
    const packet = packets.make(this.#node!, this.exchange!);
    if ('status' in packet) throw new Error(packet.rule);
    this.#packetEnd = packets.end;
    return packet;
  }
}
