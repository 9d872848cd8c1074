/** Child processes with a bounded life: whoever starts one gets it stopped by its pid, whatever happens to the test. */

import { type ChildProcess, spawn } from 'node:child_process';
import { waitFor, within } from './wait.ts';

export interface StartOptions {
  cwd?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  /** Given on standard input, which is empty and closed otherwise. */
  input?: string | Uint8Array;
  /** After this long the process is killed. Default one minute. */
  lifetime?: number;
}

export interface Exit {
  /** Null when a signal ended it. */
  code: number | null;
  signal: string | null;
}

export interface RunResult extends Exit {
  stdout: string;
  stderr: string;
}

/** Everything started and not yet gone, so that a test run that ends early leaves nothing behind. */
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) send(child, 'SIGKILL');
});

/** By pid: on Deno a second `child.kill()` does nothing. `alive` knows that the pid is still this child's. */
function send(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || !alive.has(child)) return;
  try {
    process.kill(child.pid, signal);
  } catch {
    // ESRCH: it ended a moment ago.
  }
}

export class StartedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #stdout: Uint8Array[] = [];
  #stderr = '';
  #gone = false;

  constructor(command: readonly string[], options: StartOptions = {}) {
    const [program = '', ...args] = command;
    // A pipe of Node's is a socket, and uWSGI takes a socket on descriptor 0 for one to accept on: its workers would spin on it.
    const stdin = options.input === undefined ? 'ignore' : 'pipe';
    const child = spawn(program, args, { cwd: options.cwd, env: environment(options.env), stdio: [stdin, 'pipe', 'pipe'] });
    this.#child = child;
    this.pid = child.pid ?? -1;
    alive.add(child);
    child.stdout?.on('data', (bytes: Uint8Array) => this.#stdout.push(bytes));
    child.stderr?.on('data', (bytes: Uint8Array) => {
      this.#stderr += String(bytes);
    });
    // The program may well end before it has read its input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
    const expiry = setTimeout(() => send(child, 'SIGKILL'), options.lifetime ?? 60_000);
    this.exited = new Promise((resolve) => {
      const done = (exit: Exit): void => {
        clearTimeout(expiry);
        alive.delete(child);
        this.#gone = true;
        resolve(exit);
      };
      child.on('close', (code, signal) => done({ code, signal }));
      // A grandchild that lives on holds the pipes open, and `close` would wait for it.
      child.on('exit', (code, signal) => {
        alive.delete(child);
        const leave = (): void => {
          child.stdout?.destroy();
          child.stderr?.destroy();
          done({ code, signal });
        };
        // Behind a look at the pipes: the timer comes first to a process that was held up, and there may be last words.
        setTimeout(() => setImmediate(leave), 300).unref();
      });
      child.on('error', (error) => {
        this.#stderr += `${program}: ${error.message}\n`;
        if (child.pid === undefined) done({ code: 127, signal: null });
      });
    });
  }

  get running(): boolean {
    return !this.#gone;
  }

  get stdout(): string {
    return this.output.toString();
  }

  /** Standard output as bytes. */
  get output(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stderrLines(): string[] {
    return this.#stderr.split('\n').filter((line) => line !== '');
  }

  /** Waits until standard error matches, and fails at once when the process ends without having said it. */
  async said(pattern: RegExp, milliseconds = 10_000): Promise<RegExpMatchArray> {
    try {
      return await waitFor(
        `${pattern}`,
        () => {
          const match = this.#stderr.match(pattern);
          if (match === null && this.#gone) throw new Error(`the process ended before it said ${pattern}`);
          return match;
        },
        milliseconds,
      );
    } catch (error) {
      throw new Error(`${String(error)}; standard error was:\n${this.#stderr}`);
    }
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    send(this.#child, signal);
  }

  /** Asks it to end with `signal`, and insists after `patience` milliseconds. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patience = 5000): Promise<Exit> {
    this.kill(signal);
    const insist = setTimeout(() => this.kill('SIGKILL'), patience);
    const exit = await this.exited;
    clearTimeout(insist);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a program that goes on running: `await using server = startProcess([...])`. */
export function startProcess(command: readonly string[], options: StartOptions = {}): StartedProcess {
  return new StartedProcess(command, options);
}

/** Runs a program to its end. */
export async function run(command: readonly string[], options: StartOptions = {}): Promise<RunResult> {
  const started = new StartedProcess(command, { lifetime: 30_000, ...options });
  const exit = await within((options.lifetime ?? 30_000) + 5000, `${command.join(' ')} to end`, started.exited);
  return { ...exit, stdout: started.stdout, stderr: started.stderr };
}

function environment(changes: Record<string, string | undefined> = {}): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...process.env, ...changes })) if (value !== undefined) merged[name] = value;
  return merged;
}
