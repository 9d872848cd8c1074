import { FAILURES, type Failure } from '../failure/failures.ts';
import type { Node } from '../pool/node.ts';
import type { Front } from '../router/front.ts';
import type { UpstreamExchange } from '../router/upstream.ts';
import { MAX_PACKET_BYTES, writePacketHeader } from '../uwsgi/packet.ts';
import { type VarsTemplate, writeRequestVars } from '../uwsgi/request-vars.ts';
import { PacketBuffers } from './packet-buffers.ts';

export interface UwsgiSettings {
  /** The constant vars of requests that came through a listener, or through none. Asked once for each. */
  template(front: Front): VarsTemplate;
  /** `http-modifier1` and `http-modifier2`, where a listener has none of its own: they go before a node's, unless they are 0. */
  readonly modifier1: number;
  readonly modifier2: number;
}

/** Makes the packets of requests, each in a buffer of its own that waits with it for its connection. */
export class UwsgiPackets {
  readonly #settings: UwsgiSettings;
  readonly #templates = new Map<Front, VarsTemplate>();
  /** The listener of the last request, usually of all. */
  #front: Front | null = null;
  #template: VarsTemplate | null = null;
  readonly #buffers = new PacketBuffers();
  /** For packets larger than usual, until their size is known. */
  readonly #large = new Uint8Array(MAX_PACKET_BYTES);
  #end = 0;

  constructor(settings: UwsgiSettings) {
    this.#settings = settings;
  }

  /** Where the packet made last ends. */
  get end(): number {
    return this.#end;
  }

  /** Give the buffer back with `give`. A refusal when the request does not fit into a packet or has no valid path. */
  make(node: Node, exchange: UpstreamExchange): Uint8Array | Failure {
    const { client, request, bodyLength } = exchange;
    const template = client.front === this.#front ? this.#template! : this.#templateOf(client.front);
    let packet = this.#buffers.take();
    let end = writeRequestVars(packet, request, template, client.remote, bodyLength, client.isSecure);
    if (end === FAILURES.packetTooLarge) {
      this.give(packet);
      packet = this.#large;
      end = writeRequestVars(packet, request, template, client.remote, bodyLength, client.isSecure);
      if (typeof end === 'number') packet = packet.slice(0, end);
    }
    if (typeof end !== 'number') {
      this.give(packet);
      return end;
    }
    const { modifier1, modifier2 } = client.front.modifiers ?? this.#settings;
    writePacketHeader(packet, end, modifier1 || (node.modifier1 ?? 0), modifier2 || (node.modifier2 ?? 0));
    this.#end = end;
    return packet;
  }

  give(packet: Uint8Array): void {
    this.#buffers.give(packet);
  }

  #templateOf(front: Front): VarsTemplate {
    const template = this.#templates.get(front) ?? this.#settings.template(front);
    this.#templates.set(front, template);
    this.#front = front;
    this.#template = template;
    return template;
  }
}
