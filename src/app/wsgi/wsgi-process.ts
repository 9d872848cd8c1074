import { rmSync } from 'node:fs';
import type { Details, Level } from '../../log/log.ts';
import type { Host } from '../../runtime/seam/host.ts';
import type { ChildProcess, Processes } from '../../runtime/seam/processes.ts';
import type { BoundSocket } from '../../runtime/seam/sockets.ts';
import { AppError } from '../app-error.ts';
import { findPython } from './python.ts';
import { BOOT, readProgram } from './wsgi-boot.ts';
import type { FromPython, WsgiSettings, WsgiStart, WsgiWorkerStatus } from './wsgi-messages.ts';

/** All times in ms. */
export interface WsgiOptions extends WsgiSettings {
  /** The unix socket to make, in a directory that only this user may enter. Router connections come here. */
  readonly path: string;
  /** The socket at `path`, bound already: what waits in its queue outlives this process. It stays the caller's. Left out: it is made. */
  readonly socket?: BoundSocket;
  /** Further listening sockets that speak the uwsgi protocol (`socket`). They stay the caller's. */
  readonly sockets: readonly BoundSocket[];
  /** Added to the environment. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Where its stdout and stderr go. Default `inherit`. */
  readonly stdio?: 'inherit' | 'ignore';
}

/** A request that took longer than `harakiri`: its worker is killed. */
export interface StuckRequest {
  readonly worker: number;
  readonly pid: number;
  /** Method and URI. */
  readonly request: string;
  readonly seconds: number;
}

export interface WsgiEvents {
  log(level: Level, code: string, message: string, details: Details): void;
  /** It ended after it was ready, and not because of `drain` or `destroy`. Its workers are gone too. */
  exited(code: number | null, signal: string | null): void;
  /** Told beside the log line. */
  harakiri?(stuck: StuckRequest): void;
}

/** The app cannot be started: `message` is one line, `traceback` what Python said, often empty. */
export class AppLoadError extends AppError {
  override readonly name = 'AppLoadError';
  readonly traceback: string;
  constructor(message: string, traceback = '') {
    super(message);
    this.traceback = traceback;
  }
}

/** Peers of the further sockets may be anybody: uWSGI's own limit for such, in ms. */
const SOCKET_TIMEOUT_MS = 4_000;
/** An app that takes longer to load is told of, in ms: it may wait for something that never comes. */
const SLOW_LOAD_MS = 5_000;
/** How long Python may take beyond what it was given, in ms. */
const GRACE_MS = 2_000;
const STOP_MS = 500;
const NO_SUCH_COMMAND = 127;
/** STRIPPED of ugate_worker.py: the app has closed what it would be told by. */
const STRIPPED = 24;
/** DEAF of the same: the app has shut down the socket that all workers share. */
export const DEAF = 23;
const CLOSED = "the app closes descriptors that are ugate's while it is loaded (by os.closerange, as recipes for daemons do?)";
const IS_RUNNING = { new: false, starting: false, ready: true, draining: true, ending: true, gone: false } as const;

/**
 * One generation of a WSGI app: a Python process that loads the app and forks the workers, which speak uwsgi on `path`.
 * It ends with this process, by whatever that ends.
 */
export class WsgiProcess {
  readonly path: string;
  readonly #runtime: Processes & Host;
  readonly #options: WsgiOptions;
  readonly #events: WsgiEvents;
  readonly #exits: (() => void)[] = [];
  readonly #asked: ((workers: readonly WsgiWorkerStatus[]) => void)[] = [];
  #child: ChildProcess | null = null;
  #state: 'new' | 'starting' | 'ready' | 'draining' | 'ending' | 'gone' = 'new';
  #started: PromiseWithResolvers<void> | null = null;

  constructor(runtime: Processes & Host, options: WsgiOptions, events: WsgiEvents) {
    this.path = options.path;
    this.#runtime = runtime;
    this.#options = options;
    this.#events = events;
  }

  /** Of the Python process; 0 before it is started. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when every worker takes requests. To be called once. @throws {AppLoadError} @throws {PermissionError} */
  start(): Promise<void> {
    const options = this.#options;
    const python = findPython(options.home, options.chdir);
    if (python.problem !== null) return Promise.reject(new AppLoadError(python.problem));
    this.#state = 'starting';
    this.#started = Promise.withResolvers<void>();
    try {
      this.#child = this.#runtime.spawn([python.command, '-c', BOOT], {
        ipc: true,
        sockets: options.socket === undefined ? options.sockets : [options.socket, ...options.sockets],
        ...(options.env.length > 0 ? { env: environment(options.env) } : {}),
        stdio: options.stdio ?? 'inherit',
        message: (_child, value) => this.#told(value as FromPython),
        exit: (_child, code, signal) => this.#exited(code, signal, python.command),
      });
    } catch (error) {
      this.#state = 'gone';
      return Promise.reject(this.#runtime.explain(error));
    }
    this.#child.send(startMessage(options, python.home));
    const details = { pid: this.pid, seconds: SLOW_LOAD_MS / 1000 };
    const slow = setTimeout(() => this.#events.log('warn', 'app-slow-load', 'the app is still being loaded', details), SLOW_LOAD_MS);
    return this.#started.promise.finally(() => clearTimeout(slow));
  }

  /**
   * Takes no more connections, finishes those that are there within `mercy` ms, and ends. Resolves when it is gone.
   * Asked again, it has what is left of the shorter mercy.
   */
  drain(mercy: number): Promise<void> {
    if (this.#state === 'starting') this.destroy();
    if (this.#state === 'new' || this.#state === 'gone') return Promise.resolve();
    const child = this.#child!;
    if (this.#state === 'ready' || this.#state === 'draining') {
      this.#state = 'draining';
      child.send({ kind: 'drain', mercy: mercy / 1000 });
      this.#killIn(mercy + GRACE_MS);
    }
    return new Promise((resolve) => this.#exits.push(resolve));
  }

  /** Ends it and its workers at once. */
  destroy(): void {
    if (this.#state === 'new' || this.#state === 'gone' || this.#child === null) return;
    const wasStarting = this.#state === 'starting';
    this.#state = 'ending';
    this.#started?.reject(new AppLoadError('stopped before the app was loaded'));
    // Asked first, it takes the workers along where the kernel does not. While it loads it hears nothing.
    if (wasStarting || !this.#child.send({ kind: 'stop' })) this.#child.kill('SIGKILL');
    else this.#killIn(STOP_MS);
  }

  /** What each worker does; empty when it is not running. */
  status(): Promise<readonly WsgiWorkerStatus[]> {
    if (!IS_RUNNING[this.#state] || !this.#child!.send({ kind: 'status' })) return Promise.resolve([]);
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  #killIn(ms: number): void {
    const child = this.#child!;
    const timer = setTimeout(() => child.kill('SIGKILL'), ms);
    this.#exits.push(() => clearTimeout(timer));
  }

  #told(message: FromPython): void {
    switch (message.kind) {
      case 'ready':
        if (this.#state === 'starting') this.#state = 'ready';
        return this.#started!.resolve();
      case 'failed':
        return this.#started!.reject(loadFailed(message.message, message.traceback));
      case 'status':
        return this.#asked.shift()?.(message.workers);
      case 'log':
        return this.#events.log(message.level, message.code, message.message, message.details);
      case 'worker-started':
        return this.#events.log('debug', 'app-worker-started', 'a worker takes requests', { worker: message.id, pid: message.pid });
      case 'harakiri': {
        const { id: worker, pid, request, seconds } = message;
        this.#events.log('error', 'app-harakiri', 'a request takes too long: its worker is killed', { worker, pid, request, seconds });
        return this.#events.harakiri?.({ worker, pid, request, seconds });
      }
      case 'worker-exit':
        return this.#workerEnded(message);
    }
  }

  #workerEnded(message: FromPython & { kind: 'worker-exit' }): void {
    const { id, pid, code, signal, request, pause, isOrderly } = message;
    const details = {
      worker: id,
      pid,
      status: code ?? undefined,
      signal: signal ?? undefined,
      request: request ?? undefined,
      pause: pause > 0 ? `${pause}s` : undefined,
    };
    const text = isOrderly ? 'a worker ended' : this.#state === 'ready' ? 'a worker died; another takes its place' : 'a worker died';
    this.#events.log(isOrderly ? 'debug' : 'error', 'app-worker-exit', text, details);
  }

  #exited(code: number | null, signal: string | null, command: string): void {
    const wasReady = this.#state === 'ready';
    this.#state = 'gone';
    if (this.#options.socket === undefined) rmSync(this.path, { force: true });
    if (code === STRIPPED) this.#started?.reject(new AppLoadError(CLOSED));
    const isMissing = code === NO_SUCH_COMMAND && this.pid === 0;
    // Nothing happens when the promise is settled already.
    this.#started?.reject(isMissing ? noPython(command) : new AppLoadError(`${command} ended with ${signal ?? code} before the app was loaded`));
    for (const answer of this.#asked.splice(0)) answer([]);
    for (const resolve of this.#exits.splice(0)) resolve();
    if (wasReady) this.#events.exited(code, signal);
  }
}

function startMessage(options: WsgiOptions, home: string | null): WsgiStart {
  const { path, backlog, app, processes, threads, lazyApps, maxRequests, pythonPath, chdir } = options;
  return {
    kind: 'start',
    program: readProgram(),
    path,
    isBound: options.socket !== undefined,
    backlog,
    sockets: options.sockets.length,
    socketTimeout: SOCKET_TIMEOUT_MS / 1000,
    app,
    processes,
    threads,
    lazyApps,
    maxRequests,
    maxWorkerLifetime: options.maxWorkerLifetime / 1000,
    harakiri: options.harakiri / 1000,
    mercy: options.mercy / 1000,
    pythonPath,
    home,
    chdir,
  };
}

/** What the app threw says nothing of ugate by itself; what ugate found wrong does. */
function loadFailed(message: string, traceback: string): AppLoadError {
  return new AppLoadError(traceback === '' ? message : `the app cannot be loaded: ${message}`, traceback);
}

function noPython(command: string): AppLoadError {
  return new AppLoadError(`${command} cannot be started: WSGI apps need Python 3.8 or newer (Debian and Ubuntu: apt install python3)`);
}

function environment(added: readonly (readonly [string, string])[]): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) merged[name] = value;
  for (const [name, value] of added) merged[name] = value;
  return merged;
}
