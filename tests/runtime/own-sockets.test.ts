/** Sockets of our own where the kernel refuses, or seems to: one connection pays for it, and nobody else. */

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { TcpAddress } from '../../src/net/address.ts';
import { EpollSockets } from '../../src/runtime/epoll/epoll-sockets.ts';
import { EPOLL_CTL_ADD, EPOLLEXCLUSIVE, EPOLLOUT, EPOLLRDHUP, type Kernel } from '../../src/runtime/epoll/kernel.ts';
import { Guests } from '../../src/runtime/guests.ts';
import type { Listener, ListenOptions } from '../../src/runtime/seam/sockets.ts';
import { closeLeftovers, End, ends, runtime, sleep, waitFor } from './support.ts';

const ENOENT = 2;
const ENOMEM = 12;
const EMFILE = 24;
const ENOSPC = 28;

/** The system calls of this runtime; null where it has none. */
async function loadKernel(): Promise<Kernel | null> {
  if (process.platform !== 'linux') return null;
  const globals = globalThis as unknown as { Bun: never; Deno: never };
  if (runtime.name === 'bun') return (await import('../../src/runtime/epoll/bun-kernel.ts')).bunKernel(globals.Bun);
  if (runtime.name === 'deno') return (await import('../../src/runtime/epoll/deno-kernel.ts')).denoKernel(globals.Deno);
  return (await import('../../src/runtime/epoll/node-kernel.ts')).nodeKernel();
}

type Name = 'connect' | 'accept' | 'receive' | 'send' | 'control';

/** A kernel whose calls fail when they are told to. */
class Injected {
  readonly kernel: Kernel;
  /** What the next call of this name is to fail with, and what for: the numbers that `errno` gives then. */
  readonly faults: { readonly name: Name; readonly errno: number; readonly isWanted: (...args: unknown[]) => boolean; readonly isMade: boolean }[] =
    [];
  /** How long each look at the kernel was to last at most, in ms. */
  readonly waits: number[] = [];
  #errno: number | null = null;

  constructor(real: Kernel) {
    this.kernel = new Proxy(real, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'errno') return () => this.#errno ?? target.errno();
        return typeof value === 'function' ? (...args: unknown[]) => this.#call(target, name as Name, value as never, args) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value, target),
    });
  }

  /** The call fails without being made; with `isMade` it is made, and only its errno is another's. */
  fail(
    name: Name,
    errno: number,
    { isWanted = () => true, isMade = false }: { isWanted?: (...args: never[]) => boolean; isMade?: boolean } = {},
  ): void {
    this.faults.push({ name, errno, isWanted: isWanted as (...args: unknown[]) => boolean, isMade });
  }

  #call(target: Kernel, name: Name, made: (...args: unknown[]) => number, args: unknown[]): unknown {
    if ((name as string) === 'wait') this.waits.push(args[3] as number);
    this.#errno = null;
    const at = this.faults.findIndex((fault) => fault.name === name && fault.isWanted(...args));
    if (at === -1) return made.apply(target, args);
    const fault = this.faults[at]!;
    if (fault.isMade) {
      const result = made.apply(target, args);
      if (result >= 0) return result;
    }
    this.faults.splice(at, 1);
    this.#errno = fault.errno;
    return -1;
  }
}

/** Calls that begin to watch a descriptor for this event, among others. */
function isWatch(event: number) {
  return (_epoll: number, operation: number, _fd: number, events: Int32Array): boolean => operation === EPOLL_CTL_ADD && (events[0]! & event) !== 0;
}

const real = await loadKernel();

describe(`sockets of our own on ${runtime.name}`, { skip: real === null ? 'this runtime has no way to the kernel here' : false }, () => {
  const injected = new Injected(real!);
  const guests = new Guests();
  const sockets = real === null ? (null as never) : new EpollSockets(injected.kernel, Number.POSITIVE_INFINITY, guests);
  const LOCAL = { kind: 'tcp', host: '127.0.0.1' } as const;
  let echo: Server;
  let address: TcpAddress;
  const opened: End[] = [];
  const listeners: Listener[] = [];

  before(async () => {
    echo = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done));
    address = { ...LOCAL, port: (echo.address() as { port: number }).port };
  });
  after(() => {
    for (const { connection } of opened) connection.destroy();
    for (const listener of listeners) listener.close();
    echo.close();
    closeLeftovers();
  });

  function connect(to = address): End {
    const end = new End();
    end.connection = sockets.connect(to, end, ends())!;
    opened.push(end);
    return end;
  }

  async function isWell(): Promise<void> {
    const end = connect();
    await end.until('open');
    end.connection.write(new TextEncoder().encode('hello'));
    await waitFor(
      () => end.text === 'hello',
      () => `an echo, heard ${end.events.join()}`,
    );
    end.connection.destroy();
    await end.until('close');
  }

  /** Listens with a socket of our own. */
  async function listen(
    accepted: (end: End) => void,
    options: ListenOptions,
    highest = Number.POSITIVE_INFINITY,
  ): Promise<{ listener: Listener; address: TcpAddress }> {
    const bound = (await runtime.bind({ ...LOCAL, port: 0 })) as unknown as { address: TcpAddress; fd?: number; lend?(): number; close(): void };
    const own = highest === Number.POSITIVE_INFINITY ? sockets : new EpollSockets(injected.kernel, highest, guests);
    const listener = own.listen(bound.address, bound.lend?.() ?? bound.fd!, ends(accepted), options, () => bound.close());
    listeners.push(listener);
    return { listener, address: bound.address };
  }

  it('B5: a connection that the kernel will not watch fails alone, and is not counted', async () => {
    await isWell();
    for (let i = 0; i < 3; i++) {
      injected.fail('control', ENOSPC, { isWanted: isWatch(EPOLLOUT) });
      const refused = connect();
      await refused.until('failed');
      assert.deepEqual(refused.failure, { reason: 'local', code: 'ENOSPC' });
      await isWell();
    }
    // Whatever was counted down too often would show by now: nobody would be told of anything.
    const both = [connect(), connect()];
    for (const end of both) await end.until('open');
    both[0]!.connection.destroy();
    both[1]!.connection.write(new TextEncoder().encode('still'));
    await waitFor(() => both[1]!.text === 'still');
  });

  it('B5: a listener that could not be watched again is tried again, and says so once', async () => {
    const told: string[] = [];
    const { listener, address: to } = await listen((end) => (end.on = (event) => event === 'data' && end.connection.write(end.chunks.at(-1)!)), {
      acceptFailed: (code) => told.push(code),
      acceptsAgain: () => told.push('again'),
    });
    injected.fail('accept', EMFILE);
    injected.fail('accept', EMFILE);
    const client = connect(to);
    await client.until('open');
    await waitFor(() => injected.faults.length === 0);
    for (let i = 0; i < 3; i++) injected.fail('control', ENOSPC, { isWanted: isWatch(EPOLLEXCLUSIVE) });
    await waitFor(() => injected.faults.length === 0);
    client.connection.write(new TextEncoder().encode('hello'));
    await waitFor(
      () => client.text === 'hello',
      () => `an echo, heard ${client.events.join()}`,
    );
    assert.deepEqual(told, ['EMFILE']);
    await waitFor(() => told.includes('again'));
    assert.deepEqual(told, ['EMFILE', 'again']);
    listener.close();
  });

  it('B5: a client that the kernel will not watch is lost alone, and it is said', async () => {
    const told: string[] = [];
    const { listener, address: to } = await listen((end) => (end.on = (event) => event === 'data' && end.connection.write(end.chunks.at(-1)!)), {
      acceptFailed: (code) => told.push(code),
    });
    const other = connect(to);
    await other.until('open');
    const lost = connect(to);
    // Its own side is watched by now.
    injected.fail('control', ENOSPC, { isWanted: isWatch(EPOLLRDHUP) });
    await waitFor(() => injected.faults.length === 0);
    await lost.until('end');
    assert.deepEqual(told, ['ENOSPC']);
    other.connection.write(new TextEncoder().encode('hello'));
    await waitFor(
      () => other.text === 'hello',
      () => `an echo, heard ${other.events.join()}`,
    );
    const last = connect(to);
    await last.until('open');
    last.connection.write(new TextEncoder().encode('hello'));
    await waitFor(() => last.text === 'hello');
    listener.close();
  });

  it('F15: who comes while no descriptor is left waits in the queue, and is served when there is one', async () => {
    const told: string[] = [];
    const accepted: End[] = [];
    // Of those behind the next one the clients themselves take eight, and the two pollers one each now and then.
    const highest = real!.dup(1);
    real!.close(highest);
    const { listener, address: to } = await listen(
      (end) => accepted.push(end),
      { acceptFailed: (code) => told.push(code), acceptsAgain: () => told.push('again') },
      highest + 13,
    );
    const clients = Array.from({ length: 8 }, () => connect(to));
    for (const client of clients) await client.until('open');
    await waitFor(() => told.length > 0);
    assert.deepEqual(told, ['EMFILE']);
    assert.ok(accepted.length < clients.length, `${accepted.length} were accepted`);
    assert.ok(clients.every(({ events }) => !events.includes('end')));
    // Each that goes makes room for another.
    for (let served = 0; served < clients.length; served++) {
      await waitFor(
        () => accepted.length > served,
        () => `client ${served} of ${clients.length}`,
        10_000,
      );
      accepted[served]!.connection.close(new TextEncoder().encode('served'));
      await waitFor(() => clients.filter(({ text }) => text === 'served').length === served + 1);
      for (const client of clients) if (client.text === 'served') client.connection.destroy();
    }
    await waitFor(() => told.includes('again'));
    listener.close();
  });

  it('B25: an errno that another call has left behind ends nothing', async () => {
    const end = connect();
    await end.until('open');
    for (let i = 0; i < 3; i++) {
      // Nothing is there to read, and no room is left to write: both say EAGAIN, if they are asked.
      injected.fail('receive', ENOENT, { isMade: true });
      injected.fail('send', ENOMEM);
      const before = end.bytes;
      end.connection.write(new TextEncoder().encode('hello'));
      await waitFor(
        () => end.bytes === before + 5,
        () => `an echo, heard ${end.events.join()}`,
      );
    }
    const big = new Uint8Array(8 * 1024 * 1024).fill(0x78);
    injected.fail('send', ENOENT, { isMade: true });
    injected.fail('receive', ENOENT, { isMade: true });
    end.connection.write(big);
    await waitFor(
      () => end.bytes === 15 + big.length,
      () => `${end.bytes} bytes, heard ${[...new Set(end.events)].join()}`,
      20_000,
    );
    assert.ok(!end.events.includes('close'));
    injected.faults.length = 0;
    // Connecting is under way, whatever errno says.
    for (const errno of [0, ENOMEM]) {
      injected.fail('connect', errno, { isMade: true });
      await isWell();
      injected.faults.length = 0;
    }
  });

  it('B25: what really has failed is told by its name', async () => {
    const refused = connect({ ...LOCAL, port: 1 });
    await refused.until('failed');
    assert.equal(refused.failure!.code, 'ECONNREFUSED');
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.resetAndDestroy()));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const end = connect({ ...LOCAL, port: (server.address() as { port: number }).port });
    await end.until('open');
    end.connection.write(new Uint8Array(1));
    await end.until('close');
    assert.equal(end.events.at(-1), 'close ECONNRESET');
    server.close();
  });

  it('B18: while an app is at work its immediates and timers never wait for the kernel', async () => {
    // The event loop of the runtime is not known before some quiet moments have passed.
    for (let i = 0; i < 20 && real!.hostEpoll === -1; i++) {
      await isWell();
      await sleep(4);
    }
    assert.notEqual(real!.hostEpoll, -1, 'found');
    const answered: number[] = [];
    const chain = (end: End, left: number): void => {
      if (left > 0) {
        if (left % 2 === 0) setImmediate(() => chain(end, left - 1));
        else setTimeout(() => chain(end, left - 1), 0);
        return;
      }
      guests.count--;
      answered.push(injected.waits.filter((ms) => ms > 0).length);
      end.connection.write(new Uint8Array(1));
    };
    const asked = (end: End): void => {
      guests.count++;
      injected.waits.length = 0;
      chain(end, 20);
    };
    const { listener, address: to } = await listen((end) => (end.on = (event) => event === 'data' && asked(end)), {});
    const client = connect(to);
    await client.until('open');
    for (let i = 0; i < 5; i++) {
      client.connection.write(new Uint8Array(1));
      await waitFor(() => answered.length === i + 1 && client.bytes === i + 1);
    }
    assert.deepEqual(answered, [0, 0, 0, 0, 0]);
    assert.equal(guests.count, 0);
    // Without a guest it waits itself, which is cheaper.
    injected.waits.length = 0;
    await isWell();
    await sleep(20);
    assert.ok(
      injected.waits.some((ms) => ms > 0),
      injected.waits.join(),
    );
    listener.close();
  });
});
