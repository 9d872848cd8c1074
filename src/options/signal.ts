/** `--stop`, `--reload` and `--pause`: no configuration but a word to a ugate that runs. */

import { collect, type Sources } from './collect.ts';
import { ConfigError } from './errors.ts';
import type { Entry } from './settings.ts';
import { readValues } from './values.ts';

/** A signal to send to the process whose id is in the file. */
export interface SignalWish {
  readonly kind: 'signal';
  readonly signal: 'SIGINT' | 'SIGHUP' | 'SIGTSTP';
  readonly pidfile: string;
}

const SIGNALS: ReadonlyMap<string, SignalWish['signal']> = new Map([
  ['stop', 'SIGINT'],
  ['reload', 'SIGHUP'],
  ['pause', 'SIGTSTP'],
]);

/** The first such wish of a command line, or what is wrong with it; null when there is none. */
export function readSignal(
  given: readonly Entry[],
  sources: Sources,
): SignalWish | { readonly kind: 'errors'; readonly errors: readonly ConfigError[] } | null {
  const entry = given.find((one) => !(one instanceof ConfigError) && SIGNALS.has(one.option.name));
  if (entry === undefined || entry instanceof ConfigError) return null;
  const entries = collect([entry], sources);
  const { errors } = readValues(entries);
  const [read] = entries;
  if (errors.length > 0 || read instanceof ConfigError) return { kind: 'errors', errors };
  return { kind: 'signal', signal: SIGNALS.get(entry.option.name)!, pidfile: read.text! };
}
