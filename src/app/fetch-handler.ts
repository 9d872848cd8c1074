import type { PeerAddress } from '../net/peer.ts';
import type { AppWork } from './app-work.ts';

/**
 * What an app is told of a request beside the request itself: Hono's `c.env`, the second argument of a fetch handler.
 * What the `getConnInfo` of Hono's adapters for Bun, Deno and Node look for is there too, on each runtime.
 */
export interface AppContext {
  /** Who asks, as far as proxies in front are believed; empty on a unix socket. */
  readonly remoteAddress: string;
  /** 0 on a unix socket. */
  readonly remotePort: number;
}

/** What is left of the execution context of edge platforms: Hono's `c.executionCtx`, the third argument of a fetch handler. */
export interface AppExecution {
  /** This process goes on until the promise is settled, as long as `reload-mercy` allows. What it rejects with is logged. */
  waitUntil(promise: Promise<unknown>): void;
  /** Does nothing: nobody else is there to answer. */
  passThroughOnException(): void;
  readonly props: object;
}

/** A fetch handler: what Hono apps and the runtimes' own servers share. */
export type FetchHandler = (request: Request, context: AppContext, execution: AppExecution) => Response | Promise<Response>;

/** The context of one request. */
export class ClientContext implements AppContext {
  readonly #remote: PeerAddress;

  constructor(remote: PeerAddress) {
    this.#remote = remote;
  }

  get remoteAddress(): string {
    return this.#remote.address;
  }

  get remotePort(): number {
    return this.#remote.port;
  }

  /** As Bun's server has it, for `hono/bun`. Null on a unix socket. */
  requestIP(): { address: string; port: number; family: 'IPv4' | 'IPv6' } | null {
    const { address, port, family } = this.#remote;
    return family === 'unix' ? null : { address, port, family: family === 'ipv6' ? 'IPv6' : 'IPv4' };
  }

  /** As Deno's server has it, for `hono/deno`. */
  get remoteAddr(): { hostname: string; port: number; transport: 'tcp' | 'unix' } {
    const { address, port, family } = this.#remote;
    return { hostname: address, port, transport: family === 'unix' ? 'unix' : 'tcp' };
  }

  /** As Node's server has it, for `@hono/node-server/conninfo`. */
  get incoming(): { socket: { remoteAddress: string; remotePort: number; remoteFamily: 'IPv4' | 'IPv6' } } {
    const { address, port, family } = this.#remote;
    return { socket: { remoteAddress: address, remotePort: port, remoteFamily: family === 'ipv6' ? 'IPv6' : 'IPv4' } };
  }
}

/**
 * @param work counts the promises of `waitUntil`
 * @param failed is told what they reject with
 */
export function makeExecution(work: AppWork, failed: (error: unknown) => void): AppExecution {
  return {
    waitUntil: (promise) => work.add(Promise.resolve(promise).catch(failed)),
    passThroughOnException: () => {},
    props: {},
  };
}
