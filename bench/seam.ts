/**
 * What the seam alone costs: CPU µs of this process, which is both ends of every connection.
 *
 * Run by `node bench/seam.ts`, `bun bench/seam.ts` or `deno run -A bench/seam.ts`. `--node-net` takes the `node:net` adapter
 * whatever the runtime, `--rounds=N` repeats (default 3; the best round counts, because other work only ever adds).
 */

import type { ConnectAddress, ListenAddress } from '../src/net/address.ts';
import type { Connection, ConnectionHandlers } from '../src/runtime/seam/sockets.ts';
import type { Runtime } from '../src/runtime/seam.ts';
import { selectRuntime } from '../src/runtime/select.ts';

const CONNECTIONS = 32;
const PING_PONGS = 60_000;
const OPEN_CLOSES = 8_000;
const IN_FLIGHT = 16;
const RELAYED = 256 << 20;
const REQUEST = new Uint8Array(120).fill(65);
const RESPONSE = new Uint8Array(400).fill(66);

interface Client {
  got: number;
}

const ignore = (): void => {};
const failLoudly = (_owner: unknown, failure: { code: string }): void => {
  throw new Error(`connect failed: ${failure.code}`);
};

/** Answers every request-sized piece; a client that ends is ended too. */
const responder: ConnectionHandlers<Client> = {
  open(connection) {
    connection.owner = { got: 0 };
  },
  data(connection, bytes) {
    connection.owner.got += bytes.length;
    for (; connection.owner.got >= REQUEST.length; connection.owner.got -= REQUEST.length) connection.write(RESPONSE);
  },
  drain: ignore,
  end(connection) {
    connection.end();
  },
  close: ignore,
  connectFailed: failLoudly,
};

function pingPong(runtime: Runtime, to: ConnectAddress): Promise<void> {
  let left = PING_PONGS;
  let open = CONNECTIONS;
  return new Promise((done) => {
    const handlers: ConnectionHandlers<Client> = {
      ...responder,
      open(connection) {
        connection.write(REQUEST);
      },
      data(connection, bytes) {
        connection.owner.got += bytes.length;
        if (connection.owner.got < RESPONSE.length) return;
        connection.owner.got = 0;
        if (--left >= 0) connection.write(REQUEST);
        else connection.end();
      },
      close() {
        if (--open === 0) done();
      },
    };
    for (let n = 0; n < CONNECTIONS; n++) runtime.connect(to, { got: 0 }, handlers);
  });
}

function openClose(runtime: Runtime, to: ConnectAddress): Promise<void> {
  let started = 0;
  let closed = 0;
  return new Promise((done) => {
    const start = (): void => {
      started++;
      runtime.connect(to, { got: 0 }, handlers);
    };
    const handlers: ConnectionHandlers<Client> = {
      ...responder,
      open(connection) {
        connection.write(REQUEST);
      },
      data(connection, bytes) {
        connection.owner.got += bytes.length;
        if (connection.owner.got === RESPONSE.length) connection.end();
      },
      close() {
        closed++;
        if (started < OPEN_CLOSES) start();
        else if (closed === OPEN_CLOSES) done();
      },
    };
    for (let n = 0; n < IN_FLIGHT; n++) start();
  });
}

interface Leg {
  other: Connection<Leg> | null;
}

/** A source, a relay that writes what it reads and pauses the one while the other is slow, and a sink. */
async function relay(runtime: Runtime, from: ListenAddress, via: ListenAddress): Promise<void> {
  const block = new Uint8Array(65536).fill(67);
  let left = RELAYED;
  const pump = (connection: Connection<Leg>): void => {
    while (left > 0) {
      left -= block.length;
      if (!connection.write(block)) return;
    }
    connection.end();
  };
  const legs: ConnectionHandlers<Leg> = {
    open(connection) {
      connection.owner?.other?.resume();
    },
    data(connection, bytes) {
      if (!connection.owner.other!.write(bytes)) connection.pause();
    },
    drain(connection) {
      connection.owner.other!.resume();
    },
    end(connection) {
      connection.owner.other!.end();
    },
    close: ignore,
    connectFailed: failLoudly,
  };
  const source = await runtime.listen<Leg>(from, { ...legs, open: pump, data: ignore, drain: pump, end: ignore });
  const front = await runtime.listen<Leg>(via, {
    ...legs,
    open(connection) {
      connection.pause();
      connection.owner = { other: runtime.connect(source.address as ConnectAddress, { other: connection }, legs) };
    },
  });
  let got = 0;
  await new Promise<void>((done) => {
    const sink: ConnectionHandlers<Leg> = {
      ...legs,
      open: ignore,
      data: (_connection, bytes) => {
        got += bytes.length;
      },
      end: (connection) => connection.end(),
      close: () => done(),
    };
    runtime.connect(front.address as ConnectAddress, { other: null }, sink);
  });
  if (got !== RELAYED) throw new Error(`relayed ${got} of ${RELAYED} bytes`);
  front.close();
  source.close();
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return used.user + used.system;
}

const rounds = Number(process.argv.find((word) => word.startsWith('--rounds='))?.slice(9) ?? 3);
const runtime = process.argv.includes('--node-net') ? (await import('../src/runtime/node.ts')).createRuntime() : await selectRuntime();
const results = new Map<string, number>();
const record = (name: string, value: number): void => {
  results.set(name, Math.min(value, results.get(name) ?? Number.POSITIVE_INFINITY));
};

const tcp: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };
const unix = (name: string): ListenAddress => ({ kind: 'unix', path: `/tmp/ugate-seam-${process.pid}-${name}.sock`, abstract: false });

for (let round = 0; round < rounds; round++) {
  for (const address of [tcp, unix('a')]) {
    const listener = await runtime.listen(address, responder);
    const to = listener.address as ConnectAddress;
    record(`${address.kind} ping-pong, µs`, (await cpuOf(() => pingPong(runtime, to))) / PING_PONGS);
    record(`${address.kind} open-close, µs`, (await cpuOf(() => openClose(runtime, to))) / OPEN_CLOSES);
    listener.close();
  }
  record('tcp relay, µs per MiB', (await cpuOf(() => relay(runtime, tcp, tcp))) / (RELAYED >> 20));
  record('unix to tcp relay, µs per MiB', (await cpuOf(() => relay(runtime, unix('b'), tcp))) / (RELAYED >> 20));
}
console.log(`${runtime.name}${process.argv.includes('--node-net') ? ' (node:net adapter)' : ''} ${process.version}`);
for (const [name, value] of results) console.log(`  ${name.padEnd(32)} ${value.toFixed(1)}`);
runtime.exit(0);
