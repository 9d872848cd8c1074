import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { type ListenAddress, parseListenAddress } from '../../src/net/address.ts';
import { ListenError } from '../../src/runtime/seam/sockets.ts';
import {
  closeLeftovers,
  commandFor,
  connect,
  type End,
  ends,
  gapIt,
  listening,
  pair,
  runtime,
  socketPath,
  TCP,
  unixAddress,
  waitFor,
} from './support.ts';

/** What the listener on `address` shows of a client that connects to `host`. */
async function seenFrom(address: string, host: string): Promise<End> {
  let seen: End | undefined;
  const accepted = (end: End): void => {
    seen = end;
  };
  await listening(parseListenAddress(address), ends(accepted), async (listener) => {
    assert.equal(listener.address.kind, 'tcp');
    const { port } = listener.address as { port: number };
    assert.ok(port > 0);
    const client = connect({ kind: 'tcp', host, port });
    await client.until('open');
    await waitFor(() => seen !== undefined);
    assert.equal(seen!.connection.local.port, port);
    assert.equal(client.connection.remote.port, port);
    assert.equal(seen!.connection.remote.port, client.connection.local.port);
    assert.equal(seen!.connection.tls, null);
    client.connection.destroy();
    await seen!.until('end');
    seen!.connection.destroy();
    await seen!.until('close');
  });
  return seen!;
}

function refused(reason: ListenError['reason'], message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ListenError && error.reason === reason && message.test(error.message);
}

describe(`a listener on ${runtime.name}`, () => {
  after(closeLeftovers);
  it('takes ip:port, 0.0.0.0, localhost and IPv6', async () => {
    assert.deepEqual((await seenFrom('127.0.0.1:0', '127.0.0.1')).connection.remote.address, '127.0.0.1');
    assert.deepEqual((await seenFrom(':0', '127.0.0.1')).connection.remote.family, 'ipv4');
    assert.deepEqual((await seenFrom('localhost:0', '127.0.0.1')).connection.remote.address, '127.0.0.1');
    const v6 = await seenFrom('[::1]:0', '::1');
    assert.deepEqual([v6.connection.remote.family, v6.connection.remote.address, v6.connection.local.address], ['ipv6', '::1', '::1']);
  });

  it('takes both families on [::], and shows mapped addresses as IPv4', async () => {
    const v4 = await seenFrom('[::]:0', '127.0.0.1');
    assert.deepEqual([v4.connection.remote.family, v4.connection.remote.address, v4.connection.local.address], ['ipv4', '127.0.0.1', '127.0.0.1']);
    assert.equal((await seenFrom('[::]:0', '::1')).connection.remote.address, '::1');
  });

  it('shows unix peers without an address', async () => {
    const { client, server, close } = await pair(unixAddress());
    for (const end of [client, server]) {
      assert.deepEqual(end.connection.remote, { family: 'unix', address: '', port: 0 });
      assert.deepEqual(end.connection.local, { family: 'unix', address: '', port: 0 });
    }
    await close();
  });

  it('is in-use on a taken port, and unavailable on a foreign address', async () => {
    await listening(TCP, ends(), async (listener) => {
      await assert.rejects(runtime.listen(listener.address, ends()), refused('in-use', /127\.0\.0\.1:\d+ is in use/));
    });
    await assert.rejects(runtime.listen(parseListenAddress('192.0.2.1:0'), ends()), refused('unavailable', /192\.0\.2\.1:0/));
    await assert.rejects(runtime.listen(parseListenAddress('no-such-host.invalid:0'), ends()), refused('unavailable', /no-such-host/));
    await assert.rejects(runtime.listen(unixAddress('/tmp/no/such/dir.sock'), ends()), refused('unavailable', /directory/));
  });

  it('gives a unix socket its mode, and removes the file on close', async () => {
    for (const mode of [0o600, 0o660, 0o666]) {
      const path = socketPath();
      const listener = await runtime.listen(unixAddress(path), ends(), { mode });
      assert.equal((statSync(path).mode & 0o777).toString(8), mode.toString(8));
      listener.close();
      listener.close();
      assert.ok(!existsSync(path));
    }
    assert.notEqual(process.umask(), 0o777);
  });

  it('removes a stale socket file, and leaves a live one and a plain file alone', async () => {
    const path = socketPath();
    const [command, ...words] = commandFor('listener.ts', path);
    const child = spawn(command!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout!, 'data');
    await assert.rejects(runtime.listen(unixAddress(path), ends()), refused('in-use', /somebody listens/));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(existsSync(path));
    await new Promise((done) => setTimeout(done, 150));
    await listening(unixAddress(path), ends(), async (listener) => {
      const client = connect(listener.address);
      await client.until('open');
      client.connection.destroy();
      await client.until('close');
    });
    writeFileSync(path, 'precious');
    await assert.rejects(runtime.listen(unixAddress(path), ends()), refused('in-use', /no socket/));
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    rmSync(path);
  });

  it("leaves somebody else's file at its path alone when it closes", async () => {
    const path = socketPath();
    const first = await runtime.listen(unixAddress(path), ends());
    renameSync(path, `${path}.old`);
    const second = await runtime.listen(unixAddress(path), ends());
    first.close();
    assert.ok(existsSync(path), 'the second listener lost its file');
    const client = connect(second.address);
    await client.until('open');
    client.connection.destroy();
    second.close();
    assert.ok(!existsSync(path));
    rmSync(`${path}.old`, { force: true });
  });

  gapIt('takes an abstract socket', !runtime.capabilities.abstractSockets && 'abstractSockets is not among its capabilities', async () => {
    const { client, server, close } = await pair({ kind: 'unix', path: `ugate-test-${process.pid}`, abstract: true });
    client.connection.write(new Uint8Array(5));
    await server.until('data');
    await close();
  });

  gapIt('shares a port by reusePort', !runtime.capabilities.reusePort && 'reusePort is not among its capabilities', async () => {
    const first = await runtime.listen(TCP, ends(), { reusePort: true });
    const second = await runtime.listen(first.address as ListenAddress, ends(), { reusePort: true });
    assert.deepEqual(second.address, first.address);
    first.close();
    const client = connect(second.address);
    await client.until('open');
    client.connection.destroy();
    await client.until('close');
    second.close();
  });

  gapIt('takes an inherited descriptor', !runtime.capabilities.inheritFd && 'inheritFd is not among its capabilities', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const handle = (server as unknown as { _handle: { fd: number; fdForIpc?(): number } })._handle;
    const fd = handle.fdForIpc?.() ?? handle.fd;
    const [command, ...words] = commandFor('inherited.ts');
    let text = '';
    let code: number | null | undefined;
    runtime.spawn([command!, ...words], {
      fds: [fd],
      stdio: 'pipe',
      output: (_child, bytes) => {
        text += Buffer.from(bytes).toString();
      },
      exit: (_child, exitCode) => {
        code = exitCode;
      },
    });
    await waitFor(
      () => text.includes('ready') || code !== undefined,
      () => `the child, which said "${text}"`,
    );
    server.close();
    const client = connect({ kind: 'tcp', host: '127.0.0.1', port });
    await client.until('end');
    assert.equal(client.text, 'from the child');
    client.connection.end();
    await client.until('close');
    await waitFor(() => code !== undefined);
    assert.equal(code, 0, text);
  });

  it('says what is wrong with a descriptor', async () => {
    await assert.rejects(runtime.listen({ kind: 'fd', fd: 999 }, ends()), refused('unavailable', /fd:\/\/999/));
  });

  it('stops accepting on close, and keeps what is open', async () => {
    let server: End | undefined;
    const accepted = (end: End): void => {
      server = end;
    };
    const listener = await runtime.listen(TCP, ends(accepted));
    const client = connect(listener.address);
    await waitFor(() => server !== undefined && client.events.includes('open'));
    listener.close();
    const late = connect(listener.address);
    await late.until('failed refused');
    client.connection.write(new Uint8Array(3));
    await server!.until('data');
    client.connection.destroy();
    server!.connection.destroy();
    await client.until('close');
    await server!.until('close');
  });
});
