/** Rows of the option table: how long things may take. */

import type { Option } from '../option.ts';

export const TIMEOUTS = [
  {
    name: 'http-timeout',
    group: 'Timeouts',
    form: { kind: 'duration', zero: 'default' },
    default: '60',
    help: 'How long a connection may rest without a byte while a request is served.',
    details: 'Also the default of `http-headers-timeout`, `http-connect-timeout` and `http-keepalive`.',
    danger: 'An app that thinks longer before its first byte is cut off.',
    example: 'http-timeout = 120',
    since: '0.1',
  },
  {
    name: 'http-headers-timeout',
    group: 'Timeouts',
    form: { kind: 'duration', zero: 'default' },
    defaultText: 'http-timeout',
    help: 'How long a client may take to send a whole request head.',
    details:
      'Counted from the first byte and not started again by more bytes, unlike in uWSGI, so that slow clients cannot hold connections for ever.',
    example: 'http-headers-timeout = 10',
    since: '0.1',
  },
  {
    name: 'http-connect-timeout',
    group: 'Timeouts',
    form: { kind: 'duration', zero: 'default' },
    defaultText: 'http-timeout',
    help: 'How long to wait for a node to take a connection.',
    example: 'http-connect-timeout = 5',
    since: '0.1',
  },
  {
    name: 'http-keepalive',
    group: 'Timeouts',
    form: { kind: 'switch', amount: 'duration' },
    bare: 'true',
    default: 'true',
    defaultText: 'http-timeout',
    help: 'Keep idle client connections so long; 0 closes them.',
    details:
      '1, `true` and no value mean on with `http-timeout` as idle time; 2 and more are seconds; 0 or `false` switches it off. On the command line the value needs ' +
      'the "=". In uWSGI the default is off, and `http-keepalive = true` in a file means off; here it means on.',
    example: 'http-keepalive = 30',
    since: '0.1',
  },
  {
    name: 'http-tunnel-timeout',
    group: 'Timeouts',
    form: { kind: 'duration', zero: 'default' },
    default: '3600',
    defaultText: '1 hour',
    help: 'How long a WebSocket or another tunnel may rest without a byte.',
    details: 'Instead of `http-timeout`, which uWSGI has for them too.',
    danger: 'Clients that vanished without a word hold their connection so long.',
    example: 'http-tunnel-timeout = 10m',
    since: '0.1',
  },
  {
    name: 'http-half-close',
    group: 'Timeouts',
    form: { kind: 'choice', of: ['auto', 'on', 'off'] },
    default: 'auto',
    argument: 'WHEN',
    help: 'When a client that ends its sending half still gets an answer.',
    details:
      'A client that closes its connection sends the same as one that only ends its half (FIN). `auto` takes it for a client that has left, and ' +
      'ends its request, unless it comes within 50 ms of the last bytes, as scripts with `nc` send it. With `on` every such client is ' +
      'waited with, with `off` none. uWSGI has only off.',
    danger: 'With on, a client that left holds its connection, and perhaps a worker, for http-half-close-timeout.',
    example: 'http-half-close = on',
    since: '0.1',
  },
  {
    name: 'http-half-close-timeout',
    group: 'Timeouts',
    form: { kind: 'duration' },
    default: '10',
    help: 'How long it waits without output.',
    details: '0 sets no limit. Nobody can tell such a client from one that has left until something is written to it.',
    example: 'http-half-close-timeout = 30',
    since: '0.1',
  },
] as const satisfies readonly Option[];
