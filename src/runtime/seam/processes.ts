import type { BoundSocket } from './sockets.ts';

/** Processes: those we start, who started us, and what signals they send each other. */
export interface Processes {
  spawn(command: readonly string[], options: SpawnOptions): ChildProcess;
  /**
   * Starts ugate again as a child with a message channel (`ipc` is implied), on the same runtime with the same rights.
   * The child finds us as its `parent`.
   * @throws {PermissionError}
   */
  spawnSelf(args: readonly string[], options: SpawnOptions): ChildProcess;
  /** Who started this process by `spawnSelf`; null in any other. */
  readonly parent: Parent | null;
  /**
   * From now on this process is killed within a second of its parent's death, even when its event loop is blocked.
   * For processes that run the user's code; a `parent.onDisconnect` serves the others and costs nothing.
   */
  endWithParent(): void;
  /**
   * Where this is process 1, as in a container, it waits from now on for the orphans that the kernel makes its children, and leaves its own
   * to the runtime. Where `reapsOrphans` is among the capabilities.
   */
  reapOrphans(): void;
  /** Calls `handler` on each `signal` until the returned function is called. */
  onSignal(signal: Signal, handler: () => void): () => void;
  /**
   * From now on an exception or rejection that nobody catches is told to `handler` and does not end the process. For processes that run
   * the user's code; where that listens for such itself (`process.on`), `handler` is told nothing.
   */
  onUncaught(handler: (error: unknown) => void): void;
  /** Lets these signals pass without effect, for children that share a terminal with their master. */
  ignoreSignals(signals: readonly Signal[]): void;

  /** Sends `signal` to a process that need not be ours. False when there is none of that id. @throws when it is not ours to signal (EPERM) */
  signal(pid: number, signal: Signal): boolean;
  exit(code: number): never;
}

export interface SpawnOptions {
  /** Replaces the environment. Default: inherited. */
  env?: Record<string, string>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Opens a message channel; `message` receives structured JSON values. */
  ipc?: boolean;
  /**
   * Listening sockets handed to the child. `spawn`: as descriptors 3, 4, … in order; for children that are not ugate, and on Deno
   * not to be shared with ugate ones, whom blocking accepts would freeze. `spawnSelf`: the child finds them at `Parent.sockets`.
   */
  sockets?: readonly BoundSocket[];
  /** Descriptors of this process handed to the child in order, behind `sockets` (see `capabilities.passFds`). */
  fds?: number[];
  /** `spawnSelf`: the module to start in place of ugate's own, for tests. A compiled binary has but one. */
  entry?: string;
  /** Where the child's stdout and stderr go. Default `inherit`. With `pipe`, `output` receives them. */
  stdio?: 'inherit' | 'ignore' | 'pipe';
  message?(child: ChildProcess, value: unknown): void;
  output?(child: ChildProcess, bytes: Uint8Array, stream: 'stdout' | 'stderr'): void;
  /** Comes exactly once, after the last `message` and `output`, and at most 200 ms after the end of the child itself. `code` is null when a signal ended it. */
  exit(child: ChildProcess, code: number | null, signal: string | null): void;
}

export interface ChildProcess {
  readonly pid: number;
  /** False when the channel is gone. */
  send(value: unknown): boolean;
  kill(signal: Signal): void;
}

/** The ugate that started this process by `spawnSelf`. */
export interface Parent {
  /** False when the channel is gone. */
  send(value: unknown): boolean;
  /** The next message that no handler has been told. What comes behind it waits for the next call, or for a handler. Never rejects. */
  next(): Promise<unknown>;
  /** One handler; what came before it was set is told to it first, in order and later than this call. */
  onMessage(handler: (value: unknown) => void): void;
  /** The channel is gone, which is how a parent's death shows. One handler; told also when it is gone already, later than this call. */
  onDisconnect(handler: () => void): void;
  /** Closes the channel, so that it no longer keeps this process alive. `onDisconnect` is not told. */
  disconnect(): void;
  /** Those handed over, in the order of `SpawnOptions.sockets`. Rejects when the channel closes before all of them are here. */
  sockets(): Promise<readonly BoundSocket[]>;
}

export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGTSTP' | 'SIGCONT' | 'SIGWINCH' | 'SIGKILL';
