import type { ListenAddress, TcpAddress, UnixAddress } from '../net/address.ts';
import { AcceptAlarm } from './accept-alarm.ts';
import { highestAccepted } from './accept-limit.ts';
import { bindDescriptor, DescriptorSocket } from './bun-bind.ts';
import { BunConnection } from './bun-connection.ts';
import { BunReading } from './bun-reading.ts';
import { Refusals } from './bun-refusal.ts';
import { CommonRuntime } from './common.ts';
import { errorCode } from './connect-failure.ts';
import { bunKernel } from './epoll/bun-kernel.ts';
import { OwnSockets } from './epoll/own-sockets.ts';
import { lockBy } from './file-lock.ts';
import { BACKLOG } from './held-socket.ts';
import { dieWithParent, flockOfBun, Libc } from './libc.ts';
import { listenFailure } from './listen-failure.ts';
import type { Adopt } from './parent.ts';
import type { AppHost } from './seam/apps.ts';
import type { Capabilities } from './seam/capabilities.ts';
import type { BindOptions, BoundSocket, Connection, ConnectionHandlers, Listener, ListenOptions } from './seam/sockets.ts';
import type { Runtime } from './seam.ts';
import { bindPath, probePath, SocketFile, withMode } from './socket-file.ts';
import type { BunListener, BunNamespace, BunSocketHandlers } from './types/bun.ts';

const { Bun } = globalThis as unknown as { Bun: BunNamespace };

const CAPABILITIES: Capabilities = {
  abstractSockets: true,
  inheritFd: true,
  reusePort: true,
  backlog: false,
  passFds: true,
  holdsClients: false,
  endInPause: false,
  reapsOrphans: false,
  resets: true,
};

/** The modules of a compiled binary lie in a file system of their own. */
const IS_COMPILED = /\/(\$bunfs|~BUN)\//.test(import.meta.url);

/** A start is over by then, in ms, with an app or without; what runs longer is worth its compilers. */
const START_MS = 100;

/** The runtime on Bun: `Bun.listen` and `Bun.connect` for sockets, Bun's node modules for the rest. */
export function createRuntime(): Runtime {
  // A binary begins with compilers that take their time (compile.ts): most of what a start does is done once.
  if (IS_COMPILED) setTimeout(() => Bun.unsafe.setJITPolicy?.(1), START_MS).unref();
  return new BunRuntime();
}

class BunRuntime extends CommonRuntime implements Runtime {
  readonly name = 'bun';
  readonly version = Bun.version;
  readonly #reading = new BunReading();
  /** Bun's handler object for outgoing connections, one for each of the core's. */
  readonly #outgoing = new WeakMap<object, object>();
  readonly #refusals = new Refusals(Bun);
  #libc: Libc | null = null;
  protected override readonly own = new OwnSockets(
    () => bunKernel(Bun),
    () => this.openFilesLimit(),
  );
  protected override readonly runtimeCapabilities = CAPABILITIES;
  protected override readonly tryLock = (path: string, isExclusive: boolean) => lockBy(flockOfBun(), path, isExclusive);

  protected override readonly adopt: Adopt = (address, backlog, from) => new DescriptorSocket(address, backlog, (from as { fd: number }).fd);

  async apps(): Promise<AppHost> {
    return (await import('./apps/bun-apps.ts')).BUN_APPS;
  }

  async listen<Owner>(address: ListenAddress | BoundSocket, handlers: ConnectionHandlers<Owner>, options: ListenOptions = {}): Promise<Listener> {
    const own = this.own.sockets;
    if (own !== null) {
      const bound = address instanceof DescriptorSocket ? address : await this.#bind(address as ListenAddress, options);
      return own.listen(bound.address, bound.fd, handlers, options, () => bound.close({ keepsFile: address === bound }));
    }
    if (address instanceof DescriptorSocket) return this.#listenOn(address, handlers, options);
    return this.#listenAt(address as ListenAddress, handlers, options);
  }

  async bind(address: ListenAddress, options: BindOptions = {}): Promise<BoundSocket> {
    return this.#bind(address, options);
  }

  async #bind(address: ListenAddress, options: ListenOptions): Promise<DescriptorSocket> {
    try {
      return await bindDescriptor(Bun, this.#system(), address, options, () => probePath(this, address as UnixAddress));
    } catch (error) {
      throw listenFailure(address, error);
    }
  }

  protected override command(entry: string): string[] {
    return IS_COMPILED ? [process.execPath] : [process.execPath, entry];
  }

  protected override watch(): void {
    if (!dieWithParent()) super.watch();
  }

  // Asked of the kernel directly, since files and node:os are loaded for nothing else at a start.

  override hostname(): string | null {
    return this.own.kernel?.hostname() ?? super.hostname();
  }

  override openFilesLimit(): number | null {
    return this.own.kernel?.openFilesLimit() ?? super.openFilesLimit();
  }

  protected override write(fd: number, bytes: Uint8Array, start: number): number {
    return this.own.kernel?.write(fd, bytes, start) ?? super.write(fd, bytes, start);
  }

  /** Sockets of our own have these calls already. */
  #system(): Pick<Libc, 'dup' | 'listen'> {
    const { kernel } = this.own;
    if (kernel !== null) return kernel;
    this.#libc ??= new Libc();
    return this.#libc;
  }

  #listenOn<Owner>(bound: DescriptorSocket, handlers: ConnectionHandlers<Owner>, options: ListenOptions): Listener {
    const { address, fd, backlog } = bound;
    if (!bound.take()) throw listenFailure(address, { code: 'EBADF' });
    try {
      const listener = Bun.listen({ fd, socket: this.#incomingFor(address, handlers, options), allowHalfOpen: true });
      // Bun has asked for a queue of 511.
      if (backlog !== BACKLOG) this.#system().listen(fd, backlog);
      return stopOnClose(address, listener);
    } catch (error) {
      throw listenFailure(address, error);
    }
  }

  async #listenAt<Owner>(address: ListenAddress, handlers: ConnectionHandlers<Owner>, options: ListenOptions): Promise<Listener> {
    const socket = this.#incomingFor(address, handlers, options);
    try {
      if (address.kind === 'fd') return stopOnClose(address, Bun.listen({ fd: address.fd, socket, allowHalfOpen: true }));
      if (address.kind === 'tcp') {
        const reusePort = options.reusePort === true;
        const listener = Bun.listen({ hostname: address.host, port: address.port, socket, reusePort, allowHalfOpen: true });
        return stopOnClose({ ...address, port: listener.port ?? address.port }, listener);
      }
      if (address.abstract) return stopOnClose(address, Bun.listen({ unix: `\0${address.path}`, socket, allowHalfOpen: true }));
      const bind = (): BunListener => withMode(options.mode, () => Bun.listen({ unix: address.path, socket, allowHalfOpen: true }));
      const listener = await bindPath(address.path, bind, () => probePath(this, address));
      const file = new SocketFile(address.path);
      return stopOnClose(address, { stop: () => file.closeWith(() => listener.stop()) });
    } catch (error) {
      throw listenFailure(address, error);
    }
  }

  connect<Owner>(to: TcpAddress | UnixAddress, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner> {
    const own = this.own.sockets?.connect(to, owner, handlers);
    if (own !== undefined && own !== null) return own;
    const connection = new BunConnection(owner, handlers, this.#reading, to.kind === 'unix', to, performance.now());
    const socket = this.#outgoingFor(handlers);
    // The promise is of no use: with a connectError handler its rejection counts as handled.
    if (to.kind === 'tcp') Bun.connect({ hostname: to.host, port: to.port, data: connection, socket, allowHalfOpen: true });
    else Bun.connect({ unix: to.abstract ? `\0${to.path}` : to.path, data: connection, socket, allowHalfOpen: true });
    return connection;
  }

  #incomingFor<Owner>({ kind }: ListenAddress, handlers: ConnectionHandlers<Owner>, options: ListenOptions): BunSocketHandlers<BunConnection<Owner>> {
    const reading = this.#reading;
    const alarm = new AcceptAlarm(options);
    const highest = highestAccepted(this.openFilesLimit());
    return {
      ...socketHandlers<Owner>(),
      open(socket) {
        // The core's `open` sets the owner before it returns; nothing reads it earlier.
        // What an inherited descriptor is, its connections tell: only of TCP they have an address of their own, also behind a reset.
        const isUnix = kind === 'unix' || (kind === 'fd' && socket.localAddress === undefined);
        const connection = new BunConnection<Owner>(undefined as Owner, handlers, reading, isUnix, null, 0);
        socket.data = connection;
        if (socket.fd <= highest) {
          connection.opened(socket);
        } else {
          // Bun says nothing when accept fails for want of descriptors and tries again without a pause, so it must not come to that.
          connection.destroy();
          socket.close();
          alarm.failed('EMFILE');
        }
      },
    };
  }

  #outgoingFor<Owner>(handlers: ConnectionHandlers<Owner>): BunSocketHandlers<BunConnection<Owner>> {
    let made = this.#outgoing.get(handlers) as BunSocketHandlers<BunConnection<Owner>> | undefined;
    if (made === undefined) {
      const refusals = this.#refusals;
      made = {
        ...socketHandlers<Owner>(),
        connectError(socket, error) {
          const connection = socket.data;
          // Bun calls this within Bun.connect when connect(2) fails at once.
          queueMicrotask(async () => {
            if (connection.cancelled) return;
            const failure = refusals.explain(connection.to!, errorCode(error, 'ECONNREFUSED'), performance.now() - connection.startedAt);
            connection.failed(failure instanceof Promise ? await failure : failure);
          });
        },
      };
      this.#outgoing.set(handlers, made);
    }
    return made;
  }
}

/** Bun's view of the handlers: each hands on to the connection in `socket.data`. */
function socketHandlers<Owner>(): BunSocketHandlers<BunConnection<Owner>> {
  return {
    binaryType: 'uint8array',
    open(socket) {
      socket.data.opened(socket);
    },
    data(socket, bytes) {
      socket.data.received(bytes);
    },
    drain(socket) {
      socket.data.writable();
    },
    end(socket) {
      socket.data.peerEnded();
    },
    close(socket, error) {
      // Undefined when a connect was given up before it was open.
      socket.data?.closed(error === undefined ? null : errorCode(error, 'ECONNRESET'));
    },
    error(_socket, error) {
      // Bun calls this for what a handler threw; the connection lets nothing through, so this is our own fault.
      console.error(error);
    },
  };
}

function stopOnClose(address: ListenAddress, listener: Pick<BunListener, 'stop'>): Listener {
  let open = true;
  return {
    address,
    close() {
      if (open) listener.stop();
      open = false;
    },
  };
}
