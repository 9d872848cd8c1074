import type { Log } from '../log/log.ts';
import { type ConnectAddress, isIpLiteral } from '../net/address.ts';
import type { TimerWheel } from '../net/timer-wheel.ts';
import type { Config, NodeConfig } from '../options/config.ts';
import { parseNode } from '../options/node-address.ts';
import type { NodeMaker } from '../pool/mappers/mapped-pools.ts';
import { NameSource } from '../pool/name-source.ts';
import { Node } from '../pool/node.ts';
import { makeNode, type NodeEntry } from '../pool/node-entry.ts';
import type { NodeSource } from '../pool/node-source.ts';
import { Pool } from '../pool/pool.ts';
import type { Runtime } from '../runtime/seam.ts';

/** Makes the nodes and pools of one generation of config. */
export class PoolMaker implements NodeMaker {
  readonly #config: Config;
  readonly #lookup: ConstructorParameters<typeof NameSource>[2];

  constructor(runtime: Runtime, config: Config, wheel: TimerWheel, log: Log) {
    this.#config = config;
    this.#lookup = {
      resolve: (name) => runtime.resolve(name),
      warn: (message) => log.event('warn', 'name-lookup-failed', message),
      now: () => wheel.precise(),
    };
  }

  /** Nodes from `http-to`; without any place for requests, the welcome page is the only one. */
  async main(): Promise<Pool> {
    if (!this.#config.hasRoutes) return this.pool([{ nodes: [new Node({ kind: 'app' })] }]);
    return this.pool(await this.sources(this.#config.nodes));
  }

  /** Literal addresses make one list; each host name is a source of its own, looked up before the first request can come. */
  async sources(nodes: readonly NodeConfig[]): Promise<NodeSource[]> {
    const fixed = nodes.filter(({ address }) => !isName(address)).map(makeNode);
    const sources: NodeSource[] = fixed.length > 0 ? [{ nodes: fixed }] : [];
    for (const node of nodes) {
      const source = this.#nameSource(node);
      if (source === null) continue;
      await source.start();
      sources.push(source);
    }
    return sources;
  }

  pool(sources: readonly NodeSource[]): Pool {
    const { graceTime, algorithm, slowStart } = this.#config;
    return new Pool(sources, graceTime, { algorithm, slowStart });
  }

  /** @throws {AddressError} */
  parse(text: string): NodeSource {
    const entry = parseNode(text, this.#kind);
    const source = this.#nameSource(entry);
    if (source === null) return { nodes: [makeNode(entry)] };
    void source.start();
    return source;
  }

  /** @throws {AddressError} */
  check(text: string): void {
    parseNode(text, this.#kind);
  }

  atPath(path: string): NodeSource {
    return { nodes: [makeNode({ kind: this.#kind, address: { kind: 'unix', path, abstract: false }, text: path })] };
  }

  get #kind(): 'http' | 'uwsgi' {
    return this.#config.backendHttp ? 'http' : 'uwsgi';
  }

  #nameSource(entry: NodeEntry): NameSource | null {
    const { address } = entry;
    return address.kind === 'tcp' && isName(address) ? new NameSource(address.host, address.port, this.#lookup, entry) : null;
  }
}

function isName(address: ConnectAddress): boolean {
  return address.kind === 'tcp' && !isIpLiteral(address.host);
}
