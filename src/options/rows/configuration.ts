/** Rows of the option table: where options come from, and wishes about this run. */

import type { Option } from '../option.ts';

export const CONFIGURATION = [
  {
    name: 'ini',
    argument: 'FILE[:SECTION]',
    group: 'Configuration',
    form: { kind: 'string' },
    repeatable: true,
    help: 'Read options from this file; FILE.ini alone does the same.',
    details:
      'The section is `[uwsgi]` unless another is named. A relative path counts from the working directory, also inside a file. In a file, `ini = other.ini` ' +
      'reads another file at that place and `ini = :section` another section of the same file. Options count in the order of appearance, also a `FILE.ini` ' +
      'without `--ini`, which uWSGI reads after all others: of an option given twice the last one wins, lists add up.',
    example: 'ini = /etc/ugate/common.ini',
    since: '0.1',
  },
  {
    name: 'check',
    group: 'Configuration',
    form: { kind: 'flag' },
    commandLineOnly: true,
    default: 'false',
    help: 'Check the configuration and stop.',
    details: 'The file of `http-use-cache` is read too, and the module of `http-use-code-string` is loaded: its top level runs.',
    example: 'ugate --check --ini ugate.ini',
    since: '0.1',
  },
  {
    name: 'help',
    short: 'h',
    group: 'Configuration',
    form: { kind: 'flag' },
    commandLineOnly: true,
    default: 'false',
    help: 'Show this text and stop.',
    example: 'ugate --help',
    since: '0.1',
  },
  {
    name: 'version',
    group: 'Configuration',
    form: { kind: 'flag' },
    commandLineOnly: true,
    default: 'false',
    help: 'Show the version and stop.',
    example: 'ugate --version',
    since: '0.1',
  },
] as const satisfies readonly Option[];
