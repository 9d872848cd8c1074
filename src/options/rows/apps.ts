/** Rows of the option table: the app that ugate runs itself. */

import type { Option } from '../option.ts';

export const APPS = [
  {
    name: 'module',
    aliases: ['wsgi'],
    short: 'w',
    group: 'Apps',
    form: { kind: 'module' },
    defaultText: 'no app',
    argument: 'MODULE[:NAME]',
    help: 'Run this app: a Python module, or a TypeScript or JavaScript file.',
    details:
      '`mysite.wsgi:application` is a Python module and what is called in it, without a name `application`, else `app`. `app.ts` is a module whose ' +
      'default export is an app: one with `fetch`, such as a Hono app, or a function from Request to Response. ugate looks which of them ' +
      'is there; a name that could be both is an error. Written `wsgi` it says Python.\n\nThe requests of `http` go to the app when there ' +
      'are no nodes; see `http-use-socket`, `http-socket` and `socket` for other ways. Only one app can be given. A relative path counts ' +
      'from `chdir`.',
    danger: 'The app runs with all rights of ugate, and what it is given comes from clients.',
    example: 'module = mysite.wsgi:application',
    since: '0.1',
  },
  {
    name: 'wsgi-file',
    aliases: ['file'],
    group: 'Apps',
    form: { kind: 'path' },
    defaultText: 'no app',
    argument: 'FILE',
    help: 'Run the Python app in this file.',
    details: 'What is called in it is `application`, else `app`, or what `callable` says. A relative path counts from `chdir`.',
    danger: 'As with `module`: the file runs with all rights of ugate.',
    example: 'wsgi-file = app.py',
    since: '0.1',
  },
  {
    name: 'callable',
    group: 'Apps',
    form: { kind: 'string' },
    defaultText: 'application or app',
    argument: 'NAME',
    needsApp: 'error',
    help: 'The name of the app in its module.',
    details:
      'Without it `application`, else `app`, in a Python module (uWSGI takes the first only), and in a TypeScript or JavaScript module the default export. It wins over a name in `module`.',
    example: 'callable = app',
    since: '0.1',
  },
  {
    name: 'home',
    aliases: ['virtualenv', 'venv', 'pyhome'],
    short: 'H',
    group: 'Apps',
    form: { kind: 'path' },
    defaultText: 'none',
    argument: 'DIR',
    needsApp: 'error',
    help: 'The virtualenv that a Python app runs in.',
    details: 'Its `bin/python3` is started then, otherwise the `python3` of the machine. A relative path counts from `chdir`.',
    example: 'home = /srv/mysite/venv',
    since: '0.1',
  },
  {
    name: 'pythonpath',
    aliases: ['pp', 'python-path'],
    group: 'Apps',
    form: { kind: 'path' },
    repeatable: true,
    argument: 'DIR',
    needsApp: 'error',
    help: 'Look for Python modules in this directory.',
    details: 'Those given stand before all others, in their order. A relative path counts from `chdir`, which is looked into too.',
    danger: 'Who can write there can run code as the app.',
    example: 'pythonpath = /srv/mysite/lib',
    since: '0.1',
  },
  {
    name: 'chdir',
    group: 'Apps',
    form: { kind: 'path' },
    defaultText: 'as started',
    argument: 'DIR',
    needsApp: 'error',
    help: 'Load and run the app in this directory.',
    details: 'It is the working directory of the app. Paths of sockets and touch files count from where ugate was started, unlike in uWSGI.',
    example: 'chdir = /srv/mysite',
    since: '0.1',
  },
  {
    name: 'env',
    group: 'Apps',
    form: { kind: 'pair' },
    repeatable: true,
    argument: 'NAME=VALUE',
    needsApp: 'error',
    help: 'Set an environment variable for the app.',
    details:
      'Over the environment of ugate. The value may be empty and may hold "=". `$(NAME)` in the value is the environment ugate was started in, not ' +
      'what another `env` set. uWSGI unsets a variable that is given without "="; ugate calls it an error.',
    danger: 'Command lines can be read by every user of the machine: put secrets into a file.',
    example: 'env = DJANGO_SETTINGS_MODULE=mysite.settings',
    since: '0.1',
  },
  {
    name: 'need-app',
    group: 'Apps',
    form: { kind: 'flag' },
    default: 'false',
    needsApp: 'error',
    help: 'Stop when the app cannot be loaded at the start.',
    details:
      'ugate always does: this only makes the exit code 22, which is that of uWSGI, where it would be 1. uWSGI without it starts all the same and ' +
      'answers 500. At a reload the old workers go on with or without it.',
    example: 'need-app = true',
    since: '0.1',
  },
] as const satisfies readonly Option[];
