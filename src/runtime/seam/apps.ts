import type { ListenAddress } from '../../net/address.ts';
import type { PeerAddress } from '../../net/peer.ts';

/** What a runtime does for apps written for it. Loaded when an app is to be. */
export interface AppHost {
  /** Offers modules to an app that will be imported from `path`, where it has none of these of its own. */
  offerModules(path: string, carried: CarriedModules): void;
  /** A parser met what is more than this runtime takes of TypeScript. */
  isSyntaxUnknown(error: Error | null): boolean;
  /** Whether the runtime's own code takes a Response that is made on demand, by `nativeOf`; from now on it may have been taught to. */
  takesResponsesOnDemand(nativeOf: NativeOf): boolean;
  /**
   * Serves by the runtime's own HTTP server: `Bun.serve`, `Deno.serve`, `node:http`. Whatever ugate does for a request is not done.
   * @throws {ListenError} when the address cannot be listened on
   */
  serve(address: ListenAddress, handlers: NativeHandlers, options: NativeOptions): Promise<NativeServer>;
}

/** Loads a module that this program carries; by the name it is imported by. */
export type CarriedModules = Readonly<Record<string, () => Promise<object>>>;

/** Gives what is native in place of a stand-in, and everything else as it is. */
export type NativeOf = <Value>(value: Value) => Value;

/** A server of Bun or Deno asks `fetch`; that of Node, which has neither a Request nor a Response of its own, asks `onNode`. */
export interface NativeHandlers {
  /** Answers one request; `remote` says who asks. The runtime's own Request and Response. */
  fetch(request: Request, remote: () => PeerAddress): Response | Promise<Response>;
  onNode(request: NodeRequest): NodeAnswer | Promise<NodeAnswer>;
}

/** A request as node:http has it. */
export interface NodeRequest {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  /** Field lines, names and values by turns, as they were sent. */
  readonly fields: readonly string[];
  readonly hasBody: boolean;
  readonly remote: PeerAddress;
  /** Starts the flow of the body. */
  readBody(into: NodeBody): void;
  /** Lets it go on after `write` returned false. */
  resume(): void;
  /** Calls back when the client is gone before it has its answer. */
  onAbort(gone: () => void): void;
}

/** Takes the body of a request. */
export interface NodeBody {
  /** False to be given no more until `resume`. */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  end(): void;
  fail(error: Error): void;
}

export interface NodeAnswer {
  readonly status: number;
  readonly statusText: string;
  /** Names and values by turns. */
  readonly fields: string[];
  readonly body: string | NodeAnswerStream | null;
}

/** A body that comes piece by piece. */
export interface NodeAnswerStream {
  readonly stream: ReadableStream<unknown>;
  /** A piece as it goes out. @throws {TypeError} when it cannot */
  take(piece: unknown): Uint8Array;
  /** Behind the last piece. @throws {TypeError} when some are missing */
  end(): void;
}

export interface NativeOptions {
  /** Several processes bind the same address (TCP only). On Deno it wants `--unstable-net`. Default false. */
  readonly reusePort?: boolean;
  /** What a handler throws or rejects with, and what the runtime says of broken requests. The client gets 500. */
  failed(error: unknown): void;
}

export interface NativeServer {
  /** With the port the kernel chose. */
  readonly address: ListenAddress;
  /** Stops accepting, and resolves when what is in flight is finished, after `mercy` ms at the latest. */
  stop(mercy: number): Promise<void>;
}
