import { ffi, openLibrary } from '../libc.ts';
import type { BunFfi, BunNamespace } from '../types/bun.ts';
import { findEpoll } from './find-epoll.ts';
import type { Kernel } from './kernel.ts';
import { type Call, FUNCTIONS, type Functions, LibcKernel } from './libc-kernel.ts';

/** Files are nothing for the start, nor for the first requests: the host is sought in this call of `park`. */
const HOST_SOUGHT = 16;

const TYPES = { int: 'i32', bytes: 'ptr' };

/** The system calls by `bun:ffi`, at about 30 ns each on top of the kernel's own time. Null where there is no C library that we know. */
export function bunKernel(bun: BunNamespace): Kernel | null {
  const wanted: Record<string, { args: string[]; returns: string }> = { __errno_location: { args: [], returns: 'ptr' } };
  for (const [name, words] of Object.entries(FUNCTIONS)) wanted[name] = { args: words.map((word) => TYPES[word]), returns: TYPES.int };
  const found = openLibrary(wanted) as (Functions & { __errno_location: Call }) | null;
  return found === null ? null : new BunKernel(bun, found);
}

class BunKernel extends LibcKernel {
  hostEpoll = -1;
  readonly #bun: BunNamespace;
  readonly #pointer: BunFfi['ptr'];
  readonly #drain: () => void;
  #parks = 0;

  constructor(bun: BunNamespace, found: Functions & { __errno_location: Call }) {
    const { toArrayBuffer, ptr } = ffi();
    super(found, toArrayBuffer(found.__errno_location(), 0, 4));
    this.#bun = bun;
    this.#pointer = ptr;
    this.#drain = (process.getBuiltinModule('bun:jsc') as unknown as { drainMicrotasks(): void }).drainMicrotasks;
  }

  override drainMicrotasks(): boolean {
    this.#drain();
    return true;
  }

  override send(fd: number, bytes: Uint8Array, start: number, length: number, hasMore: boolean): number {
    return this.sendFrom(fd, start === 0 ? bytes : this.#pointer(bytes, start), length, hasMore);
  }

  /**
   * Bun polls what it takes for a connected socket. When that turns readable its recv(2) fails, because it is none (ENOTSOCK),
   * and Bun closes it: the one event of its loop that tells of any descriptor at all.
   */
  override park(epoll: number, wake: () => void): (() => void) | null {
    const fd = this.dup(epoll);
    if (fd === -1) return null;
    let isParked = true;
    const close = (): void => {
      if (isParked) wake();
      isParked = false;
    };
    let socket: { close(): void } | null = null;
    const open = (opened: { close(): void }): void => {
      socket = opened;
    };
    this.#bun.connect({ fd, allowHalfOpen: true, socket: { open, data: nothing, drain: nothing, end: nothing, close, error: nothing } });
    this.#parks += 1;
    if (this.#parks === HOST_SOUGHT) this.hostEpoll = findEpoll({ watched: fd });
    return () => {
      isParked = false;
      socket?.close();
    };
  }
}

const nothing = (): void => {};
