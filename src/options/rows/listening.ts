/** Rows of the option table: where ugate listens. */

import type { Option } from '../option.ts';

export const LISTENING = [
  {
    name: 'http',
    aliases: ['httprouter'],
    group: 'Listening',
    form: { kind: 'listen-address' },
    repeatable: true,
    help: 'Listen here: ip:port, :port, [ipv6]:port, a socket path, @abstract, fd://N.',
    details:
      '`:8080` is `0.0.0.0:8080`, all IPv4 addresses; `[::]:8080` is IPv6 and IPv4. Port 0 takes a free port. `fd://3` is a listening socket inherited ' +
      'from the process that started ugate. At least one address to listen on is needed, here or in `http-to-https`, `http-socket` or `socket`; the same address twice is an error.',
    danger: 'An address other than 127.0.0.1, [::1] or a socket path can be reached from the network.',
    example: 'http = 0.0.0.0:8080\nhttp = 127.0.0.1:8181\nhttp = /run/ugate/http.sock',
    since: '0.1',
  },
  {
    name: 'http-to-https',
    group: 'Listening',
    form: { kind: 'redirect' },
    repeatable: true,
    argument: 'ADDRESS[,PORT]',
    help: 'Listen here and send every request to https.',
    details:
      'The answer is a redirect to `https://HOST` and the path asked for: 301 for GET and HEAD, 308 for other methods, so that they are ' +
      'not turned into a GET. HOST is the one of the request without its port; PORT is added behind it when it is given and is not 443. ' +
      'A request without a usable Host is answered 400. Unlike uWSGI ugate keeps the connection and takes an absolute-form target apart ' +
      'instead of pasting it behind the host.',
    danger: 'The first request of a client still travels in the clear, with its cookies: let the https side send Strict-Transport-Security.',
    example: 'http-to-https = 0.0.0.0:80\nhttp-to-https = 127.0.0.1:8080,8443',
    since: '0.1',
  },
  {
    name: 'listen',
    short: 'l',
    group: 'Listening',
    form: { kind: 'integer', min: 1, max: 65535 },
    default: '100',
    unit: 'connections',
    help: 'Connections that may wait to be accepted, at each socket.',
    details:
      'The backlog of the listening sockets, also of those between router and workers: what does not fit there is answered 503 (service ' +
      'unavailable). The system may allow less (`net.core.somaxconn`), which uWSGI refuses to start with.',
    example: 'listen = 1024',
    since: '0.1',
  },
  {
    name: 'no-defer-accept',
    group: 'Listening',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Accept clients before they have sent anything.',
    details:
      'As in uWSGI, the kernel tells of a TCP client when its first bytes are there, which about halves the work for clients that close after each ' +
      'request (TCP_DEFER_ACCEPT). One that stays silent is accepted after a second, where uWSGI leaves it for several, and its timeouts ' +
      'begin then. On Linux only.',
    example: 'no-defer-accept = true',
    since: '0.1',
  },
  {
    name: 'chmod-socket',
    group: 'Listening',
    form: { kind: 'mode' },
    bare: '666',
    defaultText: 'by umask',
    details: 'Exactly three octal digits, as in uWSGI. Without the option the umask decides.',
    help: 'Permissions of unix sockets to listen on; 666 without a value.',
    danger: '666 lets every user of the machine connect; 660 and a common group is usually enough.',
    example: 'chmod-socket = 660',
    since: '0.1',
  },
] as const satisfies readonly Option[];
