import type { ListenOptions as NodeListenOptions, Server, Socket } from 'node:net';
import type { ListenAddress, TcpAddress, UnixAddress } from '../net/address.ts';
import { AcceptAlarm } from './accept-alarm.ts';
import { CommonRuntime } from './common.ts';
import { errorCode } from './connect-failure.ts';
import { listenFailure } from './listen-failure.ts';
import { listenHost } from './listen-host.ts';
import { connectionOf, NodeConnection } from './node-connection.ts';
import type { Capabilities, Connection, ConnectionHandlers, Listener, ListenOptions, Runtime } from './seam.ts';
import { bindPath, probePath, SocketFile, withMode } from './socket-file.ts';
import { WriteScratch } from './write-scratch.ts';

const CAPABILITIES: Capabilities = { abstractSockets: true, inheritFd: true, reusePort: true, backlog: true, passFds: true };

/** Bytes of the one buffer that all outgoing connections read into. */
const READ_BUFFER = 65536;

/** The runtime on Node: `node:net` for sockets. */
export function createRuntime(): Runtime {
  return new NodeRuntime();
}

class NodeRuntime extends CommonRuntime implements Runtime {
  readonly name = 'node';
  readonly version = process.versions.node;
  readonly capabilities = CAPABILITIES;
  /** Not imported: a bundle would load it at the start of every binary, where Bun's own sockets serve. */
  readonly #net = process.getBuiltinModule('node:net');
  readonly #scratch = new WriteScratch();
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER);

  async listen<Owner>(address: ListenAddress, handlers: ConnectionHandlers<Owner>, options: ListenOptions = {}): Promise<Listener> {
    const bind = (where: NodeListenOptions): Promise<Server> => bindServer(this.#serverFor(handlers, options), where);
    const backlog = options.backlog ?? 511;
    try {
      if (address.kind === 'fd') return closeOnce(address, await bind({ fd: address.fd, backlog } as NodeListenOptions));
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
    // @types/node leaves `onread` to the options of connect, but the constructor is what reads it.
    const socket = new this.#net.Socket({ allowHalfOpen: true, noDelay: true, onread: { buffer: this.#readBuffer, callback: onRead } } as object);
    const connection = new NodeConnection(owner, handlers, socket, this.#scratch, to.kind === 'unix');
    socket.on('connect', onConnect);
    if (to.kind === 'tcp') socket.connect(to.port, to.host);
    else socket.connect(to.abstract ? `\0${to.path}` : to.path);
    return connection;
  }

  #serverFor<Owner>(handlers: ConnectionHandlers<Owner>, options: ListenOptions): Server {
    const alarm = new AcceptAlarm(options.acceptFailed);
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

function bindServer(server: Server, where: NodeListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
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
