import { FAILURES, type Failure } from '../failure/failures.ts';
import { PARSE, type ParseState } from '../http1/fields.ts';
import { MAX_HEAD_BYTES } from '../http1/request-head.ts';
import { peerOfText } from '../net/peer.ts';
import { PACKET_HEADER_BYTES, type Packet, PacketError, packetEnd, readPacket } from '../uwsgi/packet.ts';
import { headOfVars, type Vars } from '../uwsgi/request-text.ts';
import type { HeadReader, HeadRules } from './head-reader.ts';
import type { Peer } from './peer.ts';
import type { RequestBuffer } from './request-buffer.ts';

const NONE = new Uint8Array(0);
const PING = 100;
/** What a worker of uWSGI says to a ping: modifier1 100 again, modifier2 1, and no message. */
const PONG = Uint8Array.of(PING, 0, 0, 1);

/**
 * The head of the one request of a uwsgi connection, as a web server in front sends it (`uwsgi-socket`): its vars become the head they
 * were made from, and are read by the same parser. The modifiers say which plugin of uWSGI is asked for: all but a ping are the app's.
 */
export class PacketReader implements HeadReader {
  buffer: RequestBuffer | null = null;
  state: ParseState = PARSE.incomplete;
  refusal: Failure | null = null;
  rule = '';
  lastWords: Uint8Array | null = null;
  readonly #peer: Peer;
  /** Of a packet that comes in pieces: as long as it will be, once that is known. */
  #held: Uint8Array | null = null;
  #length = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  read(bytes: Uint8Array, rules: HeadRules): Uint8Array {
    const taken = this.#held === null ? 0 : this.#hold(bytes);
    let packet: Packet | null;
    try {
      packet = readPacket(this.#held?.subarray(0, this.#length) ?? bytes);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.lastWords = NONE;
      return this.#refuse(FAILURES.badPacket, error.message);
    }
    if (packet === null) {
      if (this.#held === null) this.#hold(bytes);
      return NONE;
    }
    const used = this.#held === null ? packet.end : taken;
    this.#held = null;
    if (packet.modifier1 === PING && packet.vars.length === 0) {
      this.lastWords = PONG;
      this.state = PARSE.refused;
      return NONE;
    }
    return this.#parse(packet, rules) ? bytes.subarray(used) : NONE;
  }

  release({ requestBuffers }: HeadRules): void {
    if (this.buffer === null) return;
    requestBuffers.give(this.buffer);
    this.buffer = null;
  }

  reopen(): void {}

  /** Keeps what belongs to the packet; returns how many bytes that were. */
  #hold(bytes: Uint8Array): number {
    let taken = 0;
    for (;;) {
      // The size stands in the header, which may itself come in pieces.
      const end = this.#length < PACKET_HEADER_BYTES ? PACKET_HEADER_BYTES : packetEnd(this.#held!);
      if (this.#held === null || this.#held.length < end) {
        const longer = new Uint8Array(end);
        if (this.#held !== null) longer.set(this.#held);
        this.#held = longer;
      }
      const stop = Math.min(bytes.length, taken + end - this.#length);
      this.#held.set(bytes.subarray(taken, stop), this.#length);
      this.#length += stop - taken;
      taken = stop;
      if (this.#length < end || end > PACKET_HEADER_BYTES || packetEnd(this.#held) === end) return taken;
    }
  }

  /** False when the vars are none of a request. */
  #parse(packet: Packet, { requestBuffers }: HeadRules): boolean {
    const vars = new Map(packet.vars);
    this.#tellPeer(vars);
    const text = headOfVars(packet, vars);
    if ('status' in text || text.length > MAX_HEAD_BYTES) {
      const refusal = 'status' in text ? text : FAILURES.headTooLarge;
      this.#refuse(refusal, refusal.rule);
      return false;
    }
    this.buffer = requestBuffers.take();
    this.buffer.append(text);
    const { head, bytes, length } = this.buffer;
    // What is whole is either complete or refused.
    this.state = head.parse(bytes, length, true);
    if (this.state === PARSE.complete) return true;
    this.#refuse(head.refusal ?? FAILURES.badMethod, head.refusal?.rule ?? '');
    return false;
  }

  #tellPeer(vars: Vars): void {
    const peer = (address: string, port: string) => peerOfText(vars.get(address) ?? '', portOf(vars.get(port)));
    const isSecure = /^(on|1)/i.test(vars.get('HTTPS') ?? '') || vars.get('REQUEST_SCHEME') === 'https';
    this.#peer.tell(peer('REMOTE_ADDR', 'REMOTE_PORT'), peer('SERVER_ADDR', 'SERVER_PORT'), isSecure);
  }

  #refuse(refusal: Failure, rule: string): Uint8Array {
    this.state = PARSE.refused;
    this.refusal = refusal;
    this.rule = rule;
    return NONE;
  }
}

/** 0 for what is no port. */
function portOf(text = ''): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port <= 0xffff ? port : 0;
}
