import type { ListenAddress } from '../../net/address.ts';
import { peerAddress, UNIX_PEER } from '../../net/peer.ts';
import type { AppHost, NativeHandlers, NativeOptions } from '../seam/apps.ts';
import { ListenError } from '../seam/sockets.ts';
import { feedDeno } from './deno-responses.ts';
import { FAILED, pathOf, refuseDescriptor, type Started, startNative } from './native-server.ts';

interface DenoServer {
  readonly addr: { readonly port?: number };
  shutdown(): Promise<void>;
}

interface DenoServe {
  serve(options: object, handler: (request: Request, info: { remoteAddr: DenoPeer }) => Response | Promise<Response>): DenoServer;
  listenDatagram?: unknown;
}

interface DenoPeer {
  readonly hostname?: string;
  readonly port?: number;
}

/** Apps on Deno. */
export const DENO_APPS: AppHost = {
  // Deno has no hook for it: there an import map says where they are.
  offerModules() {},
  isSyntaxUnknown: () => false,
  takesResponsesOnDemand(nativeOf) {
    feedDeno(nativeOf);
    return true;
  },
  async serve(address, { fetch }, options) {
    refuseDescriptor(address, 'deno');
    return startNative(address, options, () => start(address, fetch, options));
  },
};

function start(address: ListenAddress, fetch: NativeHandlers['fetch'], { reusePort, failed }: NativeOptions): Started {
  const { Deno } = globalThis as unknown as { Deno: DenoServe };
  // Deno.serve would end the process.
  if (reusePort && Deno.listenDatagram === undefined)
    throw new ListenError('unsupported', 'http-socket-engine=native in several processes wants Deno started with --unstable-net');
  const abort = new AbortController();
  const path = pathOf(address);
  const where = address.kind === 'tcp' ? { hostname: address.host, port: address.port, reusePort: reusePort === true } : { path };
  const onError = (error: unknown): Response => {
    failed(error);
    return new Response(FAILED, { status: 500 });
  };
  const server = Deno.serve({ ...where, signal: abort.signal, onListen() {}, onError }, (request, { remoteAddr }) =>
    fetch(request, () => (path === null ? peerAddress(remoteAddr.hostname ?? '', remoteAddr.port ?? 0) : UNIX_PEER)),
  );
  return { port: server.addr.port ?? null, drain: () => server.shutdown(), destroy: () => abort.abort() };
}
