import type { Flock } from '../file-lock.ts';
import { LIBRARIES } from '../libc.ts';
import { findEpoll } from './find-epoll.ts';
import type { Kernel } from './kernel.ts';
import { FUNCTIONS, type Functions, LibcKernel } from './libc-kernel.ts';

interface Ffi {
  DynamicLibrary: new (path: string) => { getFunction(name: string, signature: { arguments: string[]; return: string }): unknown };
  toArrayBuffer(pointer: bigint, length: number, copy: boolean): ArrayBuffer;
}

/** libuv's handle of a stream, as `node:net` has one inside. */
interface PipeHandle {
  onread: () => void;
  open(fd: number): number;
  readStart(): number;
  close(): void;
}
type Pipe = new (type: number) => PipeHandle;

const SOCKET = 0;
const TYPES = { int: 'int32', bytes: 'buffer' };

/**
 * The system calls by `node:ffi`, at about 350 ns for one that takes bytes. Null on a Node without it (before 26.1, or --no-experimental-ffi)
 * and where there is no C library that we know.
 */
export function nodeKernel(): Kernel | null {
  const ffi = loadQuietly('node:ffi') as Ffi | undefined;
  if (ffi === undefined) return null;
  for (const path of LIBRARIES) {
    try {
      const library = new ffi.DynamicLibrary(path);
      const found: Record<string, unknown> = {};
      for (const [name, words] of Object.entries(FUNCTIONS)) {
        found[name] = library.getFunction(name, { arguments: words.map((word) => TYPES[word]), return: TYPES.int });
      }
      const errno = library.getFunction('__errno_location', { arguments: [], return: 'pointer' }) as () => bigint;
      return new NodeKernel(found as Functions, ffi.toArrayBuffer(errno(), 4, false));
    } catch {
      // Not this system's.
    }
  }
  return null;
}

/** flock(2), on macOS too; null on a Node without `node:ffi`. */
export function flockOfNode(): Flock | null {
  const ffi = loadQuietly('node:ffi') as Ffi | undefined;
  if (ffi === undefined) return null;
  for (const path of LIBRARIES) {
    try {
      return new ffi.DynamicLibrary(path).getFunction('flock', { arguments: [TYPES.int, TYPES.int], return: TYPES.int }) as Flock;
    } catch {
      // Not this system's.
    }
  }
  return null;
}

/** Without the warning that it is experimental: who runs ugate has not chosen it, and what it is good for is tested. */
function loadQuietly(name: string): unknown {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule(name);
  } catch {
    return undefined;
  } finally {
    process.emitWarning = warn;
  }
}

class NodeKernel extends LibcKernel {
  hostEpoll = -1;
  readonly #pipe: Pipe;
  readonly #drain = (process as unknown as { _tickCallback?(): void })._tickCallback;
  #isHostSought = false;

  constructor(functions: Functions, errno: ArrayBuffer) {
    super(functions, errno);
    this.#pipe = pipeClass();
  }

  override drainMicrotasks(): boolean {
    if (this.#drain === undefined) return false;
    this.#drain();
    return true;
  }

  override send(fd: number, bytes: Uint8Array, start: number, length: number, hasMore: boolean): number {
    return this.sendFrom(fd, start === 0 ? bytes : bytes.subarray(start), length, hasMore);
  }

  /** libuv polls what it takes for a pipe. When that turns readable its read(2) fails, because nothing can be read there (EINVAL), and we are told. */
  override park(epoll: number, wake: () => void): (() => void) | null {
    const fd = this.dup(epoll);
    if (fd === -1) return null;
    const pipe = new this.#pipe(SOCKET);
    let isParked = true;
    const leave = (): void => {
      isParked = false;
      pipe.close();
    };
    pipe.open(fd);
    pipe.onread = () => {
      if (!isParked) return;
      leave();
      wake();
    };
    pipe.readStart();
    if (!this.#isHostSought) this.#seekHost(fd, () => isParked);
    return leave;
  }

  /**
   * libuv tells the kernel of a descriptor when it next waits. The next immediate may come before that, when we are called from a wait; the
   * one behind it does not. Who has been woken by then looks the next time.
   */
  #seekHost(fd: number, isParked: () => boolean): void {
    this.#isHostSought = true;
    const seek = (): void => {
      if (isParked()) this.hostEpoll = findEpoll({ watched: fd });
      else this.#isHostSought = false;
    };
    setImmediate(() => setImmediate(seek));
  }
}

/** No module exports it: a handle that `node:net` made is asked for its class. */
function pipeClass(): Pipe {
  const net = process.getBuiltinModule('node:net') as unknown as { _createServerHandle(path: string, port: number, type: number): PipeHandle };
  const handle = net._createServerHandle(`\0ugate-${process.pid}`, -1, -1);
  handle.close();
  return handle.constructor as Pipe;
}
