import { AppError } from '../app/app-error.ts';
import type { WsgiSettings } from '../app/wsgi/wsgi-messages.ts';
import { AppLoadError, DEAF, WsgiProcess } from '../app/wsgi/wsgi-process.ts';
import type { Log } from '../log/log.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import type { WorkerNode } from './messages.ts';
import { RespawnDelay } from './respawn.ts';
import { START_LIMIT_MS } from './worker-slot.ts';
import { settled, type WorkerStatus, type Workers } from './workers.ts';

/** All times in ms. */
export interface WsgiWorkersOptions extends WsgiSettings {
  /** Where the app was looked for in vain, should Python not know it either; null when it was found. */
  readonly guess: string | null;
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Listening sockets of `socket`, which all generations share. */
  readonly sharedSockets: readonly BoundSocket[];
  /** Makes the socket that routers come to, in a directory that is ours alone. */
  bind(): Promise<{ readonly socket: BoundSocket; readonly path: string }>;
  /** Is called before a process is started: this one must be in a directory that is there. */
  starting(): void;
  /** Asks the new workers a first question. @throws {Error} whose message says how they failed */
  probe(node: WorkerNode): Promise<void>;
  /** `nodes` is another one: resolves when every router knows. */
  moved(): Promise<void>;
}

/**
 * Workers that run a WSGI app: one Python process and those it forks, all on one socket, of which a busy worker takes nothing. The
 * socket is ours: what waits in its queue outlives a Python process that dies.
 */
export class WsgiWorkers implements Workers {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #options: WsgiWorkersOptions;
  readonly #delay = new RespawnDelay(() => performance.now());
  #socket: BoundSocket | null = null;
  #path = '';
  #python: WsgiProcess | null = null;
  #nodes: readonly WorkerNode[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isEnding = false;
  #isThere = false;
  /** Told when Python is there, or will not be there again. */
  readonly #whenStarted: (() => void)[] = [];

  constructor(runtime: Runtime, log: Log, options: WsgiWorkersOptions) {
    this.#runtime = runtime;
    this.#log = log;
    this.#options = options;
  }

  get nodes(): readonly WorkerNode[] {
    return this.#nodes;
  }

  async start(): Promise<void> {
    await this.#start();
    await this.#options.probe(this.#node);
    this.#show(true);
  }

  async drain(_patience: number, limit = Number.POSITIVE_INFINITY): Promise<void> {
    await settled();
    // Nobody else serves what waits in the queue of one that starts again.
    if (limit === Number.POSITIVE_INFINITY) await this.#startedAgain(this.#options.mercy);
    this.#end();
    await this.#python?.drain(Math.min(limit, this.#options.mercy));
    this.#socket?.close();
  }

  destroy(): void {
    this.#end();
    this.#python?.destroy();
    this.#socket?.close();
  }

  async status(): Promise<readonly WorkerStatus[]> {
    const workers = (await this.#python?.status()) ?? [];
    return workers.map(({ id, pid, state, requests, running, busy, since }) => ({
      id,
      pid,
      state,
      requests,
      running,
      request: busy,
      since: busy === null ? null : (since ?? 0),
    }));
  }

  #end(): void {
    this.#isEnding = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#tellStarted();
  }

  /** Resolves when Python is there, will not be there again, or `ms` are over. */
  async #startedAgain(ms: number): Promise<void> {
    if (this.#isThere) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
      this.#whenStarted.push(resolve);
    });
    clearTimeout(timer);
  }

  #tellStarted(): void {
    for (const tell of this.#whenStarted.splice(0)) tell();
  }

  async #bind(): Promise<void> {
    const { socket, path } = await this.#options.bind();
    this.#socket = socket;
    this.#path = path;
    // Binding took its time, and what is ended starts nothing.
    if (this.#isEnding) {
      socket.close();
      throw new Error('the workers were ended before they were started');
    }
  }

  async #start(): Promise<void> {
    if (this.#socket === null) await this.#bind();
    const { sharedSockets, ...options } = this.#options;
    options.starting();
    this.#python = new WsgiProcess(
      this.#runtime,
      { ...options, path: this.#path, socket: this.#socket!, sockets: sharedSockets },
      {
        log: (level, code, message, details) => this.#log.event(level, code, message, details),
        exited: (code, signal) => this.#exited(code, signal),
      },
    );
    try {
      await this.#python.start();
    } catch (error) {
      if (error instanceof AppLoadError && error.traceback !== '') for (const line of error.traceback.trimEnd().split('\n')) this.#log.error(line);
      const { guess } = this.#options;
      if (error instanceof AppError && guess !== null && error.message.startsWith('no module named')) throw new AppError(error.message, guess);
      throw error;
    }
    this.#delay.started();
    this.#isThere = true;
    this.#tellStarted();
  }

  #exited(code: number | null, signal: string | null): void {
    if (code !== DEAF) return this.#died(signal === null ? `exit code ${code}` : `signal ${signal}`);
    // Nobody can accept on it any more, and what waits in its queue is lost.
    this.#socket?.close();
    this.#socket = null;
    this.#died('the app shut the socket of its workers down');
  }

  #died(reason: string): void {
    this.#isThere = false;
    if (this.#isEnding) return;
    const wait = this.#delay.ended();
    this.#log.event('error', 'worker-died', 'the Python process died, and its workers with it', { reason, 'again-in-ms': wait });
    this.#show(wait === 0);
    this.#timer = setTimeout(() => this.#restart(), wait);
  }

  #restart(): void {
    if (this.#isEnding) return;
    const limit = setTimeout(() => this.#python?.destroy(), START_LIMIT_MS);
    const started = this.#start().finally(() => clearTimeout(limit));
    started.then(
      () => {
        this.#log.event('info', 'worker-started', 'Python is there again', { pid: this.#python?.pid });
        this.#show(true);
      },
      (error) => {
        this.#log.event('error', 'worker-failed', (error as Error).message);
        this.#died('it did not get ready');
      },
    );
  }

  get #node(): WorkerNode {
    return { kind: 'uwsgi', path: this.#path, spawn: 1 };
  }

  #show(isThere: boolean): void {
    this.#nodes = isThere ? [this.#node] : [];
    void this.#options.moved();
  }
}
