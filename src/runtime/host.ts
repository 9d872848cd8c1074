import { nodeFs, nodeOs } from '../builtin/modules.ts';
import type { Signal } from './seam/processes.ts';

/** Every address of a host name, in the resolver's order. Rejects when there is none. */
export async function resolve(name: string): Promise<string[]> {
  const found = await process.getBuiltinModule('node:dns/promises').lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

/** Calls `handler` on each `signal` until the returned function is called. */
export function onSignal(signal: Signal, handler: () => void): () => void {
  process.on(signal, handler);
  return () => {
    process.off(signal, handler);
  };
}

/** Lets `signals` pass without effect. */
export function ignoreSignals(signals: readonly Signal[]): void {
  for (const signal of signals) process.on(signal, () => {});
}

const UNCAUGHT = ['uncaughtException', 'unhandledRejection'] as const;

/** Tells `handler` what nobody catches, in place of the process's end. An app that listens for it itself is left to do as it likes. */
export function onUncaught(handler: (error: unknown) => void): void {
  for (const name of UNCAUGHT)
    process.on(name, (error: unknown) => {
      if (process.listenerCount(name) === 1) handler(error);
    });
}

/** Where temporary files go (POSIX: TMPDIR, else /tmp). */
export function tempDirectory(): string {
  return process.platform === 'win32' ? nodeOs().tmpdir() : process.env.TMPDIR || '/tmp';
}

/** The soft limit of open files, from Linux's /proc; null where there is none. */
export function openFilesLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(nodeFs().readFileSync('/proc/self/limits', 'utf8'))?.[1];
    if (soft === undefined) return null;
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return null;
  }
}
