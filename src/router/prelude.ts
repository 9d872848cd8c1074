import { FAILURES, type Failure } from '../failure/failures.ts';
import { concat, copyOf } from '../http1/bytes.ts';
import type { CidrSet } from '../net/cidr.ts';
import type { PeerAddress } from '../net/peer.ts';
import { type ProxiedConnection, type ProxyHeader, readProxyHeader, readStudPrefix } from '../net/proxy-protocol.ts';
import type { Peer } from './peer.ts';

/** Whom a listener believes when it is told who is on the other side of a proxy. */
export interface PreludeSettings {
  /** PROXY headers are read (`http-enable-proxy-protocol`). */
  readonly proxyProtocol: boolean;
  /** Who may send them (`http-proxy-from`); null for anybody. Unix peers always may. */
  readonly proxyFrom: CidrSet | null;
  /** Who sends stud's prefix (`http-stud-prefix`); null for nobody. */
  readonly studFrom: CidrSet | null;
}

/**
 * What stands before the first request of a connection, and with the PROXY protocol before any later one: who the client really is, which
 * the connection's `Peer` is told. Holds back bytes until it is clear whether they are such a header.
 */
export class Prelude {
  /** Why the connection is to be refused, once `read` said so. */
  refusal: Failure | null = null;
  /** What was broken, for the log. */
  rule = '';
  readonly #settings: PreludeSettings;
  readonly #peer: Peer;
  /** Who wrote it. */
  readonly #proxy: PeerAddress;
  /** The client as it was told; null while nothing was, and where it is not known. */
  #source: PeerAddress | null = null;
  /** A request begins with the next byte, and a header may stand before it. */
  #isOpen = true;
  /** A header has been taken: whoever writes another need not be the proxy. */
  #isTold = false;
  #studDue: boolean;
  #held: Uint8Array | null = null;

  constructor(settings: PreludeSettings, peer: Peer) {
    this.#settings = settings;
    this.#peer = peer;
    this.#proxy = peer.remote;
    this.#studDue = settings.studFrom?.contains(peer.remote.address) ?? false;
  }

  /** Later requests may have one, too. stud writes no second one. */
  get mayRepeat(): boolean {
    return this.#settings.proxyProtocol;
  }

  /** A request has been answered: the next one may have a header of its own. */
  reopen(): void {
    this.#isOpen = this.#settings.proxyProtocol;
  }

  /** Takes a header off the start of `bytes`; returns what is left, or null when nothing can be read yet or `refusal` is set. */
  read(bytes: Uint8Array): Uint8Array | null {
    if (!this.#isOpen) return bytes;
    let rest = this.#held === null ? bytes : concat(this.#held, bytes);
    this.#held = null;
    if (this.#studDue) {
      const header = readStudPrefix(rest, 0, rest.length);
      if (header.kind === 'none') return this.#refuse(FAILURES.badPrelude, "stud's prefix begins with byte 2 (IPv4) or 10 (IPv6)");
      if (header.kind !== 'complete') return this.#hold(rest);
      this.#studDue = false;
      // It takes TLS off.
      this.#peer.tell(null, null, true);
      this.#tell(header);
      rest = rest.subarray(header.end);
    }
    return this.#settings.proxyProtocol ? this.#readProxy(rest) : this.#passOn(rest);
  }

  #readProxy(bytes: Uint8Array): Uint8Array | null {
    if (bytes.length === 0) return null;
    const header: ProxyHeader = readProxyHeader(bytes, 0, bytes.length);
    if (header.kind === 'none') return this.#passOn(bytes);
    // Only a whole header, or what can be nothing else, is worth a refusal: an empty line or a `P` begins requests too.
    if (header.kind === 'incomplete') return this.#hold(bytes);
    if (!this.#isBelieved) return this.#refuse(FAILURES.proxyNotTrusted, FAILURES.proxyNotTrusted.rule);
    if (header.kind === 'invalid') return this.#refuse(FAILURES.badPrelude, header.rule);
    if (!this.#tell(header)) return this.#refuse(FAILURES.badPrelude, 'a later PROXY header of a connection tells of another client than the first');
    return this.#passOn(bytes.subarray(header.end));
  }

  /**
   * The first header of a connection is the proxy's. What comes later may be its client's, whose bytes it passes on as they are, and
   * who would like to be somebody else: such a header may only repeat what is known. False when it does not.
   */
  #tell({ source, destination }: ProxiedConnection): boolean {
    if (this.#isTold) return source === null || source.address === this.#source?.address;
    this.#isTold = true;
    this.#source = source;
    this.#peer.tell(source, destination, null);
    return true;
  }

  get #isBelieved(): boolean {
    const { proxyFrom } = this.#settings;
    return proxyFrom === null || this.#proxy.family === 'unix' || proxyFrom.contains(this.#proxy.address);
  }

  #passOn(bytes: Uint8Array): Uint8Array {
    this.#isOpen = false;
    return bytes;
  }

  #hold(bytes: Uint8Array): null {
    this.#held = copyOf(bytes);
    return null;
  }

  #refuse(refusal: Failure, rule: string): null {
    this.refusal = refusal;
    this.rule = rule;
    return null;
  }
}
