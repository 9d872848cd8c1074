/** Rows of the option table: files that say which process it is. */

import type { Option } from '../option.ts';

export const PID_FILES = [
  {
    name: 'pidfile',
    group: 'Process',
    form: { kind: 'path' },
    defaultText: 'none',
    argument: 'FILE',
    help: 'Write the process id here, once the sockets are bound.',
    details:
      'A line with the number of the master, or of the only process. `--stop`, `--reload` and `--pause` read it. It is locked (`flock`) while ' +
      'ugate lives: another ugate does not take it, one that was left is taken over, and the three signal no process that has got the number ' +
      'since. A Node without `node:ffi` (before 26.1) has no such locks: there the number is believed.\n\nA symbolic link is followed where ' +
      'only root and the user of ugate may write to its directory; elsewhere another user could have made it, and ugate does not start.',
    danger: 'Other programs may believe a number that was left by a process that died: see `vacuum`.',
    example: 'pidfile = /run/ugate.pid',
    since: '0.1',
  },
  {
    name: 'pidfile2',
    group: 'Process',
    form: { kind: 'path' },
    defaultText: 'none',
    argument: 'FILE',
    help: 'As pidfile, a second one.',
    details: 'uWSGI writes `pidfile` before it gives up its rights and this one behind; in ugate both are written once the sockets are bound.',
    example: 'pidfile2 = /run/ugate/second.pid',
    since: '0.1',
  },
  {
    name: 'safe-pidfile',
    aliases: ['safe-pidfile2'],
    group: 'Process',
    form: { kind: 'path' },
    defaultText: 'none',
    argument: 'FILE',
    help: 'As pidfile, a third one.',
    details: 'In uWSGI it is written only when the start succeeded; in ugate that holds for all of them.',
    example: 'safe-pidfile = /run/ugate/safe.pid',
    since: '0.1',
  },
  {
    name: 'vacuum',
    group: 'Process',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Remove pid files and socket files at the end.',
    details: 'Those that ugate made itself, at a stop and not at a reload.',
    example: 'vacuum = true',
    since: '0.1',
  },
] as const satisfies readonly Option[];
