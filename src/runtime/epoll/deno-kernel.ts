import { LIBRARIES } from '../libc.ts';
import type { DenoFfi, DenoNamespace } from '../types/deno.ts';
import { findEpoll } from './find-epoll.ts';
import { EPOLL_CTL_ADD, EPOLLIN, EVENT_WORDS, type Kernel } from './kernel.ts';
import { CLOSE_ON_EXEC, FUNCTIONS, type Functions, LibcKernel, NON_BLOCKING } from './libc-kernel.ts';

const TYPES = { int: 'i32', bytes: 'buffer' };

interface MoreFunctions extends Functions {
  __errno_location(): object;
  eventfd(initial: number, flags: number): number;
  read(fd: number, into: Uint8Array, length: number): number;
  /** On a thread of its own. */
  park(epoll: number, events: Int32Array, count: number, milliseconds: number): Promise<number>;
}

/** The system calls by `Deno.dlopen`, at about 50 ns each. Null where there is no C library that we know. */
export function denoKernel(deno: DenoNamespace): Kernel | null {
  const { int, bytes } = TYPES;
  const wanted: Record<string, DenoFfi> = {
    __errno_location: { parameters: [], result: 'pointer' },
    eventfd: { parameters: [int, int], result: int },
    read: { parameters: [int, bytes, int], result: int },
    park: { name: 'epoll_wait', parameters: [int, bytes, int, int], result: int, nonblocking: true },
  };
  for (const [name, words] of Object.entries(FUNCTIONS)) wanted[name] = { parameters: words.map((word) => TYPES[word]), result: int };
  for (const library of LIBRARIES) {
    try {
      return new DenoKernel(deno, deno.dlopen(library, wanted).symbols as unknown as MoreFunctions);
    } catch {
      // Not this system's.
    }
  }
  return null;
}

class DenoKernel extends LibcKernel {
  hostEpoll = -1;
  readonly #more: MoreFunctions;
  /** Readable when a parked thread shall come back. */
  readonly #bell: number;
  readonly #word = new Uint8Array(8);
  #isHostSought = false;

  constructor(deno: DenoNamespace, functions: MoreFunctions) {
    super(functions, deno.UnsafePointerView.getArrayBuffer(functions.__errno_location(), 4));
    this.#more = functions;
    this.#bell = functions.eventfd(0, CLOSE_ON_EXEC | NON_BLOCKING);
  }

  override drainMicrotasks(): boolean {
    return false;
  }

  override send(fd: number, bytes: Uint8Array, start: number, length: number, hasMore: boolean): number {
    return this.sendFrom(fd, start === 0 ? bytes : bytes.subarray(start), length, hasMore);
  }

  override park(epoll: number, wake: () => void): () => void {
    let isParked = true;
    const events = new Int32Array(EVENT_WORDS);
    if (!this.#isHostSought) this.#seekHost(epoll);
    this.#more.park(epoll, events, 1, -1).then(() => {
      if (isParked) wake();
      else this.#more.read(this.#bell, this.#word, 8);
      isParked = false;
    });
    return () => {
      isParked = false;
      this.#word.fill(1);
      this.functions.write(this.#bell, this.#word, 8);
    };
  }

  #seekHost(own: number): void {
    this.#isHostSought = true;
    this.hostEpoll = findEpoll({ own });
    const event = new Int32Array(EVENT_WORDS);
    event[0] = EPOLLIN;
    this.control(own, EPOLL_CTL_ADD, this.#bell, event);
  }
}
