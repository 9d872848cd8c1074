/** Rows of the option table: nodes chosen by the host that was asked for. */

import type { Option } from '../option.ts';

export const KEYS = [
  {
    name: 'http-use-cache',
    group: 'Nodes by key',
    form: { kind: 'path' },
    defaultText: 'none',
    argument: 'FILE',
    help: 'Look addresses up in this file of keys and nodes.',
    details:
      'One `key address` (or `key = address`) a line; lines that begin with `#` or `;` are comments. The key is the Host of the request ' +
      'in lower case: as it is given, then without its port. `a|b|c` is several nodes for one key; each is written as in `http-to`. The ' +
      'file is watched: a new version counts within a second or so, a broken one, or one whose last line has no end, is logged and the old one stays. Write a new version to another file and rename that ' +
      '(`mv`): half of one is never seen then. In uWSGI the option ' +
      'names a cache in memory.\n\nOf several mappers the first that knows the key wins: `http-use-cache`, `http-use-pattern`, ' +
      '`http-use-base`, `http-use-code-string`, then `http-to`.',
    danger: 'Who can write the file decides where requests, cookies and passwords go.',
    example: 'http-use-cache = /etc/ugate/nodes.map',
    since: '0.1',
  },
  {
    name: 'http-use-pattern',
    group: 'Nodes by key',
    form: { kind: 'key-pattern' },
    defaultText: 'none',
    argument: 'PATH',
    help: 'The socket path of a key; %s stands for the key.',
    details:
      'The key is the Host of the request in lower case: as it is given, then without its port. A key with `/`, `..` or NUL in it is ' +
      "answered 400, where uWSGI walks out of the directory. `%%` is a percent sign. uWSGI's ini files want `%%s` for the key, since " +
      "`%s` is the file's name there; both are understood.",
    danger: 'Every socket in that directory can be reached by whoever chooses the Host header: keep other sockets out of it.',
    example: 'http-use-pattern = /run/apps/%s.sock',
    since: '0.1',
  },
  {
    name: 'http-use-base',
    group: 'Nodes by key',
    form: { kind: 'path' },
    defaultText: 'none',
    argument: 'PATH',
    help: 'The socket path of a key is this text and the key.',
    details: 'Nothing is put between them, as in uWSGI: a directory wants its closing slash. Keys are checked as in `http-use-pattern`.',
    danger: 'As with `http-use-pattern`: every socket whose path begins with the text can be reached.',
    example: 'http-use-base = /run/apps/',
    since: '0.1',
  },
  {
    name: 'http-use-code-string',
    group: 'Nodes by key',
    form: { kind: 'code-string' },
    defaultText: 'none',
    argument: 'FILE[:FUNCTION]',
    help: "Ask this module's function for a node.",
    details:
      'FILE is a TypeScript or JavaScript module; FUNCTION is one of its exports, else the default one. It gets the key and gives a node ' +
      'as in `http-to`, `null` when it knows none, or a promise of these. It runs in a thread of its own and has a time limit: who is ' +
      'late is stopped and the request answered 503 (service unavailable). Answers are remembered for ten seconds, a key that the ' +
      "function never came back from for a minute. uWSGI's spelling " +
      '`0:FILE:FUNCTION` is understood.',
    danger:
      'The module runs with all rights of ugate, and its argument is chosen by the client: check the key before a file or a database is ' +
      'opened with it. On Deno a function that never returns is given up, but its thread takes a processor until ugate ends: Deno does not ' +
      'stop it.',
    example: 'http-use-code-string = /etc/ugate/route.ts:nodeOf',
    since: '0.1',
  },
  {
    name: 'http-strict-mapping',
    group: 'Nodes by key',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Requests whose key no mapper knows do not go to http-to.',
    details:
      'They are answered 503 (service unavailable) then. In uWSGI a mapper always shuts `http-to` out; in ugate `http-to` is the last ' +
      'resort unless this is on.',
    example: 'http-strict-mapping = true',
    since: '0.1',
  },
] as const satisfies readonly Option[];
