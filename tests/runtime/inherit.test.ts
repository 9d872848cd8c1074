import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { type ListenAddress, parseListenAddress } from '../../src/net/address.ts';
import type { ChildProcess, SpawnOptions } from '../../src/runtime/seam/processes.ts';
import { type BoundSocket, ListenError } from '../../src/runtime/seam/sockets.ts';
import { isWithin } from '../support/wait.ts';
import { closeLeftovers, commandFor, connect, ends, gapIt, runtime, sleep, socketPath, TCP, unixAddress, waitFor } from './support.ts';

const HEIR = new URL('./fixtures/heir.ts', import.meta.url).pathname;
/** A runtime's start on a busy machine. */
const START = 15_000;

interface Answer {
  did: { do: string };
  env?: string[];
  pid?: number;
}

const heirs: Heir[] = [];

// The test runner of Node starts this file with dozens of flags, such as the one that makes SIGUSR2 write a report.
process.execArgv.length = 0;

/** A child of ours that does what it is told, see fixtures/heir.ts. */
class Heir {
  readonly answers: Answer[] = [];
  hasEnded = false;
  readonly child: ChildProcess;

  constructor(sockets: readonly BoundSocket[] = [], args: string[] = [], options: Partial<SpawnOptions> = {}) {
    this.child = runtime.spawnSelf(args, {
      entry: HEIR,
      sockets,
      message: (_child, value) => this.answers.push(value as Answer),
      exit: () => {
        this.hasEnded = true;
      },
      ...options,
    });
    heirs.push(this);
  }

  async does(what: string, more: object = {}): Promise<Answer> {
    const before = this.answers.length;
    assert.ok(this.child.send({ do: what, ...more }));
    await waitFor(
      () => this.answers.length > before || this.hasEnded,
      () => `an answer to ${what}`,
      START,
    );
    assert.ok(!this.hasEnded, `the child ended instead of doing ${what}`);
    return this.answers[before]!;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await waitFor(() => this.hasEnded);
  }
}

/** What `count` clients of `address`, one after the other, are answered. */
async function answers(address: ListenAddress, count: number): Promise<string[]> {
  const told: string[] = [];
  for (let n = 0; n < count; n++) told.push(await answer(address));
  return told;
}

async function answer(address: ListenAddress): Promise<string> {
  const client = connect(address);
  await client.until('open');
  client.connection.write(new Uint8Array(1));
  await client.until('end');
  client.connection.end();
  await client.until('close');
  return client.text;
}

const places: [string, () => ListenAddress][] = [
  ['127.0.0.1', () => TCP],
  ['[::1]', () => parseListenAddress('[::1]:0')],
  ['a socket file', () => unixAddress()],
  ['an abstract name', () => ({ kind: 'unix', path: `ugate-inherit-${process.pid}`, abstract: true })],
];

describe(`a bound socket on ${runtime.name}`, () => {
  after(async () => {
    closeLeftovers();
    await Promise.all(heirs.filter(({ hasEnded }) => !hasEnded).map((heir) => heir.kill()));
  });

  for (const [name, where] of places) {
    const lacks = name.includes('abstract') && !runtime.capabilities.abstractSockets && 'abstractSockets is not among its capabilities';
    gapIt(`on ${name}: clients wait for a child, two share it, one that stops loses nothing`, lacks, async () => {
      const bound = await runtime.bind(where(), { backlog: 64 });
      const waiting = answer(bound.address);
      await sleep(100);
      const [first, second] = [new Heir([bound]), new Heir([bound])];
      await first.does('listen');
      assert.match(await waiting, new RegExp(`^${first.child.pid} ${bound.address.kind === 'unix' ? 'unix' : 'ipv'}`));
      await second.does('listen');
      const clients = Array.from({ length: 40 }, () => answer(bound.address));
      await first.does('stop');
      for (const text of await Promise.all(clients)) assert.match(text, /^\d+ /);
      assert.deepEqual(new Set((await answers(bound.address, 5)).map((text) => text.split(' ')[0])), new Set([String(second.child.pid)]));
      await second.kill();
      const again = new Heir([bound]);
      const queued = answer(bound.address);
      await again.does('listen');
      assert.match(await queued, new RegExp(`^${again.child.pid} `));
      await again.kill();
      bound.close();
      bound.close();
      const late = connect(bound.address);
      await late.until('failed');
    });
  }

  it('hands over several, in order', async () => {
    const sockets = [await runtime.bind(TCP), await runtime.bind(unixAddress()), await runtime.bind(TCP)];
    const heir = new Heir(sockets);
    for (const index of [2, 1, 0]) {
      await heir.does('listen', { index });
      assert.match(await answer(sockets[index]!.address), new RegExp(`^${heir.child.pid} `));
    }
    await heir.kill();
    for (const socket of sockets) socket.close();
  });

  it('listens in the process that bound it, too', async () => {
    for (const address of [TCP, unixAddress()]) {
      const bound = await runtime.bind(address);
      let accepted = 0;
      const listener = await runtime.listen(
        bound,
        ends(() => accepted++),
      );
      assert.deepEqual(listener.address, bound.address);
      const client = connect(bound.address);
      await waitFor(() => accepted === 1);
      client.connection.destroy();
      listener.close();
      if (address.kind === 'unix') assert.ok(existsSync(address.path));
      bound.close();
      if (address.kind === 'unix') assert.ok(!existsSync(address.path));
    }
  });

  it('gives its file the mode, removes it on close, and keeps it when told so', async () => {
    const path = socketPath();
    const bound = await runtime.bind(unixAddress(path), { mode: 0o620 });
    assert.equal((statSync(path).mode & 0o777).toString(8), '620');
    const heir = new Heir([bound]);
    await heir.does('listen');
    bound.close({ keepsFile: true });
    assert.match(await answer(bound.address), /^\d+ unix/);
    await assert.rejects(runtime.bind(unixAddress(path)), inUse);
    await heir.kill();
    const next = await runtime.bind(unixAddress(path));
    next.close();
    assert.ok(!existsSync(path));
  });

  it('B22: binds a path, and closes it, beside what a process of the same number left there when it died', async () => {
    const path = socketPath();
    const left = `${path}.${process.pid}.aside`;
    for (let start = 0; start < 2; start++) {
      writeFileSync(left, '');
      const bound = await runtime.bind(unixAddress(path));
      const listener = await runtime.listen(bound, ends());
      // Who wants the name takes it; for others the file is no obstacle.
      writeFileSync(left, '');
      listener.close();
      bound.close();
      assert.ok(!existsSync(path));
    }
    rmSync(left, { force: true });
  });

  it('leaves the file of its successor alone', async () => {
    const path = socketPath();
    const first = await runtime.bind(unixAddress(path));
    rmSync(path);
    const second = await runtime.bind(unixAddress(path));
    first.close();
    assert.ok(existsSync(path));
    second.close();
    assert.ok(!existsSync(path));
  });

  it('fails as listening does', async () => {
    const bound = await runtime.bind(TCP);
    await assert.rejects(runtime.bind(bound.address), inUse);
    await assert.rejects(runtime.listen(bound.address, ends()), inUse);
    bound.close();
    await assert.rejects(runtime.bind(unixAddress('/tmp/no/such/dir.sock')), /directory of .* does not exist/);
    await assert.rejects(runtime.bind(parseListenAddress('192.0.2.1:0')), /192\.0\.2\.1:0 is no address of this machine/);
    await assert.rejects(runtime.bind({ kind: 'fd', fd: 999 }), /fd:\/\/999 is no listening socket/);
  });

  it('goes to a child of another kind as descriptor 3', async () => {
    const sockets = [await runtime.bind(TCP), await runtime.bind(unixAddress())];
    const program =
      'import socket\nfor fd in (3, 4):\n s = socket.socket(fileno=fd)\n s.setblocking(True)\n c, _ = s.accept()\n c.recv(1)\n c.sendall(b"snake")\n c.close()';
    let code: number | null | undefined;
    const child = runtime.spawn(['python3', '-c', program], {
      sockets,
      exit: (_child, exitCode) => {
        code = exitCode;
      },
    });
    try {
      for (const { address } of sockets) assert.equal(await answer(address), 'snake');
      await waitFor(() => code !== undefined);
      assert.equal(code, 0);
    } finally {
      child.kill('SIGKILL');
    }
    for (const socket of sockets) socket.close();
  });
});

function inUse(error: unknown): boolean {
  return error instanceof ListenError && error.reason === 'in-use';
}

/** Whoever inherits a dead orphan may take his time to bury it. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe(`parent and child on ${runtime.name}`, () => {
  it('has no parent when somebody else opened the channel', async () => {
    assert.equal(runtime.parent, null);
    runtime.endWithParent();
    const said: unknown[] = [];
    const child = runtime.spawn(commandFor('orphan.ts'), { ipc: true, message: (_child, value) => said.push(value), exit: () => {} });
    await waitFor(() => said.length > 0, undefined, START);
    assert.deepEqual(said, ['no parent']);
    child.kill('SIGKILL');
  });

  it('loses no message, also of those sent before anybody listened, and cleans the environment', async () => {
    const heir = new Heir([], ['late']);
    for (let n = 0; n < 200; n++) heir.child.send({ do: 'echo', n });
    await waitFor(
      () => heir.answers.length === 200,
      () => `200 answers, not ${heir.answers.length}`,
      START,
    );
    assert.deepEqual(
      heir.answers.map(({ did }) => (did as unknown as { n: number }).n),
      Array.from({ length: 200 }, (_, n) => n),
    );
    const { env, pid } = await heir.does('env');
    assert.deepEqual([env, pid], [[], heir.child.pid]);
    await heir.kill();
  });

  it('ignores the signals it is told to', async () => {
    const heir = new Heir();
    await heir.does('echo');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGUSR2'] as const) heir.child.kill(signal);
    await sleep(100);
    await heir.does('echo');
    await heir.kill();
  });

  it('signals processes that are not its children, and knows when there is none', async () => {
    const heir = new Heir();
    await heir.does('echo');
    assert.ok(runtime.signal(heir.child.pid, 'SIGKILL'));
    await waitFor(() => heir.hasEnded);
    assert.equal(runtime.signal(heir.child.pid, 'SIGKILL'), false);
  });

  it('a child dies with its parent, also with a blocked event loop', async () => {
    const pids: number[] = [];
    // A parent of its own: it has two children, of which one blocks, and tells their process ids.
    const middle = runtime.spawn(commandFor('ancestor.ts', HEIR), {
      ipc: true,
      message: (_child, value) => pids.push(value as number),
      exit: () => {},
    });
    await waitFor(() => pids.length === 2, undefined, START);
    await sleep(1200);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    middle.kill('SIGKILL');
    const killedAt = performance.now();
    try {
      await waitFor(
        () => !pids.some(isAlive),
        () => `the death of ${pids.filter(isAlive)}`,
      );
      assert.ok(isWithin(1000, killedAt), `it took ${performance.now() - killedAt} ms`);
    } finally {
      for (const pid of pids.filter(isAlive)) runtime.signal(pid, 'SIGKILL');
    }
  });
});
