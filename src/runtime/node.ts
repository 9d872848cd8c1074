import type { ListenOptions as NodeListenOptions, Server, Socket } from 'node:net';
import { constants } from 'node:os';
import type { ListenAddress, TcpAddress, UnixAddress } from '../net/address.ts';
import { AcceptAlarm } from './accept-alarm.ts';
import { CommonRuntime } from './common.ts';
import { errorCode } from './connect-failure.ts';
import type { Kernel } from './epoll/kernel.ts';
import { flockOfNode, nodeKernel } from './epoll/node-kernel.ts';
import { OwnSockets } from './epoll/own-sockets.ts';
import { lockBy } from './file-lock.ts';
import { BACKLOG } from './held-socket.ts';
import { listenFailure } from './listen-failure.ts';
import { listenHost } from './listen-host.ts';
import { bindHandle, failed, HandleSocket, handleOf, type NetHandle, type Opening } from './net-handle.ts';
import { connectionOf, NodeConnection } from './node-connection.ts';
import type { Adopt } from './parent.ts';
import type { AppHost } from './seam/apps.ts';
import type { Capabilities } from './seam/capabilities.ts';
import type { BindOptions, BoundSocket, Connection, ConnectionHandlers, Listener, ListenOptions } from './seam/sockets.ts';
import type { Runtime } from './seam.ts';
import { bindPath, probePath, SocketFile, withMode } from './socket-file.ts';
import { WriteScratch } from './write-scratch.ts';

const CAPABILITIES: Capabilities = {
  abstractSockets: true,
  inheritFd: true,
  reusePort: true,
  backlog: true,
  passFds: true,
  holdsClients: false,
  endInPause: false,
  reapsOrphans: false,
  resets: true,
};

const { EADDRINUSE } = constants.errno;

/** Bytes of the one buffer that all outgoing connections read into. */
const READ_BUFFER = 65536;

/** The runtime on Node: `node:net` for sockets. */
export function createRuntime(): Runtime {
  return new NodeRuntime();
}

class NodeRuntime extends CommonRuntime implements Runtime {
  readonly name = 'node';
  readonly version = process.versions.node;
  /** Not imported: a bundle would load it at the start of every binary, where Bun's own sockets serve. */
  readonly #net = process.getBuiltinModule('node:net');
  readonly #scratch = new WriteScratch();
  protected override readonly own = new OwnSockets(nodeKernel, () => this.openFilesLimit());
  protected override readonly runtimeCapabilities = CAPABILITIES;
  protected override readonly tryLock = (path: string, isExclusive: boolean) => lockBy(flockOfNode(), path, isExclusive);
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER);

  protected override readonly adopt: Adopt = (address, backlog, from) =>
    new HandleSocket(address, backlog, 'handle' in from ? from.handle : handleOf(from.fd));

  async apps(): Promise<AppHost> {
    return (await import('./apps/node-apps.ts')).NODE_APPS;
  }

  async listen<Owner>(address: ListenAddress | BoundSocket, handlers: ConnectionHandlers<Owner>, options: ListenOptions = {}): Promise<Listener> {
    const own = options.reusePort ? null : this.own.sockets;
    if (own !== null) {
      const bound = ('kind' in address ? await this.bind(address, options) : address) as HandleSocket;
      return own.listen(bound.address, bound.lend(), handlers, options, () => bound.close({ keepsFile: address === bound }));
    }
    if (address instanceof HandleSocket) return this.#listenOn(address, handlers, options);
    return this.#listenAt(address as ListenAddress, handlers, options);
  }

  async bind(address: ListenAddress, options: BindOptions = {}): Promise<BoundSocket> {
    try {
      const kernel = this.own.kernel;
      const opening: Opening = kernel === null ? openInChild : (handle, backlog) => openWith(kernel, handle, backlog);
      return await bindHandle(address, options, opening, () => probePath(this, address as UnixAddress));
    } catch (error) {
      throw listenFailure(address, error);
    }
  }

  protected override command(entry: string): string[] {
    return [process.execPath, ...process.execArgv, entry];
  }

  async #listenOn<Owner>(socket: HandleSocket, handlers: ConnectionHandlers<Owner>, options: ListenOptions): Promise<Listener> {
    const server = this.#serverFor(handlers, options);
    try {
      await started(server, (done) => socket.listen(server, done));
      return closeOnce(socket.address, { close: () => socket.sparingFile(() => server.close()) });
    } catch (error) {
      throw listenFailure(socket.address, error);
    }
  }

  async #listenAt<Owner>(address: ListenAddress, handlers: ConnectionHandlers<Owner>, options: ListenOptions): Promise<Listener> {
    const backlog = options.backlog ?? BACKLOG;
    const bind = async (where: NodeListenOptions): Promise<Server> => {
      const server = this.#serverFor(handlers, options);
      // Of a descriptor node:net takes the backlog as an argument only.
      await started(server, (done) => server.listen(where as never, backlog, done));
      return server;
    };
    try {
      if (address.kind === 'fd') return closeOnce(address, await bind({ fd: address.fd } as NodeListenOptions));
      if (address.kind === 'tcp') {
        const host = await listenHost(address.host);
        const server = await bind({ host, port: address.port, backlog, exclusive: true, reusePort: options.reusePort === true });
        return closeOnce({ ...address, port: (server.address() as { port: number }).port }, server);
      }
      if (address.abstract) return closeOnce(address, await bind({ path: `\0${address.path}`, backlog }));
      const server = await bindPath(
        address.path,
        // node:net binds a path before listen() returns, so the mode is right.
        () => withMode(options.mode, () => bind({ path: address.path, backlog })),
        () => probePath(this, address),
      );
      const file = new SocketFile(address.path);
      return closeOnce(address, { close: () => file.closeWith(() => server.close()) });
    } catch (error) {
      throw listenFailure(address, error);
    }
  }

  connect<Owner>(to: TcpAddress | UnixAddress, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner> {
    const own = this.own.sockets?.connect(to, owner, handlers);
    if (own !== undefined && own !== null) return own;
    // @types/node leaves `onread` to the options of connect, but the constructor is what reads it.
    const socket = new this.#net.Socket({ allowHalfOpen: true, noDelay: true, onread: { buffer: this.#readBuffer, callback: onRead } } as object);
    const connection = new NodeConnection(owner, handlers, socket, this.#scratch, to.kind === 'unix');
    socket.on('connect', onConnect);
    if (to.kind === 'tcp') socket.connect(to.port, to.host);
    else socket.connect(to.abstract ? `\0${to.path}` : to.path);
    return connection;
  }

  #serverFor<Owner>(handlers: ConnectionHandlers<Owner>, options: ListenOptions): Server {
    const alarm = new AcceptAlarm(options);
    let isUnix = false;
    const server = this.#net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      // The core's `open` sets the owner before it returns; nothing reads it earlier.
      const connection = new NodeConnection(undefined as Owner, handlers, socket, this.#scratch, isUnix);
      connection.opened();
      socket.on('data', onData);
    });
    server.on('listening', () => {
      const address = server.address();
      // A path, or null for a unix socket that was inherited.
      isUnix = address === null || typeof address === 'string';
      server.on('error', (error) => alarm.failed(errorCode(error, 'EMFILE')));
      server.on('close', () => alarm.stop());
    });
    return server;
  }
}

function onConnect(this: Socket): void {
  connectionOf(this).opened();
}

function onData(this: Socket, bytes: Uint8Array): void {
  connectionOf(this).received(bytes);
}

/** `onread` of node:net: `bytes` is the shared read buffer, of which `count` bytes are new. */
function onRead(this: Socket, count: number, bytes: Uint8Array): boolean {
  connectionOf(this).received(bytes.subarray(0, count));
  return true;
}

function started(server: Server, listen: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    listen(() => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Listens on descriptor 3 and ends before its event loop could accept; tells a failure by its exit code. */
const OPENER = "require('net').createServer().on('error', (e) => process.exit(-e.errno)).listen({ fd: 3 }, +process.argv[1], process.exit)";

/**
 * In Node what listens accepts, and nothing but `close` ends that. The listening state is the socket's though, whoever brought about it:
 * a child does, of Node alone, in some 50 ms. Where it cannot be started the first listener opens the socket.
 */
function openInChild(handle: NetHandle, backlog: number): Promise<NetHandle> {
  return new Promise((resolve, reject) => {
    const child = process.getBuiltinModule('node:child_process').spawn(process.execPath, ['-e', OPENER, String(backlog)], {
      stdio: ['ignore', 'ignore', 'ignore', handle.fd],
      env: {},
    });
    child.on('error', () => resolve(handle));
    child.on('exit', (code) => (code === EADDRINUSE ? reject(failed(-EADDRINUSE)) : resolve(handle)));
  });
}

/** Brings a bound socket into listening state; nobody accepts from it yet. */
function openWith(kernel: Kernel, handle: NetHandle, backlog: number): NetHandle {
  if (kernel.listen(handle.fd!, backlog) !== 0) throw failed(-kernel.errno());
  return handle;
}

function closeOnce(address: ListenAddress, server: { close(): void }): Listener {
  let open = true;
  return {
    address,
    close() {
      if (open) server.close();
      open = false;
    },
  };
}
