import { type ConnectAddress, isIpLiteral } from '../net/address.ts';
import type { Backends } from './backends.ts';
import type { NodeMaker } from './mappers/mapped-pools.ts';
import { type NameLookup, NameSource } from './name-source.ts';
import { makeNode, type NodeEntry } from './node-entry.ts';
import { NodeList } from './node-list.ts';
import type { NodeSource } from './node-source.ts';
import { Pool, type PoolOptions } from './pool.ts';

/** What one generation of config says of all its pools. */
export interface PoolSettings extends PoolOptions {
  /** ms a dead node is left alone (`http-gracetime`). */
  readonly graceTime: number;
  /** What nodes speak that do not say so. */
  readonly kind: 'http' | 'uwsgi';
  /** A node as it is written in `http-to`, options and all. @throws {Error} whose message says what is wrong with the text */
  parse(text: string): NodeEntry;
}

/** Makes the nodes and pools of one generation of config. */
export class PoolMaker implements NodeMaker {
  readonly #settings: PoolSettings;
  readonly #lookup: NameLookup;
  readonly #backends: Backends;

  /** @param backends what is known of nodes of this generation and of others */
  constructor(settings: PoolSettings, lookup: NameLookup, backends: Backends) {
    this.#settings = settings;
    this.#lookup = lookup;
    this.#backends = backends;
  }

  /** Literal addresses make one list; each host name is a source of its own. All names are looked up, at the same time, before the first request can come. */
  async sources(entries: readonly NodeEntry[]): Promise<NodeSource[]> {
    const names = entries.map((entry) => this.#nameSource(entry)).filter((source) => source !== null);
    await Promise.all(names.map((source) => source.start()));
    const fixed = entries.filter(({ address }) => !isName(address)).map((entry) => makeNode(entry, this.#backends));
    return fixed.length > 0 ? [new NodeList(fixed), ...names] : names;
  }

  pool(sources: readonly NodeSource[]): Pool {
    return new Pool(sources, this.#settings.graceTime, this.#settings);
  }

  /** @throws {Error} as `PoolSettings.parse` */
  parse(text: string): NodeSource {
    const entry = this.#settings.parse(text);
    const source = this.#nameSource(entry);
    if (source === null) return new NodeList([makeNode(entry, this.#backends)]);
    void source.start();
    return source;
  }

  /** @throws {Error} as `PoolSettings.parse` */
  check(text: string): void {
    this.#settings.parse(text);
  }

  atPath(path: string): NodeSource {
    return new NodeList([makeNode({ kind: this.#settings.kind, address: { kind: 'unix', path, abstract: false }, text: path }, this.#backends)]);
  }

  #nameSource(entry: NodeEntry): NameSource | null {
    const { address } = entry;
    return address.kind === 'tcp' && isName(address) ? new NameSource(address.host, address.port, this.#lookup, this.#backends, entry) : null;
  }
}

function isName(address: ConnectAddress): boolean {
  return address.kind === 'tcp' && !isIpLiteral(address.host);
}
