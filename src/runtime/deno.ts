import { formatAddress, isIpLiteral, type ListenAddress, type TcpAddress, type UnixAddress } from '../net/address.ts';
import { AcceptAlarm } from './accept-alarm.ts';
import { BufferPools } from './buffer-pool.ts';
import { CommonRuntime } from './common.ts';
import { connectFailure, errorCode } from './connect-failure.ts';
import { DenoConnection } from './deno-connection.ts';
import { listenFailure } from './listen-failure.ts';
import { listenHost } from './listen-host.ts';
import { createRuntime as createNodeRuntime } from './node.ts';
import {
  type Capabilities,
  type ConnectFailure,
  type Connection,
  type ConnectionHandlers,
  type Listener,
  type ListenOptions,
  PermissionError,
  type Runtime,
} from './seam.ts';
import { bindPath, probePath, SocketFile } from './socket-file.ts';
import type { DenoListener, DenoNamespace, Permission } from './types/deno.ts';

const { Deno } = globalThis as unknown as { Deno: DenoNamespace };

const CAPABILITIES: Capabilities = { abstractSockets: true, inheritFd: true, reusePort: true, backlog: true, passFds: false };

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
  readonly capabilities = CAPABILITIES;
  readonly #pools = new BufferPools();
  readonly #node = createNodeRuntime();

  async listen<Owner>(address: ListenAddress, handlers: ConnectionHandlers<Owner>, options: ListenOptions = {}): Promise<Listener> {
    // Deno.listen takes no descriptor, and its reusePort ends the process without --unstable-net. node:net does both.
    if (address.kind === 'fd' || options.reusePort) return this.#node.listen(address, handlers, options);
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
    return withheld(/^Requires (.*?),/.exec(error.message)?.[1] ?? 'a right');
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

  #accepting<Owner>(
    address: ListenAddress,
    listener: DenoListener,
    handlers: ConnectionHandlers<Owner>,
    options: ListenOptions,
    stop: () => void,
  ): Listener {
    let open = true;
    const alarm = new AcceptAlarm(options.acceptFailed);
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

/** A unix socket is a file and a place on the net to Deno. A host name stands for addresses that nobody knows yet. */
function rightsToConnect(to: TcpAddress | UnixAddress): Permission[] {
  if (to.kind === 'tcp') return [isIpLiteral(to.host) ? { name: 'net', host: formatAddress(to) } : { name: 'net' }];
  const path = to.abstract ? `\0${to.path}` : to.path;
  return [
    { name: 'net', host: `unix:${path}` },
    { name: 'read', path },
    { name: 'write', path },
  ];
}

function withheld(what: string): PermissionError {
  return new PermissionError(`Deno withholds ${what}; start it as: deno run -P mod.ts …`);
}

/** Whether a permission is granted already; asking for more would put a question to the user. */
function isGranted(what: Permission): boolean {
  return Deno.permissions.querySync(what).state === 'granted';
}
