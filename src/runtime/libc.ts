import type { Flock } from './file-lock.ts';
import { ListenError } from './seam/sockets.ts';
import type { BunFfi, BunNamespace } from './types/bun.ts';

/** The C library's name: glibc, musl, macOS. */
export const LIBRARIES: readonly string[] = ['libc.so.6', `libc.musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`, 'libSystem.B.dylib'];

const INT = 'i32';

/** The few system calls that Bun has no function for, by its `bun:ffi`. */
export class Libc {
  readonly #symbols: Record<string, (...words: number[]) => number>;

  /** @throws {ListenError} `unsupported` */
  constructor() {
    let problem = '';
    const wanted = { dup: { args: [INT], returns: INT }, listen: { args: [INT, INT], returns: INT } };
    const symbols = openLibrary(wanted, (error) => {
      problem ||= messageOf(error);
    });
    if (symbols === null) throw new ListenError('unsupported', `listening sockets cannot be handed to children: ${explain(problem)}`);
    this.#symbols = symbols;
  }

  /** dup(2): a second descriptor, or -1. It is closed in children: Bun hands over only what it is told to. */
  dup(fd: number): number {
    return this.#symbols.dup!(fd);
  }

  /** listen(2): 0 or -1. On a socket that listens already it sets the length of the queue. */
  listen(fd: number, backlog: number): number {
    return this.#symbols.listen!(fd, backlog);
  }
}

/** Asks the kernel (Linux only) to kill this process when its parent dies: prctl(PR_SET_PDEATHSIG, SIGKILL). False where it cannot. */
export function dieWithParent(): boolean {
  if (process.platform !== 'linux') return false;
  const symbols = openLibrary({ prctl: { args: [INT, 'u64', 'u64', 'u64', 'u64'], returns: INT } });
  return symbols !== null && symbols.prctl!(1, 9, 0, 0, 0) === 0;
}

/** flock(2) for Bun; null where there is no C library that we know. */
export function flockOfBun(): Flock | null {
  const symbols = openLibrary({ flock: { args: [INT, INT], returns: INT } });
  return symbols === null ? null : (fd, operation) => symbols.flock!(fd, operation);
}

/** Bun without its JIT has no foreign functions either, and it gives that up where memory cannot be reserved. */
function explain(problem: string): string {
  if (/\bJIT\b/.test(problem)) return `${problem}, which Bun does without under a limit of address space: raise it (ulimit -v), or leave master out`;
  return `no C library (${LIBRARIES.join(', ')}) can be loaded: ${problem}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The functions of the C library, or null where none of its names can be loaded.
 * @param failed hears why, for each name
 */
export function openLibrary(wanted: object, failed: (error: unknown) => void = () => {}): Record<string, (...words: number[]) => number> | null {
  for (const library of LIBRARIES) {
    try {
      const opened = ffi().dlopen(library, wanted);
      if (!(opened instanceof Error)) return opened.symbols;
      failed(opened);
    } catch (error) {
      // Not this system's, as a rule.
      failed(error);
    }
  }
  return null;
}

/**
 * What `bun:ffi` is made on: Bun has it without a module, and to load that is 0.4 ms of a start. Undocumented, so that the module stands
 * in for it where it is not there.
 */
export function ffi(): BunFfi {
  const { FFI } = (globalThis as unknown as { Bun: BunNamespace }).Bun;
  const isWhole = FFI?.dlopen !== undefined && FFI.ptr !== undefined && FFI.toArrayBuffer !== undefined;
  return isWhole ? FFI : (process.getBuiltinModule('bun:ffi') as unknown as BunFfi);
}
