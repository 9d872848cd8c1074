/** What the master can be told in one letter through its FIFO (`master-fifo`); the letters are uWSGI's. */

/** `scope` is what a reload renews: `all` is configuration and workers, `workers` keeps the configuration. */
export type MasterCommand =
  /** One worker after the other, the next when the new one serves. */
  | { readonly kind: 'chain-reload' }
  /** Brutal: old workers do not get to finish what is in flight. */
  | { readonly kind: 'reload'; readonly scope: 'all' | 'workers'; readonly isBrutal: boolean }
  | { readonly kind: 'stop'; readonly isBrutal: boolean }
  /** Pauses, or goes on when paused. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'status' }
  /** A new ugate takes over the listening sockets from this one. */
  | { readonly kind: 'replace' }
  | { readonly kind: 'update-pidfiles' }
  /** A letter of uWSGI's that has no meaning here; `notice` says which and why. */
  | { readonly kind: 'unavailable'; readonly notice: string };

const CHEAPER = 'the number of workers is fixed';

const COMMANDS: ReadonlyMap<string, MasterCommand> = new Map<string, MasterCommand>([
  ['c', { kind: 'chain-reload' }],
  ['r', { kind: 'reload', scope: 'all', isBrutal: false }],
  ['R', { kind: 'reload', scope: 'all', isBrutal: true }],
  ['w', { kind: 'reload', scope: 'workers', isBrutal: false }],
  ['W', { kind: 'reload', scope: 'workers', isBrutal: true }],
  ['q', { kind: 'stop', isBrutal: false }],
  ['Q', { kind: 'stop', isBrutal: true }],
  ['p', { kind: 'pause' }],
  ['s', { kind: 'status' }],
  ['f', { kind: 'replace' }],
  ['P', { kind: 'update-pidfiles' }],
  ['l', unavailable('l', 'reopen log files', 'ugate logs to standard error and holds no log file')],
  ['L', unavailable('L', 'rotate log files', 'ugate logs to standard error and holds no log file')],
  ['+', unavailable('+', 'more workers', CHEAPER)],
  ['-', unavailable('-', 'fewer workers', CHEAPER)],
  ['C', unavailable('C', 'go cheap', CHEAPER)],
  ['B', unavailable('B', 'ask the emperor for a reinforcement', 'there is no emperor')],
  ['E', unavailable('E', 'emperor rescan', 'there is no emperor')],
  ['S', unavailable('S', 'block subscriptions', 'ugate subscribes to nobody')],
]);

/** The command of one letter; null when uWSGI knows none by it either. */
export function commandOf(letter: string): MasterCommand | null {
  return COMMANDS.get(letter) ?? null;
}

function unavailable(letter: string, name: string, why: string): MasterCommand {
  return { kind: 'unavailable', notice: `the command ${letter} (${name}) is not available: ${why}` };
}
