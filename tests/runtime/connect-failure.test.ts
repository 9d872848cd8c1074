import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import type { ConnectAddress } from '../../src/net/address.ts';
import { connectFailure } from '../../src/runtime/connect-failure.ts';
import { closeLeftovers, commandFor, connect, End, ends, gapIt, runtime, socketPath, unixAddress, waitFor } from './support.ts';

const NO_ROUTE_ON_BUN = 'Bun says ECONNREFUSED for a broadcast address, and a UDP socket has a route to it (docs/runtimes.md)';

async function failureOf(to: ConnectAddress): Promise<End> {
  const end = connect(to);
  assert.deepEqual(end.events, [], 'told within connect()');
  await end.until('failed');
  return end;
}

/** A process that listens on a unix socket of its own, and can be stopped or killed by the test. */
async function listenerProcess(path: string): Promise<ChildProcess> {
  const [command, ...words] = commandFor('listener.ts', path);
  const child = spawn(command!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

describe(`a connection that cannot be made on ${runtime.name}`, () => {
  after(closeLeftovers);
  const children: ChildProcess[] = [];
  const paths: string[] = [];
  after(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const path of paths) rmSync(path, { force: true });
  });

  it('is refused where nobody listens', async () => {
    const end = await failureOf({ kind: 'tcp', host: '127.0.0.1', port: 1 });
    assert.deepEqual(end.events, ['failed refused']);
    assert.deepEqual(end.failure, { reason: 'refused', code: 'ECONNREFUSED' });
  });

  it('is missing where the socket file does not exist', async () => {
    const end = await failureOf(unixAddress());
    assert.deepEqual(end.failure, { reason: 'missing', code: 'ENOENT' });
  });

  it('is refused on a file that is no socket', async () => {
    const path = socketPath();
    paths.push(path);
    writeFileSync(path, '');
    assert.equal((await failureOf(unixAddress(path))).failure!.reason, 'refused');
  });

  it('is dns for a name without an address', async () => {
    assert.equal((await failureOf({ kind: 'tcp', host: 'no-such-host.invalid', port: 80 })).failure!.reason, 'dns');
  });

  it('is busy while the backlog of a unix socket is full, and refused once its listener is gone', async () => {
    const path = socketPath();
    paths.push(path);
    const child = await listenerProcess(path);
    children.push(child);
    process.kill(child.pid!, 'SIGSTOP');
    const handlers = ends();
    const tried: End[] = [];
    const failed = (): End | undefined => tried.find((end) => end.failure !== null);
    while (failed() === undefined && tried.length < 6000) {
      const end = connect(unixAddress(path), handlers);
      tried.push(end);
      await waitFor(() => end.events.length > 0);
    }
    assert.equal(failed()?.failure?.reason, 'busy', `after ${tried.length} connections`);
    for (const end of tried) end.connection.destroy();
    child.kill('SIGKILL');
    await once(child, 'exit');
    // A reading of /proc/net/unix may serve for 100 ms on Bun.
    await new Promise((done) => setTimeout(done, 150));
    assert.ok(existsSync(path));
    assert.deepEqual((await failureOf(unixAddress(path))).failure, { reason: 'refused', code: 'ECONNREFUSED' });
  });

  gapIt('is our own fault without permission', process.getuid?.() === 0 && 'root may do everything', async () => {
    const path = socketPath();
    paths.push(path);
    const listener = await runtime.listen(unixAddress(path), ends());
    chmodSync(path, 0);
    assert.deepEqual((await failureOf(unixAddress(path))).failure, { reason: 'local', code: 'EACCES' });
    listener.close();
  });

  gapIt('is unreachable without a route', runtime.name === 'bun' && NO_ROUTE_ON_BUN, async () => {
    assert.deepEqual((await failureOf({ kind: 'tcp', host: '255.255.255.255', port: 80 })).failure, { reason: 'unreachable', code: 'ENETUNREACH' });
  });

  it('has a reason for every code', () => {
    assert.equal(connectFailure('ETIMEDOUT').reason, 'timeout');
    assert.equal(connectFailure('EHOSTUNREACH').reason, 'unreachable');
    assert.equal(connectFailure('EAGAIN').reason, 'busy');
    assert.equal(connectFailure('EMFILE').reason, 'local');
    assert.equal(connectFailure('EADDRNOTAVAIL').reason, 'local');
    assert.equal(connectFailure('never heard of').reason, 'local');
  });

  it('tells failed when the handler throws, and goes on', async () => {
    const end = new End();
    end.on = () => {
      throw new Error('thrown in connectFailed');
    };
    end.connection = runtime.connect({ kind: 'tcp', host: '127.0.0.1', port: 1 }, end, ends());
    await waitFor(() => end.thrown !== null);
    assert.equal((end.thrown as Error).message, 'thrown in connectFailed');
    assert.equal(end.events.length, 1);
  });
});
