import type { ListenAddress } from '../../net/address.ts';
import { listenFailure } from '../listen-failure.ts';
import type { NativeOptions, NativeServer } from '../seam/apps.ts';
import { ListenError } from '../seam/sockets.ts';

/** A server of the runtime's, started. */
export interface Started {
  readonly port: number | null;
  /** Resolves when the last request is finished. */
  drain(): Promise<unknown>;
  /** Cuts off what is left. */
  destroy(): void;
}

/** What a client is told when a handler fails. */
export const FAILED = 'Internal Server Error\n';

/** Starts a server by `start` where the address is one it can have. @throws {ListenError} */
export async function startNative(
  address: ListenAddress,
  { reusePort }: NativeOptions,
  start: () => Started | Promise<Started>,
): Promise<NativeServer> {
  if (reusePort && address.kind !== 'tcp')
    throw new ListenError(
      'unsupported',
      'http-socket-engine=native shares only TCP addresses between processes; use processes = 1, or the engine ugate',
    );
  try {
    return serverOf(address, await start());
  } catch (error) {
    throw listenFailure(address, error);
  }
}

/** @throws {ListenError} for a descriptor, which the servers of Bun and Deno cannot take over */
export function refuseDescriptor(address: ListenAddress, runtime: string): void {
  if (address.kind === 'fd') throw new ListenError('unsupported', `http-socket-engine=native cannot take over a descriptor on ${runtime}`);
}

/** The path of a unix socket as the servers take it, null for other addresses. */
export function pathOf(address: ListenAddress): string | null {
  return address.kind === 'unix' ? `${address.abstract ? '\0' : ''}${address.path}` : null;
}

function serverOf(address: ListenAddress, { port, drain, destroy }: Started): NativeServer {
  return {
    address: address.kind === 'tcp' && port !== null ? { ...address, port } : address,
    async stop(mercy) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const over = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          destroy();
          // Deno waits on for handlers that never end.
          resolve();
        }, mercy);
      });
      await Promise.race([drain(), over]);
      clearTimeout(timer);
    },
  };
}
