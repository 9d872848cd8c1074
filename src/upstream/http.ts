import { AddedFields } from '../http1/added-fields.ts';
import { ascii, copyBytes } from '../http1/bytes.ts';
import { LAST_CHUNK, MAX_CHUNK_SIZE_LINE, writeChunkSize } from '../http1/chunked-writer.ts';
import { MAX_HEAD_BYTES } from '../http1/request-head.ts';
import { type Hop, MAX_ADDED_BYTES, writeRequestHead } from '../http1/request-writer.ts';
import { type ConnectAddress, formatAddress } from '../net/address.ts';
import { writeProxyHeader } from '../net/proxy-protocol.ts';
import type { Node } from '../pool/node.ts';
import { addClientField } from '../router/client-field.ts';
import type { Upstream, UpstreamExchange } from '../router/upstream.ts';
import type { Sockets } from '../runtime/seam/sockets.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import type { BackendConnections, PersistentSettings } from './keeper.ts';
import { PersistentConnections } from './persistent.ts';
import { PersistentUpstream } from './persistent-upstream.ts';

/** A piece of a body up to this is copied, to go out in one write with its framing: what adapters read at once. */
const COPY_BYTES = 128 * 1024;
/** Of the PROXY protocol, as we write it: two IPv6 addresses as text, or one unix header. */
const MAX_PROXY_BYTES = 256;
const CRLF = Uint8Array.of(0x0d, 0x0a);
const LAST_SIZE_LINE = LAST_CHUNK.subarray(0, 3);
/** A node on a unix socket has no authority of its own. */
const LOCALHOST = ascii('localhost');

/** `raw`: as it comes, be it a body with a length, chunks that are framed already, or a tunnel. */
const FRAMING = { raw: 0, chunked: 1 } as const;

export interface HttpSettings extends PersistentSettings {
  /** There are trusted proxies (`http-trusted-proxies`): what they say in X-Forwarded-Proto and -Host goes on. */
  readonly trustsForwarded: boolean;
  /** `http-forwarded` */
  readonly sendsForwarded: boolean;
  /** Chunked bodies come with their framing (`http-chunked-input` where there are uwsgi nodes too). */
  readonly passesChunks: boolean;
  /** `http-backend-proxy-protocol`; 0 for none. With it each request has a connection of its own: the header speaks for all of one. */
  readonly proxyProtocol: 0 | 1 | 2;
  /** The nodes are workers of ours, which listen on private sockets. Default false. */
  readonly isWorker?: boolean;
}

/** How workers are talked to. They close no connection of their own accord, so that one is kept until a burst has long passed. */
export const WORKER_SETTINGS: HttpSettings = {
  idle: 600_000,
  connections: 4_096,
  repeatsUnread: true,
  trustsForwarded: false,
  sendsForwarded: false,
  passesChunks: false,
  proxyProtocol: 0,
  isWorker: true,
};

/** Opens upstreams to HTTP nodes, and holds what they share. */
export class HttpUpstreams {
  /** From here a head goes out in one piece with the first bytes of its body. */
  readonly scratch = new Uint8Array(MAX_PROXY_BYTES + MAX_HEAD_BYTES + MAX_ADDED_BYTES + MAX_CHUNK_SIZE_LINE + COPY_BYTES + CRLF.length);
  readonly settings: HttpSettings;
  /** To a worker: the field that tells who asks, made again for each head. Null where the nodes are others. */
  readonly own: AddedFields | null;
  readonly #connections: PersistentConnections;
  readonly #hops = new WeakMap<BackendConnections<PersistentUpstream>, Hop>();

  /** @param failed is told of exceptions in handlers */
  constructor(sockets: Sockets, wheel: TimerWheel, settings: HttpSettings, failed: (error: unknown) => void) {
    this.settings = settings;
    this.own = settings.isWorker === true ? new AddedFields() : null;
    const { proxyProtocol, connections, repeatsUnread } = settings;
    // Of a node that does not close, whatever we said, no connection may be kept either: it would belong to the client before.
    const idle = proxyProtocol === 0 ? settings.idle : 0;
    this.#connections = new PersistentConnections(
      sockets,
      wheel,
      { idle, connections, ...(repeatsUnread === undefined ? {} : { repeatsUnread }) },
      failed,
    );
  }

  /** How many connections are open, idle ones included. */
  get connections(): number {
    return this.#connections.size;
  }

  open(node: Node, address: ConnectAddress, exchange: UpstreamExchange): Upstream {
    const kept = this.#connections.to(node, address);
    const upstream = this.#connections.take(kept, exchange) ?? new HttpUpstream(this, this.#connections, kept, this.#hop(kept));
    upstream.start(exchange);
    return upstream;
  }

  stop(): void {
    this.#connections.stop();
  }

  #hop(kept: BackendConnections<PersistentUpstream>): Hop {
    const known = this.#hops.get(kept);
    if (known !== undefined) return known;
    const { address } = kept;
    const { trustsForwarded, sendsForwarded, proxyProtocol, idle, connections, isWorker = false } = this.settings;
    const hop: Hop = {
      host: address.kind === 'tcp' ? ascii(formatAddress(address)) : LOCALHOST,
      persists: proxyProtocol === 0 && idle > 0 && connections > 0,
      trustsForwarded,
      sendsForwarded,
      isSilent: isWorker,
    };
    this.#hops.set(kept, hop);
    return hop;
  }
}

/** The requests on one connection to an HTTP node. */
class HttpUpstream extends PersistentUpstream {
  readonly #shared: HttpUpstreams;
  readonly #hop: Hop;
  #framing: number = FRAMING.raw;

  constructor(shared: HttpUpstreams, connections: PersistentConnections, kept: BackendConnections<PersistentUpstream>, hop: Hop) {
    super(connections, kept);
    this.#shared = shared;
    this.#hop = hop;
  }

  send(firstBody: Uint8Array | null): boolean {
    const { scratch, settings, own } = this.#shared;
    const { request, bodyLength, client } = this.exchange!;
    const isFramed = settings.passesChunks || request.isRaw;
    this.#framing = request.lengthIsUnknown && bodyLength < 0 && !isFramed ? FRAMING.chunked : FRAMING.raw;
    let at = 0;
    if (own !== null) {
      own.clear();
      addClientField(own, client);
    }
    if (settings.proxyProtocol !== 0) {
      const header = writeProxyHeader(settings.proxyProtocol, client.remote, client.local);
      at = copyBytes(scratch, 0, header, 0, header.length);
    }
    at = writeRequestHead(scratch, at, request, bodyLength, client, this.#hop, own);
    return firstBody === null ? this.connection!.write(scratch, 0, at) : this.#writeBody(at, firstBody, 0, firstBody.length);
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#framing === FRAMING.raw) return this.connection!.write(bytes, start, end);
    return start === end || this.#writeBody(0, bytes, start, end);
  }

  /** The last chunk with what follows it; `end` has nothing more to write then. */
  trailers(lines: Uint8Array): void {
    if (this.#framing !== FRAMING.chunked) return;
    const { scratch } = this.#shared;
    let at = copyBytes(scratch, 0, LAST_SIZE_LINE, 0, LAST_SIZE_LINE.length);
    at = copyBytes(scratch, at, lines, 0, lines.length);
    at = copyBytes(scratch, at, CRLF, 0, CRLF.length);
    this.connection!.write(scratch, 0, at);
    this.#framing = FRAMING.raw;
  }

  protected endBody(): void {
    if (this.#framing === FRAMING.chunked) this.connection!.write(LAST_CHUNK);
  }

  /** Writes what stands in the scratch buffer up to `at`, and behind it a piece of the body, framed; in one write unless it is large. */
  #writeBody(at: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { scratch } = this.#shared;
    const connection = this.connection!;
    const isChunked = this.#framing === FRAMING.chunked;
    let length = isChunked ? writeChunkSize(scratch, at, end - start) : at;
    if (end - start <= COPY_BYTES) {
      length = copyBytes(scratch, length, bytes, start, end);
      if (isChunked) length = copyBytes(scratch, length, CRLF, 0, CRLF.length);
      return connection.write(scratch, 0, length);
    }
    connection.write(scratch, 0, length);
    const isTaken = connection.write(bytes, start, end);
    return isChunked ? connection.write(CRLF) && isTaken : isTaken;
  }
}
