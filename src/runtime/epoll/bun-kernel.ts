import { openLibrary } from '../libc.ts';
import type { BunNamespace } from '../types/bun.ts';
import { findEpoll } from './find-epoll.ts';
import type { Kernel } from './kernel.ts';

type Call = (...words: (number | ArrayBufferView | null)[]) => number;

interface Ffi {
  ptr(view: ArrayBufferView, offset?: number): number;
  toArrayBuffer(pointer: number, offset: number, length: number): ArrayBuffer;
}

const INT = 'i32';
const POINTER = 'ptr';
const SYMBOLS = {
  __errno_location: { args: [], returns: POINTER },
  socket: { args: [INT, INT, INT], returns: INT },
  connect: { args: [INT, POINTER, INT], returns: INT },
  accept4: { args: [INT, POINTER, POINTER, INT], returns: INT },
  getsockname: { args: [INT, POINTER, POINTER], returns: INT },
  getsockopt: { args: [INT, INT, INT, POINTER, POINTER], returns: INT },
  setsockopt: { args: [INT, INT, INT, POINTER, INT], returns: INT },
  fcntl: { args: [INT, INT, INT], returns: INT },
  recv: { args: [INT, POINTER, INT, INT], returns: INT },
  send: { args: [INT, POINTER, INT, INT], returns: INT },
  shutdown: { args: [INT, INT], returns: INT },
  close: { args: [INT], returns: INT },
  dup: { args: [INT], returns: INT },
  epoll_create1: { args: [INT], returns: INT },
  epoll_ctl: { args: [INT, INT, INT, POINTER], returns: INT },
  epoll_wait: { args: [INT, POINTER, INT, INT], returns: INT },
};

const SOCK_STREAM = 1;
const NON_BLOCKING = 0o4000;
const CLOSE_ON_EXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const F_GETFL = 3;
const F_SETFL = 4;
const PEER_BYTES = 28;

/** The system calls by `bun:ffi`, at about 30 ns each on top of the kernel's own time. Null where there is no glibc or musl. */
export function bunKernel(bun: BunNamespace): Kernel | null {
  const ffi = process.getBuiltinModule('bun:ffi') as unknown as Ffi;
  const symbols = openLibrary(SYMBOLS) as Record<keyof typeof SYMBOLS, Call> | null;
  return symbols === null ? null : new BunKernel(bun, ffi, symbols);
}

class BunKernel implements Kernel {
  readonly drainMicrotasks: () => void;
  hostEpoll = -1;
  #isHostSought = false;
  readonly #bun: BunNamespace;
  readonly #pointer: Ffi['ptr'];
  readonly #symbols: Record<keyof typeof SYMBOLS, Call>;
  readonly #errno: Int32Array;
  readonly #value = new Int32Array(1);
  readonly #length = new Int32Array(1);

  constructor(bun: BunNamespace, ffi: Ffi, symbols: Record<keyof typeof SYMBOLS, Call>) {
    this.#bun = bun;
    this.#pointer = ffi.ptr;
    this.#symbols = symbols;
    this.#errno = new Int32Array(ffi.toArrayBuffer(symbols.__errno_location(), 0, 4));
    this.drainMicrotasks = (process.getBuiltinModule('bun:jsc') as unknown as { drainMicrotasks(): void }).drainMicrotasks;
  }

  errno(): number {
    return this.#errno[0]!;
  }

  socket(family: number): number {
    return this.#symbols.socket(family, SOCK_STREAM | NON_BLOCKING | CLOSE_ON_EXEC, 0);
  }

  connect(fd: number, address: Uint8Array, length: number): number {
    return this.#symbols.connect(fd, address, length);
  }

  accept(fd: number, peer: Uint8Array): number {
    this.#length[0] = PEER_BYTES;
    return this.#symbols.accept4(fd, peer, this.#length, NON_BLOCKING | CLOSE_ON_EXEC);
  }

  localAddress(fd: number, address: Uint8Array): number {
    this.#length[0] = PEER_BYTES;
    return this.#symbols.getsockname(fd, address, this.#length);
  }

  setNonBlocking(fd: number): number {
    return this.#symbols.fcntl(fd, F_SETFL, this.#symbols.fcntl(fd, F_GETFL, 0) | NON_BLOCKING);
  }

  setNoDelay(fd: number): number {
    this.#value[0] = 1;
    return this.#symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, this.#value, 4);
  }

  takeError(fd: number): number {
    this.#length[0] = 4;
    return this.#symbols.getsockopt(fd, SOL_SOCKET, SO_ERROR, this.#value, this.#length) === 0 ? this.#value[0]! : this.errno();
  }

  receive(fd: number, buffer: Uint8Array): number {
    return this.#symbols.recv(fd, buffer, buffer.length, 0);
  }

  send(fd: number, bytes: Uint8Array, start: number, length: number): number {
    return this.#symbols.send(fd, start === 0 ? bytes : this.#pointer(bytes, start), length, MSG_NOSIGNAL);
  }

  shutdown(fd: number): number {
    return this.#symbols.shutdown(fd, SHUT_WR);
  }

  close(fd: number): number {
    return this.#symbols.close(fd);
  }

  duplicate(fd: number): number {
    return this.#symbols.dup(fd);
  }

  epoll(): number {
    return this.#symbols.epoll_create1(CLOSE_ON_EXEC);
  }

  control(epoll: number, operation: number, fd: number, event: Int32Array): number {
    return this.#symbols.epoll_ctl(epoll, operation, fd, event);
  }

  wait(epoll: number, events: Int32Array, count: number, milliseconds: number): number {
    return this.#symbols.epoll_wait(epoll, events, count, milliseconds);
  }

  /**
   * Bun polls what it takes for a connected socket. When that turns readable its recv(2) fails, because it is none (ENOTSOCK),
   * and Bun closes it: the one event of its loop that tells of any descriptor at all.
   */
  park(epoll: number, wake: () => void): () => void {
    let isParked = true;
    const close = (): void => {
      if (!isParked) return;
      isParked = false;
      wake();
    };
    const handlers = { open: nothing, data: nothing, drain: nothing, end: nothing, close, error: nothing, connectError: close };
    let socket: { close(): void } | null = null;
    const fd = this.duplicate(epoll);
    this.#bun.connect({
      fd,
      allowHalfOpen: true,
      socket: {
        ...handlers,
        open(opened) {
          socket = opened;
        },
      },
    });
    if (!this.#isHostSought) this.hostEpoll = findEpoll(fd);
    this.#isHostSought = true;
    return () => {
      isParked = false;
      socket?.close();
    };
  }
}

const nothing = (): void => {};
