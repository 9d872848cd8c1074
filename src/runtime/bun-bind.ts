import { nodeFs } from '../builtin/modules.ts';
import type { ListenAddress } from '../net/address.ts';
import { BACKLOG, HeldSocket } from './held-socket.ts';
import type { Libc } from './libc.ts';
import { listenHost } from './listen-host.ts';
import type { ConnectFailure, ListenOptions } from './seam/sockets.ts';
import { bindPath, SocketFile, spareFile, withMode } from './socket-file.ts';
import type { BunListener, BunNamespace, BunSocketHandlers } from './types/bun.ts';

/** A bound socket on Bun: a descriptor. */
export class DescriptorSocket extends HeldSocket {
  readonly fd: number;

  constructor(address: ListenAddress, backlog: number, fd: number, file: SocketFile | null = null) {
    super(address, backlog, file);
    this.fd = fd;
  }

  override lend(): number {
    return this.fd;
  }

  override giveBack(): void {}

  protected override release(): void {
    nodeFs().closeSync(this.fd);
  }
}

/**
 * Bun binds only by listening, and what listens accepts. So its listener is stopped before the event loop gets to accept anything,
 * and a second descriptor keeps the socket, which stays in listening state.
 * @throws what `listenFailure` explains
 */
export async function bindDescriptor(
  bun: BunNamespace,
  libc: Pick<Libc, 'dup' | 'listen'>,
  address: ListenAddress,
  options: ListenOptions,
  probe: () => Promise<ConnectFailure | null>,
): Promise<DescriptorSocket> {
  const backlog = options.backlog ?? BACKLOG;
  const keep = (listener: BunListener): number => {
    const fd = libc.dup(listener.fd);
    libc.listen(fd, backlog);
    if (address.kind === 'unix' && !address.abstract) spareFile(address.path, () => listener.stop());
    else listener.stop();
    return fd;
  };
  if (address.kind === 'fd') {
    if (libc.listen(address.fd, backlog) !== 0) throw Object.assign(new Error('no socket'), { code: 'ENOTSOCK' });
    return new DescriptorSocket(address, backlog, address.fd);
  }
  if (address.kind === 'tcp') {
    const listener = bun.listen({
      hostname: await listenHost(address.host),
      port: address.port,
      socket: UNUSED,
      reusePort: options.reusePort === true,
      allowHalfOpen: true,
    });
    return new DescriptorSocket({ ...address, port: listener.port! }, backlog, keep(listener));
  }
  const listen = (unix: string): BunListener => bun.listen({ unix, socket: UNUSED, allowHalfOpen: true });
  if (address.abstract) return new DescriptorSocket(address, backlog, keep(listen(`\0${address.path}`)));
  const bind = (): number => keep(withMode(options.mode, () => listen(address.path)));
  const fd = await bindPath(address.path, bind, probe);
  return new DescriptorSocket(address, backlog, fd, new SocketFile(address.path));
}

const nothing = (): void => {};
const UNUSED: BunSocketHandlers<null> = { open: nothing, data: nothing, drain: nothing, end: nothing, close: nothing, error: nothing };
