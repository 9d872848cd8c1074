/** Rows of the option table: ways to the app beside the router. */

import type { Option } from '../option.ts';

export const APP_SOCKETS = [
  {
    name: 'http-socket',
    group: 'App sockets',
    form: { kind: 'listen-address' },
    repeatable: true,
    needsApp: 'error',
    help: 'Listen here for HTTP; the app answers without a router between.',
    details:
      'For an app that stands alone or behind another proxy. Nodes, mappers and their checks have no part in it; limits and timeouts are those of ' +
      '`http`. With a TypeScript or JavaScript app each worker takes connections from this address itself; a Python app has ugate in front ' +
      'of its workers, so that slow clients hold none. The connection is closed after each answer unless `http-keepalive` is given. ' +
      'Variables are those of uWSGI here: no REMOTE_PORT.',
    danger: 'An address other than 127.0.0.1, [::1] or a socket path can be reached from the network.',
    example: 'http-socket = :9090',
    since: '0.1',
  },
  {
    name: 'http11-socket',
    group: 'App sockets',
    form: { kind: 'listen-address' },
    repeatable: true,
    needsApp: 'error',
    help: 'As http-socket, with keep-alive and RTSP.',
    details: 'How long an idle connection is kept says `http-keepalive`, else `http-timeout`.',
    danger: 'As with `http-socket`: an address can be reached from the network.',
    example: 'http11-socket = :9091',
    since: '0.1',
  },
  {
    name: 'http-socket-engine',
    group: 'App sockets',
    form: { kind: 'choice', of: ['ugate', 'native'] },
    default: 'ugate',
    argument: 'NAME',
    needsApp: 'error',
    help: "Who speaks HTTP on http-socket: ugate, or native: the runtime's own server.",
    details:
      'Not in uWSGI. `native` gives the app to the HTTP server that the runtime carries: a little less work for each request, and their rules ' +
      'instead of those of ugate for heads, limits, timeouts and errors. Only for TypeScript and JavaScript apps.',
    danger: 'With native the limits of ugate do not hold: http-max-body, http-min-rate, http-headers-timeout and others.',
    example: 'http-socket-engine = ugate',
    since: '0.1',
  },
  {
    name: 'http-socket-modifier1',
    group: 'App sockets',
    form: { kind: 'integer', min: 0, max: 255 },
    default: '0',
    needsApp: 'error',
    help: 'The modifier1 byte of requests from http-socket.',
    details: 'The workers of ugate take any; it is there for files made for uWSGI.',
    example: 'http-socket-modifier1 = 0',
    since: '0.1',
  },
  {
    name: 'http-socket-modifier2',
    group: 'App sockets',
    form: { kind: 'integer', min: 0, max: 255 },
    default: '0',
    needsApp: 'error',
    help: 'The modifier2 byte of requests from http-socket.',
    example: 'http-socket-modifier2 = 0',
    since: '0.1',
  },
  {
    name: 'socket',
    aliases: ['uwsgi-socket'],
    short: 's',
    group: 'App sockets',
    form: { kind: 'listen-address' },
    repeatable: true,
    needsApp: 'error',
    help: 'Listen here for the uwsgi protocol; the app answers.',
    details: "For `uwsgi_pass` of nginx, or a router of uWSGI's or ugate's on another machine.",
    danger:
      'The protocol has no passwords, and its sender decides what the app believes of the client: open it to the proxy in front only, best as a socket ' +
      'file.',
    example: 'socket = /run/mysite/uwsgi.sock',
    since: '0.1',
  },
  {
    name: 'http-use-socket',
    group: 'App sockets',
    form: { kind: 'integer', min: 0, max: 255 },
    bare: '0',
    defaultText: 'off',
    needsApp: 'error',
    help: 'Send the requests of http to the app, though there are nodes.',
    details:
      'Without nodes and mappers they go there anyway. With `http-to` the app is one node more, which uWSGI does not do: there `http-to` gets nothing ' +
      'then. N is the number of a `socket`, counted from 0; in ugate all of them lead to the same workers.',
    example: 'http-use-socket = 0',
    since: '0.1',
  },
] as const satisfies readonly Option[];
