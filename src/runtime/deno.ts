import type { Outlet } from '../log/log-writer.ts';
import { formatAddress, isIpLiteral, type ListenAddress, type TcpAddress, type UnixAddress } from '../net/address.ts';
import { AcceptAlarm } from './accept-alarm.ts';
import { BufferPools } from './buffer-pool.ts';
import { CommonRuntime } from './common.ts';
import { connectFailure, errorCode } from './connect-failure.ts';
import { DenoConnection } from './deno-connection.ts';
import { isGranted, rightsToConnect, rightsToPassOn, withheld } from './deno-rights.ts';
import { denoKernel } from './epoll/deno-kernel.ts';
import { OwnSockets } from './epoll/own-sockets.ts';
import { listenFailure } from './listen-failure.ts';
import { listenHost } from './listen-host.ts';
import { bindHandle, failed, HandleSocket, handleOf, type NetHandle } from './net-handle.ts';
import { createRuntime as createNodeRuntime } from './node.ts';
import { type Adopt, type Birth, MARKER } from './parent.ts';
import { spawn } from './process.ts';
import type { AppHost } from './seam/apps.ts';
import type { Capabilities } from './seam/capabilities.ts';
import type { FileLock } from './seam/host.ts';
import type { ChildProcess, SpawnOptions } from './seam/processes.ts';
import type { BindOptions, BoundSocket, ConnectFailure, Connection, ConnectionHandlers, Listener, ListenOptions } from './seam/sockets.ts';
import type { Runtime } from './seam.ts';
import { bindPath, probePath, SocketFile, spareFile } from './socket-file.ts';
import { DenoOutlet, kernelOutlet } from './stderr-outlet.ts';
import type { DenoListener, DenoNamespace } from './types/deno.ts';

const { Deno } = globalThis as unknown as { Deno: DenoNamespace };

const CAPABILITIES: Capabilities = {
  abstractSockets: true,
  inheritFd: true,
  reusePort: true,
  backlog: true,
  passFds: false,
  holdsClients: true,
  endInPause: false,
  reapsOrphans: false,
  resets: false,
};

/** How long accepting rests after it failed, in ms. */
const ACCEPT_REST = 100;

/** Accept's codes for a client that is gone already. */
const GONE: ReadonlySet<string> = new Set(['ENOTCONN', 'ECONNABORTED', 'ECONNRESET', 'EINVAL']);

/** The runtime on Deno: `Deno.listen` and `Deno.connect` for sockets, Deno's node modules for the rest. */
export function createRuntime(): Runtime {
  return new DenoRuntime();
}

class DenoRuntime extends CommonRuntime implements Runtime {
  readonly name = 'deno';
  readonly version = Deno.version.deno;
  readonly #pools = new BufferPools();
  readonly #node = createNodeRuntime();
  /** What may call any function may do anything, so `-P` does not grant it. */
  protected override readonly own = new OwnSockets(
    () => (isGranted({ name: 'ffi' }) && isGranted({ name: 'env' }) ? denoKernel(Deno) : null),
    () => this.openFilesLimit(),
  );
  protected override readonly runtimeCapabilities = CAPABILITIES;
  protected override readonly tryLock = (path: string, isExclusive: boolean): FileLock | null => {
    const file = Deno.openSync(path, { read: true });
    if (file.tryLockSync(isExclusive)) return { release: () => file.close() };
    file.close();
    return null;
  };

  protected override readonly adopt: Adopt = (address, backlog, from) =>
    new HandleSocket(address, backlog, 'handle' in from ? from.handle : handleOf(from.fd));
  /** As descriptors of a child they would lose O_NONBLOCK, and the children would freeze each other in accept. */
  protected override readonly adoptsByMessage = true;

  async apps(): Promise<AppHost> {
    return (await import('./apps/deno-apps.ts')).DENO_APPS;
  }

  async listen<Owner>(address: ListenAddress | BoundSocket, handlers: ConnectionHandlers<Owner>, options: ListenOptions = {}): Promise<Listener> {
    const own = options.reusePort ? null : this.own.sockets;
    if (own !== null) {
      const bound = ('kind' in address ? await this.bind(address, options) : address) as HandleSocket;
      const fd = bound.lend();
      return own.listen(bound.address, fd, handlers, options, () => {
        bound.giveBack(fd);
        bound.close({ keepsFile: address === bound });
      });
    }
    // Deno.listen takes no descriptor, and its reusePort ends the process without --unstable-net. node:net does both.
    if (!('kind' in address) || address.kind === 'fd' || options.reusePort) return this.#node.listen(address, handlers, options);
    try {
      if (address.kind === 'tcp') {
        const host = await listenHost(address.host);
        const tcpBacklog = options.backlog ?? 511;
        const listener = Deno.listen({ hostname: host, port: address.port, tcpBacklog });
        const port = listener.addr.port ?? address.port;
        return this.#accepting({ ...address, port }, listener, handlers, options, () => listener.close());
      }
      if (address.abstract) {
        const listener = Deno.listen({ transport: 'unix', path: `\0${address.path}` });
        return this.#accepting(address, listener, handlers, options, () => listener.close());
      }
      const bind = (): DenoListener => Deno.listen({ transport: 'unix', path: address.path });
      const listener = await bindPath(address.path, bind, () => probePath(this, address));
      // process.umask would want the permission "sys", so there is a moment between bind and chmod.
      if (options.mode !== undefined) Deno.chmodSync(address.path, options.mode);
      const file = new SocketFile(address.path);
      return this.#accepting(address, listener, handlers, options, () => file.closeWith(() => listener.close()));
    } catch (error) {
      throw listenFailure(address, error);
    }
  }

  connect<Owner>(to: TcpAddress | UnixAddress, owner: Owner, handlers: ConnectionHandlers<Owner>): Connection<Owner> {
    const own = this.own.sockets?.connect(to, owner, handlers);
    if (own !== undefined && own !== null) return own;
    const connection = new DenoConnection(owner, handlers, this.#pools);
    const options =
      to.kind === 'tcp' ? { hostname: to.host, port: to.port } : { transport: 'unix' as const, path: to.abstract ? `\0${to.path}` : to.path };
    Deno.connect(options).then(
      (conn) => connection.opened(conn),
      (error) => connection.failed(denoFailure(to, error)),
    );
    return connection;
  }

  override async permitConnect(to: TcpAddress | UnixAddress): Promise<void> {
    for (const what of rightsToConnect(to)) {
      const { state } = await Deno.permissions.request(what);
      if (state !== 'granted') throw withheld(`the right to connect to ${formatAddress(to)}`);
    }
  }

  override explain(error: unknown): unknown {
    if (!(error instanceof Error) || error.name !== 'NotCapable') return error;
    const right = /^Requires (.*?),/.exec(error.message)?.[1] ?? 'a right';
    return withheld(right, /^(?:run|all|import|ffi)\b/.test(right) ? '-A' : '-P');
  }

  override hostname(): string | null {
    return isGranted({ name: 'sys', kind: 'hostname' }) ? Deno.hostname() : null;
  }

  override tempDirectory(): string | null {
    const directory = isGranted({ name: 'env', variable: 'TMPDIR' }) ? super.tempDirectory()! : '/tmp';
    const mayUse = isGranted({ name: 'read', path: directory }) && isGranted({ name: 'write', path: directory });
    return mayUse ? directory : null;
  }

  override openFilesLimit(): number | null {
    return isGranted({ name: 'read', path: '/proc/self/limits' }) ? super.openFilesLimit() : null;
  }

  async bind(address: ListenAddress, options: BindOptions = {}): Promise<BoundSocket> {
    try {
      return await bindHandle(address, options, openByTwin, () => probePath(this, address as UnixAddress));
    } catch (error) {
      throw listenFailure(address, address.kind === 'tcp' ? await bindError(address, error) : error);
    }
  }

  override readonly spawn = (command: readonly string[], options: SpawnOptions): ChildProcess => {
    // Deno would say it by an error of the child, which looks like a command that is not there.
    if (!isGranted({ name: 'run', command: command[0]! })) throw withheld(`the right to start ${command[0]}`, '-A');
    return spawn(command, options);
  };

  protected override command(entry: string): string[] {
    if (!isGranted({ name: 'run', command: process.execPath })) throw withheld('the right to start itself as a child process', '-A');
    if (Deno.build.standalone) return [process.execPath];
    // Several workers can share an address of the native engine only so.
    return [process.execPath, 'run', '--quiet', '--no-prompt', '--unstable-net', ...rightsToPassOn(), entry];
  }

  protected override startSelf(command: readonly string[], options: SpawnOptions): ChildProcess {
    const { sockets = [], ...others } = options;
    try {
      const child = spawn(command, others);
      for (const socket of sockets) child.sendHandle((socket as HandleSocket).handle);
      return child;
    } catch (error) {
      throw this.explain(error);
    }
  }

  protected override outlet(): Outlet {
    const { kernel } = this.own;
    return kernel !== null ? kernelOutlet(kernel) : new DenoOutlet(Deno);
  }

  protected override birth(): Birth | null {
    return isGranted({ name: 'env', variable: MARKER }) ? super.birth() : null;
  }

  protected override environment(): Record<string, string> {
    return isGranted({ name: 'env' }) ? super.environment() : {};
  }

  #accepting<Owner>(
    address: ListenAddress,
    listener: DenoListener,
    handlers: ConnectionHandlers<Owner>,
    options: ListenOptions,
    stop: () => void,
  ): Listener {
    let open = true;
    const alarm = new AcceptAlarm(options);
    const accept = async (): Promise<void> => {
      while (open) {
        try {
          const conn = await listener.accept();
          // The core's `open` sets the owner before it returns; nothing reads it earlier.
          new DenoConnection<Owner>(undefined as Owner, handlers, this.#pools).opened(conn);
        } catch (error) {
          if (!open) return;
          const code = errorCode(error, 'EMFILE');
          // A client that connected and reset at once (Deno tells ENOTCONN) must not hold up the others.
          if (GONE.has(code)) continue;
          alarm.failed(code);
          await new Promise((done) => setTimeout(done, ACCEPT_REST));
        }
      }
    };
    accept();
    return {
      address,
      close() {
        if (!open) return;
        open = false;
        alarm.stop();
        stop();
      },
    };
  }
}

/** Deno gives the errors of its resolver and of its permissions no code. */
function denoFailure(to: TcpAddress | UnixAddress, error: unknown): ConnectFailure {
  if (error instanceof Error && error.name === 'NotCapable') return connectFailure('EACCES');
  return connectFailure(errorCode(error, to.kind === 'tcp' && !isIpLiteral(to.host) ? 'ENOTFOUND' : 'EIO'));
}

/** What really was wrong with `address`: node:net on Deno says EINVAL for most of it. */
async function bindError(address: TcpAddress, error: unknown): Promise<unknown> {
  if (errorCode(error, '') !== 'EINVAL') return error;
  try {
    Deno.listen({ hostname: await listenHost(address.host), port: address.port }).close();
    return error;
  } catch (better) {
    return better;
  }
}

/** What listens accepts, but a second handle of the same socket does not, and the listening state is the socket's. */
function openByTwin(handle: NetHandle, backlog: number, path: string | null): NetHandle {
  const fault = handle.listen(backlog);
  if (fault < 0) throw failed(fault);
  const twin = handleOf(handle.fdForIpc!());
  if (path === null) handle.close();
  else spareFile(path, () => handle.close());
  return twin;
}
