import { chmodSync } from 'node:fs';
import type { Server } from 'node:net';
import { isIpv6, type ListenAddress } from '../net/address.ts';
import { BACKLOG, HeldSocket } from './held-socket.ts';
import { listenHost } from './listen-host.ts';
import type { BindOptions, ConnectFailure } from './seam/sockets.ts';
import { bindPath, SocketFile } from './socket-file.ts';

/**
 * The handle under a `node:net` server, which Node and Deno give us by themselves. In no documentation, and in use for as long as Node has
 * its cluster module; `tests/runtime/inherit.test.ts` would notice.
 */
export interface NetHandle {
  /** Node: the socket's own descriptor. */
  readonly fd?: number;
  /** Deno: a new descriptor of the socket. */
  fdForIpc?(): number;
  /** listen(2), and starts to accept. Zero or a negative error number, as all of them. */
  listen(backlog: number): number;
  /** TCP only. */
  getsockname?(into: { port?: number }): number;
  close(): void;
}

interface NodeNet {
  _createServerHandle(address: string | null, port: number, addressType: number, fd?: number, flags?: number): NetHandle | number;
}

/** Brings a handle, bound to `path` if that is a file, into listening state without accepting; gives the handle to keep. */
export type Opening = (handle: NetHandle, backlog: number, path: string | null) => NetHandle | Promise<NetHandle>;

/** A bound socket on Node and Deno. */
export class HandleSocket extends HeldSocket {
  readonly handle: NetHandle;

  constructor(address: ListenAddress, backlog: number, handle: NetHandle, file: SocketFile | null = null) {
    super(address, backlog, file);
    this.handle = handle;
  }

  override lend(): number {
    return this.handle.fdForIpc?.() ?? this.handle.fd!;
  }

  override giveBack(fd: number): void {
    if (this.handle.fdForIpc !== undefined) handleOf(fd).close();
  }

  protected override release(): void {
    this.handle.close();
  }

  /** Makes `server` accept from this socket; `server` owns it from now on. */
  listen(server: Server, listening: () => void): void {
    if (!this.take()) throw failed(-9);
    server.listen(this.handle, this.backlog, listening);
  }
}

/** @throws what `listenFailure` explains */
export async function bindHandle(
  address: ListenAddress,
  options: BindOptions,
  opening: Opening,
  probe: () => Promise<ConnectFailure | null>,
): Promise<HandleSocket> {
  const backlog = options.backlog ?? BACKLOG;
  const open = async (handle: NetHandle, path: string | null = null): Promise<NetHandle> => {
    try {
      return await opening(handle, backlog, path);
    } catch (error) {
      handle.close();
      throw error;
    }
  };
  if (address.kind === 'fd') return new HandleSocket(address, backlog, handleOf(address.fd));
  if (address.kind === 'tcp') {
    const host = await listenHost(address.host);
    const handle = made(net()._createServerHandle(host, address.port, isIpv6(host) ? 6 : 4, -1, 0));
    // libuv keeps a failed bind(2) to itself until the socket is asked for something.
    const named: { port?: number } = {};
    const fault = handle.getsockname!(named);
    if (fault < 0) {
      handle.close();
      throw failed(fault);
    }
    return new HandleSocket({ ...address, port: named.port! }, backlog, await open(handle));
  }
  const bindName = (name: string): NetHandle => made(net()._createServerHandle(name, -1, -1));
  if (address.abstract) return new HandleSocket(address, backlog, await open(bindName(`\0${address.path}`)));
  const bind = (): Promise<NetHandle> => {
    const handle = bindName(address.path);
    // Nobody can connect yet, so this is early enough; process.umask wants the permission "sys" on Deno.
    if (options.mode !== undefined) chmodSync(address.path, options.mode);
    return open(handle, address.path);
  };
  const handle = await bindPath(address.path, bind, probe);
  return new HandleSocket(address, backlog, handle, new SocketFile(address.path));
}

/** A handle of its own for a descriptor of this process. */
export function handleOf(fd: number): NetHandle {
  return made(net()._createServerHandle(null, 0, 4, fd));
}

/** The error for a negative error number, with the system's code. */
export function failed(fault: number): Error {
  const code = process.getBuiltinModule('node:util').getSystemErrorName(fault);
  return Object.assign(new Error(code), { code });
}

function made(handle: NetHandle | number): NetHandle {
  if (typeof handle === 'number') throw failed(handle);
  return handle;
}

function net(): NodeNet {
  return process.getBuiltinModule('node:net') as unknown as NodeNet;
}
