import type { ListenAddress } from '../../net/address.ts';
import { LOST_PEER, peerAddress, UNIX_PEER } from '../../net/peer.ts';
import type { AppHost, NativeHandlers, NativeOptions } from '../seam/apps.ts';
import { offerOnBun } from './bun-modules.ts';
import { FAILED, pathOf, refuseDescriptor, type Started, startNative } from './native-server.ts';

interface BunServer {
  readonly port?: number;
  requestIP(request: Request): { address: string; port: number } | null;
  stop(closeActive?: boolean): Promise<void>;
}

interface BunServe {
  serve(options: object): BunServer;
}

/** Apps on Bun. */
export const BUN_APPS: AppHost = {
  offerModules: offerOnBun,
  isSyntaxUnknown: () => false,
  // Too much would have to be taught it: HTMLRewriter, Bun.write, Bun.serve.
  takesResponsesOnDemand: () => false,
  async serve(address, { fetch }, options) {
    refuseDescriptor(address, 'bun');
    return startNative(address, options, () => start(address, fetch, options));
  },
};

function start(address: ListenAddress, fetch: NativeHandlers['fetch'], { reusePort, failed }: NativeOptions): Started {
  const { Bun } = globalThis as unknown as { Bun: BunServe };
  const path = pathOf(address);
  const where = address.kind === 'tcp' ? { hostname: address.host, port: address.port, reusePort: reusePort === true } : { unix: path };
  const server = Bun.serve({
    ...where,
    development: false,
    fetch(request: Request, server: BunServer) {
      return fetch(request, () => {
        const peer = server.requestIP(request);
        return peer === null ? (path === null ? LOST_PEER : UNIX_PEER) : peerAddress(peer.address, peer.port);
      });
    },
    error(error: unknown) {
      failed(error);
      return new Response(FAILED, { status: 500 });
    },
  });
  return { port: server.port ?? null, drain: () => server.stop(), destroy: () => void server.stop(true) };
}
