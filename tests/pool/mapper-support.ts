/** What the tests of mappers share: pools of plain nodes, a log to read, socket files. */

import { createServer } from 'node:net';
import { Log } from '../../src/log/log.ts';
import { type ConnectAddress, parseConnectAddress } from '../../src/net/address.ts';
import type { Found } from '../../src/pool/mapper.ts';
import { MappedPools } from '../../src/pool/mappers/mapped-pools.ts';
import { Node } from '../../src/pool/node.ts';
import type { NodeSource } from '../../src/pool/node-source.ts';
import { Pool } from '../../src/pool/pool.ts';

/** Pools as the wiring makes them, and how many sources were made and stopped. */
export class TestPools {
  made = 0;
  stopped = 0;
  readonly pools: MappedPools;

  constructor(limit?: number) {
    const source = (node: Node): NodeSource => {
      this.made++;
      return { nodes: [node], stop: () => void this.stopped++ };
    };
    const read = (text: string): ConnectAddress => parseConnectAddress(text.split(',')[0] ?? '');
    this.pools = new MappedPools(
      {
        parse: (text) => source(new Node({ kind: 'uwsgi', address: read(text) }, text)),
        check: (text) => void read(text),
        atPath: (path) => source(new Node({ kind: 'uwsgi', address: { kind: 'unix', path, abstract: false } })),
        pool: (sources) => new Pool(sources, 30_000),
      },
      limit,
    );
  }
}

/** A log whose lines can be read. */
export class TestLog {
  readonly #lines: string[] = [];
  readonly log = new Log((text) => void this.#lines.push(...text.trimEnd().split('\n')));

  get lines(): readonly string[] {
    this.log.flush();
    return this.#lines;
  }
}

/** A finding in one line: the names of a pool's nodes, the code of a refusal, or `-`. */
export function say(found: Found): string {
  if (found === null) return '-';
  return found instanceof Pool ? found.nodes.map(({ name }) => name).join(' ') : found.code;
}

/** Somebody listens on this path until the end of the block. */
export async function listenAt(path: string): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(path, resolve));
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}
