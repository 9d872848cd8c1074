import type { ChildProcess as NodeChild } from 'node:child_process';
import type { ChildProcess, Signal, SpawnOptions } from './seam.ts';

/** Starts a child process by `node:child_process`, which all three runtimes carry. */
export function spawn(command: readonly string[], options: SpawnOptions): ChildProcess {
  const output = options.stdio ?? 'inherit';
  const stdio: (string | number)[] = [output === 'pipe' ? 'ignore' : output, output, output, ...(options.fds ?? [])];
  if (options.ipc) stdio.push('ipc');
  // Loaded when it is needed: a plain router starts no process, and its start is measured in milliseconds.
  const node = process.getBuiltinModule('node:child_process').spawn(command[0]!, command.slice(1), {
    stdio: stdio as never,
    env: options.env,
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
    serialization: 'json',
  });
  return new SpawnedProcess(node, options);
}

class SpawnedProcess implements ChildProcess {
  readonly #node: NodeChild;
  #channel: boolean;

  constructor(node: NodeChild, options: SpawnOptions) {
    this.#node = node;
    this.#channel = options.ipc === true;
    let told = false;
    const exit = (code: number | null, signal: string | null): void => {
      if (told) return;
      told = true;
      options.exit(this, code, signal);
    };
    node.on('disconnect', () => {
      this.#channel = false;
    });
    node.on('message', (value) => options.message?.(this, value));
    node.stdout?.on('data', (bytes) => options.output?.(this, bytes, 'stdout'));
    node.stderr?.on('data', (bytes) => options.output?.(this, bytes, 'stderr'));
    node.on('close', exit);
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
