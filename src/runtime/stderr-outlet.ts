import { nodeFs } from '../builtin/modules.ts';
import { blockFor, type Outlet } from '../log/log-writer.ts';
import { errorCode } from './connect-failure.ts';
import { EAGAIN, type Kernel } from './epoll/kernel.ts';
import type { DenoNamespace } from './types/deno.ts';

const STDERR = 2;
/** PIPE_BUF of Linux: so much goes into a pipe whole. */
const PIPE_BYTES = 4096;

/** Standard error by system calls: never waits, whatever it leads to, and leaves the descriptor as others share it. */
export function kernelOutlet(kernel: Kernel): Outlet {
  const taken = (count: number): number => (count !== -1 ? count : kernel.errno() === EAGAIN ? 0 : -1);
  switch (kernel.kindOf(STDERR)) {
    case 'file':
      return { piece: Number.POSITIVE_INFINITY, write: (bytes, start, end) => taken(kernel.write(STDERR, bytes, start, end)) };
    case 'socket':
      return { piece: PIPE_BYTES, write: (bytes, start, end) => taken(kernel.sendAtOnce(STDERR, bytes, start, end)) };
    default: {
      const own = kernel.reopenToWrite(STDERR);
      if (own !== -1) return { piece: PIPE_BYTES, write: (bytes, start, end) => taken(kernel.write(own, bytes, start, end)) };
      // Another user's, or there is no /proc. What poll(2) promises could be gone by the write only if a process beside us took it.
      const write = (bytes: Uint8Array, start: number, end: number): number =>
        kernel.isWritable(STDERR) ? taken(kernel.write(STDERR, bytes, start, end)) : 0;
      return { piece: PIPE_BYTES, write };
    }
  }
}

/** Standard error where there are no system calls: pipes and terminals never wait where /proc leads to them, sockets and others do. */
export function fileOutlet(): Outlet {
  const fs = nodeFs();
  const fd = reopened(fs);
  return {
    piece: fd === STDERR ? Number.POSITIVE_INFINITY : PIPE_BYTES,
    write(bytes, start, end) {
      try {
        return fs.writeSync(fd, bytes, start, end - start);
      } catch (error) {
        return errorCode(error, '') === 'EAGAIN' ? 0 : -1;
      }
    },
  };
}

/** A descriptor of our own of the pipe or terminal, else stderr's. */
function reopened({ fstatSync, openSync, constants }: typeof import('node:fs')): number {
  try {
    const stat = fstatSync(STDERR);
    if (!stat.isFIFO() && !(stat.isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(STDERR))) return STDERR;
    return openSync(`/proc/self/fd/${STDERR}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return STDERR;
  }
}

/** A write that takes longer waits for a reader, in ms. */
const STUCK_MS = 300;
/** Within this a thread has written what a pipe has room for, in ms. */
const WRITTEN_MS = 30;

/** Deno writes on a thread when it is asked to without waiting: that one waits for who reads, and nobody else. */
export class DenoOutlet implements Outlet {
  readonly piece = 64 * 1024;
  readonly #stderr: DenoNamespace['stderr'];
  /** When the write under way began, in ms; null when there is none. */
  #since: number | null = null;
  #isBroken = false;
  #isEnding = false;

  constructor(deno: DenoNamespace) {
    this.#stderr = deno.stderr;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isEnding) return this.#writeNow(bytes.subarray(start, end));
    if (this.#since !== null) return 0;
    if (this.#isBroken) {
      this.#isBroken = false;
      return -1;
    }
    void this.#writeLater(bytes.subarray(start, end));
    return end - start;
  }

  ending(): void {
    this.#isEnding = true;
    this.#letWrite();
  }

  /** The event loop does not tell any more what became of a write under way: one that had time enough is done, or stuck. */
  #letWrite(): void {
    if (this.#since === null || performance.now() - this.#since > STUCK_MS) return;
    blockFor(WRITTEN_MS);
    this.#since = null;
  }

  #writeNow(bytes: Uint8Array): number {
    // It is stuck, and so would be this one.
    if (this.#since !== null) return -1;
    try {
      return this.#stderr.writeSync(bytes);
    } catch {
      return -1;
    }
  }

  async #writeLater(bytes: Uint8Array): Promise<void> {
    this.#since = performance.now();
    try {
      for (let start = 0; start < bytes.length; ) start += await this.#stderr.write(bytes.subarray(start));
    } catch {
      this.#isBroken = true;
    }
    this.#since = null;
  }
}
