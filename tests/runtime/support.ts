/** What the tests of the seam share. They take the runtime they run on, and real sockets only. */

import { rmSync } from 'node:fs';
import { it } from 'node:test';
import type { ConnectAddress, ListenAddress } from '../../src/net/address.ts';
import type { ConnectFailure, Connection, ConnectionHandlers, Listener, ListenOptions } from '../../src/runtime/seam/sockets.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { noteSkip } from '../support/peers.ts';

export const runtime = await selectRuntime();

/** Connections and listeners of this file. A test that failed half way leaves some, and Node would wait for them. */
const left: { destroy?(): void; close?(): void }[] = [];
export function closeLeftovers(): void {
  for (const each of left.splice(0)) (each.destroy ?? each.close)!.call(each);
}

export const TCP: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };

let names = 0;
/** A path in /tmp that no other test uses. */
export function socketPath(): string {
  return `/tmp/ugate-test-${process.pid}-${names++}.sock`;
}

export function unixAddress(path = socketPath()): ConnectAddress & { kind: 'unix' } {
  return { kind: 'unix', path, abstract: false };
}

/** How to run a program under the runtime of this test. */
export function commandFor(fixture: string, ...words: string[]): string[] {
  const program = new URL(`./fixtures/${fixture}`, import.meta.url).pathname;
  return runtime.name === 'deno' ? [process.execPath, 'run', '-A', program, ...words] : [process.execPath, program, ...words];
}

/** One end of a connection that writes down what it was told. The handlers are shared by all ends that one `ends()` makes. */
export class End {
  /** What was told, in order: `open`, `data`, `drain`, `end`, `close`, `close ECONNRESET`, `failed refused`. */
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  connection!: Connection<End>;
  failure: ConnectFailure | null = null;
  thrown: unknown = null;
  /** Called after each event was written down. */
  on: (event: string, bytes?: Uint8Array) => void = () => {};

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  tell(event: string, bytes?: Uint8Array): void {
    this.events.push(event);
    this.on(event, bytes);
  }

  /** Resolves once an event that starts with `event` was told. */
  async until(event: string): Promise<void> {
    await waitFor(
      () => this.events.some((told) => told.startsWith(event)),
      () => `"${event}" in [${this.events.join(', ')}]`,
    );
  }
}

/** Handlers whose ends write down what they are told; `accepted` gets each new end of a listener. */
export function ends(accepted: (end: End) => void = () => {}, keep = true): ConnectionHandlers<End> {
  return {
    open(connection) {
      if (connection.owner === undefined) {
        connection.owner = new End();
        connection.owner.connection = connection;
        left.push(connection);
        accepted(connection.owner);
      }
      connection.owner.tell('open');
    },
    data({ owner }, bytes) {
      owner.bytes += bytes.length;
      if (keep) owner.chunks.push(Uint8Array.from(bytes));
      owner.tell('data', bytes);
    },
    drain: ({ owner }) => owner.tell('drain'),
    end: ({ owner }) => owner.tell('end'),
    close: ({ owner }, error) => owner.tell(error === null ? 'close' : `close ${error}`),
    connectFailed(owner, failure) {
      owner.failure = failure;
      owner.tell(`failed ${failure.reason}`);
    },
    failed(connection, error) {
      connection.owner.thrown = error;
      connection.write(new TextEncoder().encode('last words'));
      connection.destroy();
    },
  };
}

export function connect(to: ListenAddress, handlers: ConnectionHandlers<End> = ends()): End {
  const end = new End();
  end.connection = runtime.connect(to as ConnectAddress, end, handlers);
  left.push(end.connection);
  return end;
}

export interface Pair {
  client: End;
  server: End;
  close(): Promise<void>;
}

/** Both ends of an open connection. */
export async function pair(address: ListenAddress = TCP, keep = true): Promise<Pair> {
  let server: End | null = null;
  const handlers = ends((end) => {
    server = end;
  }, keep);
  const listener = await runtime.listen(address, handlers);
  left.push(listener);
  const client = connect(listener.address, handlers);
  await waitFor(() => server !== null && client.events.includes('open'));
  listener.close();
  return {
    client,
    server: server!,
    async close() {
      client.connection.destroy();
      server!.connection.destroy();
      await client.until('close');
      await server!.until('close');
    },
  };
}

/** Listens for the time of `test`. */
export async function listening(
  address: ListenAddress,
  handlers: ConnectionHandlers<End>,
  test: (listener: Listener) => Promise<void>,
  options: ListenOptions = {},
): Promise<void> {
  const listener = await runtime.listen(address, handlers, options);
  try {
    await test(listener);
  } finally {
    listener.close();
    if (address.kind === 'unix' && !address.abstract) rmSync(address.path, { force: true });
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Waits until `condition` holds, 5 s at the most. */
export async function waitFor(condition: () => boolean, what: () => string = () => 'the condition', limit = 5000): Promise<void> {
  const deadline = Date.now() + limit;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${limit} ms for ${what()}`);
    await sleep(2);
  }
}

/** Bytes that differ everywhere, so that a lost, doubled or overwritten piece shows. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** An `it` for what this runtime or machine may lack: a `gap` is the reason, noted where `tests/run.ts` finds it. */
export function gapIt(name: string, gap: string | false, body: () => Promise<void>): void {
  if (gap) noteSkip(name, gap);
  it(name, { skip: gap }, body);
}
