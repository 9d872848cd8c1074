/** Rows of the option table: the process itself. */

import type { Option } from '../option.ts';

export const PROCESS = [
  {
    name: 'reload-mercy',
    group: 'Process',
    form: { kind: 'duration' },
    default: '30',
    help: 'How long requests in service may still take at a stop.',
    details: '0 cuts them off at once.',
    danger: 'A supervisor that kills sooner (docker after 10 seconds, systemd after 90) cuts requests off.',
    example: 'reload-mercy = 8',
    since: '0.1',
  },
  {
    name: 'log-level',
    group: 'Process',
    form: { kind: 'choice', of: ['error', 'warn', 'info', 'debug'] },
    default: 'info',
    argument: 'LEVEL',
    help: 'What to log: error, warn, info or debug.',
    danger: 'debug writes several lines for each request.',
    example: 'log-level = warn',
    since: '0.1',
  },
] as const satisfies readonly Option[];
