/** Rows of the option table: how much is allowed. */

import type { Option } from '../option.ts';

export const LIMITS = [
  {
    name: 'http-max-connections',
    group: 'Limits',
    form: { kind: 'integer', min: 1, max: 10_000_000 },
    defaultText: '90 % of open files',
    unit: 'client connections',
    details: 'The default is 90 % of the number of files the process may have open (`ulimit -n`).',
    help: 'Client connections at the same time.',
    danger: 'Every request in service takes a second connection, to its node: leave room below the open-files limit.',
    example: 'http-max-connections = 10000',
    since: '0.1',
  },
  {
    name: 'http-min-rate',
    group: 'Limits',
    form: { kind: 'size', min: 0 },
    default: '100',
    defaultText: '100 a second',
    argument: 'BYTES',
    unit: 'bytes a second',
    help: 'Slower clients are cut off; 0 allows any speed.',
    details:
      'Bytes a second, over 30 seconds in which ugate waits for the client, for bodies and for answers. A request that is too slow is ' +
      'answered 408 (request timeout), an answer is broken off. What the system takes of an answer it takes in lumps, up to a megabyte: ' +
      'a client that takes nothing at all has two minutes, or http-timeout where that is shorter. WebSockets, other tunnels and event ' +
      'streams are not measured.',
    danger: '0 lets a client hold a connection, and perhaps a worker, with a byte a minute.',
    example: 'http-min-rate = 1k',
    since: '0.1',
  },
] as const satisfies readonly Option[];
