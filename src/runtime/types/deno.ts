/** The part of Deno's global that `deno.ts` uses, written by hand so that `tsc` needs no Deno types. Tried on Deno 2.9.6. */

export interface DenoAddress {
  readonly transport: string;
  readonly hostname?: string;
  readonly port?: number;
}

export interface DenoConn {
  readonly localAddr: DenoAddress;
  readonly remoteAddr: DenoAddress;
  /** How many bytes came, or null at the peer's FIN. A pending read is ended only by `close`. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** How many bytes the kernel took. The buffer may be read after `write` has returned. */
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** TCP only. */
  setNoDelay?(noDelay?: boolean): void;
}

export interface DenoListener {
  readonly addr: DenoAddress;
  accept(): Promise<DenoConn>;
  close(): void;
}

export interface DenoTcpOptions {
  hostname: string;
  port: number;
  tcpBacklog?: number;
}

export interface DenoUnixOptions {
  transport: 'unix';
  path: string;
}

export interface DenoNamespace {
  readonly version: { readonly deno: string };
  /** `standalone`: made by `deno compile`. */
  readonly build: { readonly standalone: boolean };
  readonly permissions: {
    querySync(what: Permission): PermissionStatus;
    request(what: Permission): Promise<PermissionStatus>;
  };
  listen(options: DenoTcpOptions | DenoUnixOptions): DenoListener;
  connect(options: DenoTcpOptions | DenoUnixOptions): Promise<DenoConn>;
  dlopen(library: string, symbols: Record<string, DenoFfi>): { symbols: Record<string, (...words: never[]) => unknown> };
  readonly UnsafePointerView: { getArrayBuffer(pointer: object, length: number): ArrayBuffer };
  readonly stderr: {
    /** On a thread; how many bytes were taken. */
    write(bytes: Uint8Array): Promise<number>;
    writeSync(bytes: Uint8Array): number;
  };
  hostname(): string;
  openSync(path: string, options: { read: boolean }): { tryLockSync(isExclusive: boolean): boolean; close(): void };
  chmodSync(path: string, mode: number): void;
}

/** A C function. */
export interface DenoFfi {
  name?: string;
  parameters: readonly string[];
  result: string;
  /** On a thread; the call gives a promise. */
  nonblocking?: boolean;
}

export interface Permission {
  name: string;
  kind?: string;
  path?: string;
  variable?: string;
  host?: string;
  command?: string;
}

export interface PermissionStatus {
  readonly state: 'granted' | 'prompt' | 'denied';
  /** Granted, and denied for something narrower. */
  readonly partial: boolean;
}
