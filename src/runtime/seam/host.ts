import type { LogWriter } from '../../log/log-writer.ts';
import type { Capabilities } from './capabilities.ts';

/** The machine and the runtime we are guests of: what they are, allow and hold. */
export interface Host {
  readonly name: 'bun' | 'deno' | 'node';
  /** The runtime's own version, such as `1.4.5`. */
  readonly version: string;
  readonly capabilities: Capabilities;

  /** `error` as a PermissionError, when that is what it means; else as it is. */
  explain(error: unknown): unknown;

  /** Locks the file, which is there (flock(2)); null when somebody has it, or where that cannot be. The lock stays with a file that is renamed. */
  lockFile(path: string): FileLock | null;
  /** True while any process, this one too, has the file by `lockFile`; null where this runtime cannot tell. Throws what opening throws. */
  isFileLocked(path: string): boolean | null;

  /** Standard error: log lines and what is said to people. Never waits; what was written is there when the process ends, or a second was not enough. */
  readonly stderr: LogWriter;
  /**
   * Writes a text and a line end: to `stderr`, without control characters other than tab and line end, or at once to stdout, which waits for who reads, and loses what a reader that left (EPIPE), or a full pipe that does
   * not block (EAGAIN), does not take. Never throws.
   */
  print(to: 'stdout' | 'stderr', text: string): void;

  /** This machine's name, or null where we may not ask without a question to the user. */
  hostname(): string | null;
  /** Where temporary files go, or null where we may not write without a question to the user. */
  tempDirectory(): string | null;
  /** The soft limit of open files, or null where it cannot be known without a question to the user. */
  openFilesLimit(): number | null;
}

/** An exclusive lock on a file, which the kernel gives up with the process. */
export interface FileLock {
  release(): void;
}

/** The runtime withholds a right that the user could give; `message` says how, in one line. Only Deno has such. */
export class PermissionError extends Error {
  override readonly name = 'PermissionError';
}
