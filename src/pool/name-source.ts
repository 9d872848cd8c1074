import type { Backends } from './backends.ts';
import type { Node } from './node.ts';
import { makeResolvedNode, type NodeEntry } from './node-entry.ts';
import type { NodeSource } from './node-source.ts';

const REFRESH_MS = 30_000;
/** Failing nodes ask for a look-up at most this often. */
const MIN_REFRESH_MS = 1_000;

/** What a name source asks of the world around it. */
export interface NameLookup {
  /** Every A and AAAA address of a name; rejects when there is none. */
  resolve(name: string): Promise<string[]>;
  warn(message: string): void;
  now(): number;
}

/**
 * The addresses of a host name, each a node. Looked up off the way of requests, every 30 s and when a node fails;
 * the last good answer stays until there is a better one. Every node has the options of the config entry, and one that stays keeps
 * what is known of its health.
 */
export class NameSource implements NodeSource {
  nodes: readonly Node[] = [];
  pending: Promise<void> | null = null;
  readonly #name: string;
  readonly #entry: NodeEntry;
  readonly #lookup: NameLookup;
  readonly #backends: Backends;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastRefresh = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #wasBad = false;
  #isStopped = false;

  /** @param entry what the config says of these nodes besides name and port; plain uwsgi nodes by default */
  constructor(name: string, port: number, lookup: NameLookup, backends: Backends, entry?: NodeEntry) {
    this.#name = name;
    this.#entry = { kind: 'uwsgi', text: name, ...entry, address: { kind: 'tcp', host: name, port } };
    this.#lookup = lookup;
    this.#backends = backends;
    this.#timer = setInterval(() => void this.refresh(), REFRESH_MS);
  }

  nodeFailed(): void {
    if (this.#lookup.now() - this.#lastRefresh >= MIN_REFRESH_MS) void this.refresh();
  }

  /** Looks the name up for the first time; never rejects. */
  start(): Promise<void> {
    this.pending = this.refresh().then(() => {
      this.pending = null;
    });
    return this.pending;
  }

  /** Looks the name up; never rejects. Resolves when `nodes` is up to date. */
  async refresh(): Promise<void> {
    const asked = this.#lookup.now();
    this.#lastRefresh = asked;
    try {
      const addresses = new Set(await this.#lookup.resolve(this.#name));
      // A slow answer to an earlier question knows less than the one that came meanwhile.
      if (asked < this.#answeredAt || this.#isStopped) return;
      this.#answeredAt = asked;
      if (addresses.size === 0) throw new Error('it has no address');
      this.#follow(addresses);
      this.#wasBad = false;
    } catch (error) {
      if (!this.#wasBad) this.#lookup.warn(`cannot look up "${this.#name}": ${(error as Error).message}`);
      this.#wasBad = true;
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    for (const node of this.nodes) node.release();
  }

  /** A node that stays is the same one. */
  #follow(addresses: ReadonlySet<string>): void {
    const before = this.nodes;
    const known = new Map(before.map((node) => [node.name, node]));
    this.nodes = Array.from(addresses, (host) => {
      const node = makeResolvedNode(this.#entry, host, this.#backends);
      const same = known.get(node.name);
      if (same === undefined) return node;
      known.delete(node.name);
      node.release();
      return same;
    });
    for (const gone of known.values()) gone.release();
  }
}
