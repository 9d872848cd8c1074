import type { ChildProcess as NodeChild } from 'node:child_process';
import { errorCode } from './connect-failure.ts';
import type { HeldSocket } from './held-socket.ts';
import type { ChildProcess, Signal, SpawnOptions } from './seam/processes.ts';

/** How long after a child's end we wait for what is still in its pipes, in ms. */
const LAST_WORDS = 200;

/** Starts a child process by `node:child_process`, which all three runtimes carry. */
export function spawn(command: readonly string[], options: SpawnOptions): SpawnedProcess {
  const output = options.stdio ?? 'inherit';
  const sockets = (options.sockets ?? []) as readonly HeldSocket[];
  const lent = sockets.map((socket) => socket.lend());
  const stdio: (string | number)[] = ['ignore', output, output, ...lent, ...(options.fds ?? [])];
  if (options.ipc) stdio.push('ipc');
  // Loaded when it is needed: a plain router starts no process, and its start is measured in milliseconds.
  const start = process.getBuiltinModule('node:child_process').spawn;
  try {
    const node = start(command[0]!, command.slice(1), {
      stdio: stdio as never,
      env: options.env,
      cwd: options.cwd,
      uid: options.uid,
      gid: options.gid,
      serialization: 'json',
    });
    return new SpawnedProcess(node, options);
  } finally {
    for (const [index, socket] of sockets.entries()) socket.giveBack(lent[index]!);
  }
}

/** Sends `signal` to a process that need not be ours; 0 only asks for it. False when there is none of that id. */
export function signal(pid: number, signal: Signal | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (errorCode(error, '') === 'ESRCH') return false;
    throw error;
  }
}

export class SpawnedProcess implements ChildProcess {
  readonly #node: NodeChild;
  #channel: boolean;

  constructor(node: NodeChild, options: SpawnOptions) {
    this.#node = node;
    this.#channel = options.ipc === true;
    let told = false;
    let patience: NodeJS.Timeout | undefined;
    const exit = (code: number | null, signal: string | null): void => {
      if (told) return;
      told = true;
      clearTimeout(patience);
      this.#channel = false;
      options.exit(this, code, signal);
    };
    node.on('disconnect', () => {
      this.#channel = false;
    });
    const output = (bytes: Uint8Array, stream: 'stdout' | 'stderr'): void => {
      if (!told) options.output?.(this, bytes, stream);
    };
    node.on('message', (value) => {
      if (!told) options.message?.(this, value);
    });
    node.stdout?.on('data', (bytes) => output(bytes, 'stdout'));
    node.stderr?.on('data', (bytes) => output(bytes, 'stderr'));
    node.on('close', exit);
    // A process that the child started and left behind holds the pipes open (on Deno the channel too), and `close` would wait for it.
    node.on('exit', (code, signal) => {
      if (!told) patience = setTimeout(exit, LAST_WORDS, code, signal);
    });
    // A command that cannot be started has no exit of its own; 127 is the shell's word for it.
    node.on('error', () => {
      if (node.pid === undefined) exit(127, null);
    });
  }

  get pid(): number {
    return this.#node.pid ?? 0;
  }

  send(value: unknown): boolean {
    if (!this.#channel || !this.#node.connected) return false;
    this.#node.send(value as object, (error) => {
      if (error) this.#channel = false;
    });
    return true;
  }

  /** Hands over a listening socket (Node and Deno know how), in order with the messages. */
  sendHandle(handle: object): void {
    this.#node.send('socket', handle as never, { keepOpen: true }, () => {});
  }

  /** Not `ChildProcess.kill`, which closes the message channel at once on Deno. */
  kill(signal: Signal): void {
    if (this.#node.pid === undefined || this.#node.exitCode !== null || this.#node.signalCode !== null) return;
    try {
      process.kill(this.#node.pid, signal);
    } catch {
      // It is gone already, and `exit` is on its way.
    }
  }
}
