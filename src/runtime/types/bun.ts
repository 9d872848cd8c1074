/**
 * The part of Bun's global that `bun.ts` uses, written by hand so that `tsc` and `deno check` need no bun-types.
 * Tried on Bun 1.4.5; `close` and `pause`/`resume` are there although bun-types 1.4.5 leaves some of them out.
 */

export interface BunSocket<Data> {
  data: Data;
  /** -1 once it is closed. */
  readonly fd: number;
  /** Undefined on unix sockets and once the socket is closed. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Unbuffered. Returns how many bytes the kernel took, -1 when closed. An offset needs the length too. */
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  /** FIN; data still flows in. */
  shutdown(): void;
  /** close(2). Calls the `close` handler before it returns. */
  close(): void;
  /** The same with a reset in place of FIN. */
  terminate(): void;
  pause(): void;
  resume(): void;
}

export interface BunSocketHandlers<Data> {
  open(socket: BunSocket<Data>): void;
  data(socket: BunSocket<Data>, bytes: Uint8Array): void;
  drain(socket: BunSocket<Data>): void;
  end(socket: BunSocket<Data>): void;
  close(socket: BunSocket<Data>, error?: Error): void;
  error(socket: BunSocket<Data>, error: Error): void;
  connectError?(socket: BunSocket<Data>, error: Error): void;
  binaryType?: 'uint8array' | 'buffer';
}

interface BunSocketOptions<Data> {
  socket: BunSocketHandlers<Data>;
  data?: Data;
  allowHalfOpen: boolean;
  hostname?: string;
  port?: number;
  unix?: string;
  fd?: number;
  reusePort?: boolean;
  ipv6Only?: boolean;
}

export interface BunListener {
  readonly port?: number;
  /** Not in bun-types. */
  readonly fd: number;
  stop(closeActiveConnections?: boolean): void;
}

/** `bun:ffi` and what it stands on: the module throws what this may return. */
export interface BunFfi {
  dlopen(library: string, symbols: object): { symbols: Record<string, (...words: number[]) => number> } | Error;
  ptr(view: ArrayBufferView, offset?: number): number;
  toArrayBuffer(pointer: number, offset: number, length: number): ArrayBuffer;
}

export interface BunNamespace {
  readonly version: string;
  /** Not in bun-types. */
  readonly FFI?: BunFfi;
  readonly unsafe: {
    /** How many times longer than usual the compilers wait before they take a function. 1 is the usual. Since Bun 1.4. */
    setJITPolicy?(scale: number): void;
  };
  listen<Data>(options: BunSocketOptions<Data>): BunListener;
  connect<Data>(options: BunSocketOptions<Data>): Promise<BunSocket<Data>>;
  udpSocket(options: { hostname: string; connect: { hostname: string; port: number } }): Promise<{ close(): void }>;
}
