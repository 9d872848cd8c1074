/** What ugate and the Python process tell each other. All but the start is small. */

import type { Details, Level } from '../../log/log.ts';

/** Which app: a module (`pkg.mod`, `pkg.mod:callable`, or a file's name that ends in `.py`), or a file. */
export type WsgiApp =
  | { readonly kind: 'module'; readonly name: string; readonly callable: string | null }
  | { readonly kind: 'file'; readonly path: string; readonly callable: string | null };

/** How an app is run, whoever says it; 0 is no limit. Times are in the unit of who says it. */
export interface WsgiSettings {
  readonly app: WsgiApp;
  readonly processes: number;
  readonly threads: number;
  /** How many connections may wait on the private socket for a worker. */
  readonly backlog: number;
  /** Every worker loads the app for itself; otherwise it is loaded once, before they are forked. */
  readonly lazyApps: boolean;
  readonly maxRequests: number;
  readonly maxWorkerLifetime: number;
  readonly harakiri: number;
  /** How long a worker that has served its time may finish what it does. */
  readonly mercy: number;
  /** In front of Python's own. May hold wildcards. */
  readonly pythonPath: readonly string[];
  /** The virtual environment. */
  readonly home: string | null;
  readonly chdir: string | null;
}

/** The first message. Times are seconds here, as Python counts. */
export interface WsgiStart extends WsgiSettings {
  readonly kind: 'start';
  readonly program: readonly (readonly [name: string, text: string])[];
  readonly path: string;
  /** The socket at `path` is inherited as descriptor 3, before the others. */
  readonly isBound: boolean;
  /** How many listening sockets are inherited, as descriptors 3 (or 4), and so on. */
  readonly sockets: number;
  /** How long a peer of those may stay silent. */
  readonly socketTimeout: number;
}

export interface WsgiWorkerStatus {
  readonly id: number;
  /** 0 while a crashed one waits to be started again. A place may have a second process, which comes or leaves. */
  readonly pid: number;
  readonly state: 'starting' | 'ready' | 'leaving' | 'dead';
  /** Since this process began. */
  readonly requests: number;
  /** Threads that work at a request. */
  readonly running: number;
  /** The request line of the oldest running request. */
  readonly busy: string | null;
  /** For how many seconds that has been running. */
  readonly since: number | null;
}

export type FromPython =
  | { readonly kind: 'ready'; readonly pids: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string; readonly traceback: string }
  | { readonly kind: 'log'; readonly level: Level; readonly code: string; readonly message: string; readonly details: Details }
  | { readonly kind: 'worker-started'; readonly id: number; readonly pid: number }
  | {
      readonly kind: 'worker-exit';
      readonly id: number;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      /** Seconds until the next one is started. */
      readonly pause: number;
      /** What it was at when it ended; null when it was at nothing. */
      readonly request: string | null;
      /** It was told to end, or was killed for what the log tells already. */
      readonly isOrderly: boolean;
    }
  | { readonly kind: 'harakiri'; readonly id: number; readonly pid: number; readonly request: string; readonly seconds: number }
  | { readonly kind: 'status'; readonly workers: readonly WsgiWorkerStatus[] };
