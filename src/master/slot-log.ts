import type { Details, Log } from '../log/log.ts';

/** What the log is told of a slot. `details` name the slot and its process. */
export interface SlotLog {
  started(details: Details): void;
  replaced(details: Details): void;
  /** It has done its part. */
  retires(reason: string, details: Details): void;
  died(details: Details): void;
  /** It did not come so far as to serve. */
  failed(problem: string, details: Details): void;
  /** It takes long to get ready. */
  slow(details: Details): void;
}

export function workerLog(log: Log): SlotLog {
  return {
    started: (details) => log.event('info', 'worker-started', 'a worker is there again', details),
    replaced: (details) => log.event('info', 'worker-replaced', 'a fresh worker took the place of another', details),
    retires: (reason, details) => log.event('info', 'worker-retires', reason, details),
    died: (details) => log.event('error', 'worker-died', 'a worker died', details),
    failed: (problem, details) => log.event('error', 'worker-failed', problem, details),
    slow: (details) => log.event('warn', 'app-slow-load', 'the app is still being loaded', details),
  };
}

/** Routers are neither replaced nor do they retire. */
export function routerLog(log: Log): SlotLog {
  return {
    started: (details) => log.event('info', 'router-started', 'a router is there again', details),
    replaced: () => {},
    retires: () => {},
    died: (details) => log.event('error', 'router-died', 'a router process died', details),
    failed: (problem, details) => log.event('error', 'router-failed', problem, details),
    slow: (details) => log.event('warn', 'router-slow', 'a router is still not ready', details),
  };
}
