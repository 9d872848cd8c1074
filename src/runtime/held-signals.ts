/** Signals that ask a ugate for something, and end a process that knows nothing of them. */
export type AskingSignal = 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGTSTP';

const ASKING: readonly AskingSignal[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP'];
/** More than anybody sends while a program loads. */
const MOST = 100;

/**
 * Catches what a process is asked for from its first moment on, before its program is loaded, and keeps it until somebody can tell what to
 * make of it. This file imports nothing, so that it comes first.
 */
export class HeldSignals {
  #held: AskingSignal[] = [];
  #handler: ((signal: AskingSignal) => void) | null = null;

  constructor() {
    for (const signal of ASKING) process.on(signal, () => this.#told(signal));
  }

  /** Takes what comes from now on, in place of the handler before; what was held is told first, within this call. */
  handle(handler: (signal: AskingSignal) => void): void {
    this.#handler = handler;
    for (const signal of this.#held.splice(0)) handler(signal);
  }

  #told(signal: AskingSignal): void {
    if (this.#handler !== null) this.#handler(signal);
    else if (this.#held.length < MOST) this.#held.push(signal);
  }
}
