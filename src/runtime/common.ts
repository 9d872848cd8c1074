import { nodeFs, nodeOs } from '../builtin/modules.ts';
import { withoutControls } from '../log/line.ts';
import { LogWriter, type Outlet } from '../log/log-writer.ts';
import type { TcpAddress, UnixAddress } from '../net/address.ts';
import { datagram } from './datagram.ts';
import type { OwnSockets } from './epoll/own-sockets.ts';
import type { Guests } from './guests.ts';
import type { HeldSocket } from './held-socket.ts';
import { ignoreSignals, onSignal, onUncaught, openFilesLimit, resolve, tempDirectory } from './host.ts';
import { Orphans } from './orphans.ts';
import { type Adopt, type Birth, birthText, ChannelParent, MARKER, takeBirth } from './parent.ts';
import { watchParent } from './parent-watch.ts';
import { signal, spawn } from './process.ts';
import type { Capabilities } from './seam/capabilities.ts';
import type { Due } from './seam/event-loop.ts';
import type { FileLock } from './seam/host.ts';
import type { ChildProcess, Parent, SpawnOptions } from './seam/processes.ts';
import { fileOutlet, kernelOutlet } from './stderr-outlet.ts';

/** How long an end waits for a full stderr to take what was logged, in ms. */
const LAST_WORDS_MS = 1000;

/** What the three runtimes do alike, by the node modules that all of them carry. Where one differs, its adapter says so. */
export abstract class CommonRuntime {
  readonly datagram = datagram;
  readonly resolve = resolve;
  readonly spawn: (command: readonly string[], options: SpawnOptions) => ChildProcess = spawn;
  readonly onSignal = onSignal;
  readonly onUncaught = onUncaught;
  readonly ignoreSignals = ignoreSignals;
  readonly signal = signal;
  /** Undefined before the first look, which takes it out of the environment. */
  #birth: Birth | null | undefined;
  #parent: Parent | null = null;
  #stderr: LogWriter | null = null;

  /** The words that start ugate again. */
  protected abstract command(entry: string): string[];
  /** Makes a bound socket of one that the parent handed over. */
  protected abstract readonly adopt: Adopt;
  /** Sockets without the runtime's help, where they can be had. */
  protected abstract readonly own: OwnSockets;
  /** With the runtime's own sockets. */
  protected abstract readonly runtimeCapabilities: Capabilities;
  protected readonly adoptsByMessage: boolean = false;

  get capabilities(): Capabilities {
    return this.own.kernel === null
      ? this.runtimeCapabilities
      : { ...this.runtimeCapabilities, holdsClients: true, endInPause: true, resets: true, reapsOrphans: true };
  }

  spawnSelf(args: readonly string[], options: SpawnOptions): ChildProcess {
    const env = { ...(options.env ?? this.environment()), [MARKER]: birthText((options.sockets ?? []) as readonly HeldSocket[]) };
    const entry = options.entry ?? process.getBuiltinModule('node:url').fileURLToPath(new URL('../../mod.ts', import.meta.url));
    return this.startSelf([...this.command(entry), ...args], { ...options, env, ipc: true });
  }

  reapOrphans(): void {
    const { kernel } = this.own;
    if (process.pid === 1 && kernel !== null) new Orphans(kernel).watch();
  }

  get parent(): Parent | null {
    if (this.#birth === undefined) {
      this.#birth = this.birth();
      if (this.#birth !== null) this.#parent = new ChannelParent(this.#birth, this.adopt, this.adoptsByMessage);
    }
    return this.#parent;
  }

  endWithParent(): void {
    if (this.parent === null) return;
    this.watch();
    // It may have died before we watched.
    if (!signal(this.#birth!.parent, 0)) signal(process.pid, 'SIGKILL');
  }

  protected startSelf(command: readonly string[], options: SpawnOptions): ChildProcess {
    return spawn(command, options);
  }

  protected birth(): Birth | null {
    return takeBirth();
  }

  protected environment(): Record<string, string> {
    return process.env as Record<string, string>;
  }

  protected watch(): void {
    watchParent(process.ppid);
  }

  /** flock(2) without waiting. Null when somebody else's lock forbids it, undefined where this runtime has none. Throws what opening throws. */
  protected abstract tryLock(path: string, isExclusive: boolean): FileLock | null | undefined;

  lockFile(path: string): FileLock | null {
    return this.tryLock(path, true) ?? null;
  }

  isFileLocked(path: string): boolean | null {
    const lock = this.tryLock(path, false);
    if (lock === undefined) return null;
    lock?.release();
    return lock === null;
  }

  hostname(): string | null {
    return nodeOs().hostname();
  }

  openFilesLimit(): number | null {
    return openFilesLimit();
  }

  tempDirectory(): string | null {
    return tempDirectory();
  }

  async permitConnect(_to: TcpAddress | UnixAddress): Promise<void> {}

  explain(error: unknown): unknown {
    return error;
  }

  get stderr(): LogWriter {
    if (this.#stderr === null) {
      const writer = new LogWriter(this.outlet());
      this.#stderr = writer;
      const end = (): void => writer.end(LAST_WORDS_MS);
      // `exit` is told whatever ends a process but a signal that nobody listens for; Deno has two more names for it.
      process.on('exit', end);
      process.on('uncaughtExceptionMonitor', () => writer.flush());
      globalThis.addEventListener?.('unload', end);
    }
    return this.#stderr;
  }

  /** A way to stderr that does not wait, where there is one. */
  protected outlet(): Outlet {
    const { kernel } = this.own;
    return kernel !== null ? kernelOutlet(kernel) : fileOutlet();
  }

  print(to: 'stdout' | 'stderr', text: string): void {
    if (to === 'stderr') {
      // Gathered like all the rest: an end that follows writes it.
      this.stderr.write(`${withoutControls(text)}\n`);
      return;
    }
    const bytes = new TextEncoder().encode(`${text}\n`);
    for (let done = 0, count = 0; done < bytes.length; done += count) {
      count = this.write(1, bytes, done);
      if (count === -1) return;
    }
  }

  /** write(2) of `bytes` from `start` on: how many were taken, -1 when none can be. */
  protected write(fd: number, bytes: Uint8Array, start: number): number {
    try {
      return nodeFs().writeSync(fd, bytes, start);
    } catch {
      return -1;
    }
  }

  exit(code: number): never {
    process.exit(code);
  }

  get guests(): Guests {
    return this.own.guests;
  }

  soon(due: Due): void {
    this.own.soon(due);
  }

  atTurnEnd(due: Due): void {
    this.own.atTurnEnd(due);
  }

  now(): number {
    return performance.now();
  }
}
