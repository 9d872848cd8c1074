/** Rows of the option table: where requests go. */

import type { Option } from '../option.ts';

export const NODES = [
  {
    name: 'http-to',
    group: 'Nodes',
    form: { kind: 'node' },
    repeatable: true,
    argument: 'NODE',
    help: 'Send requests to this node: host:port or a socket path, with options.',
    details:
      'Written `ip:port`, `host:port`, `[ipv6]:port`, as the path of a unix socket or as `@abstract`; `:3031` is `127.0.0.1:3031`. ' +
      'Several nodes share the requests as `http-algo` says. Giving a node twice gives it twice the share. uWSGI takes only IPv4 ' +
      'literals and socket paths here; ugate takes IPv6 and host names too, each address of a name being a node.\n\nWhat stands before the ' +
      'address says what is spoken:\n\n- nothing: uwsgi, or HTTP when `http-backend-http` is on,\n- `uwsgi://10.0.0.1:3031`: uwsgi,\n- ' +
      '`http://10.0.0.1:8000` or `http:/run/app.sock`: HTTP/1.1 over kept connections; without a port it is 80,\n- ' +
      '`puwsgi://10.0.0.1:3031` or `puwsgi:/run/app.sock`: persistent uwsgi, which cannot carry request bodies; `uwsgi=ADDRESS` names ' +
      'the plain uwsgi socket of the same node for those.\n\nOptions follow the address, each behind a comma:\n\n- `weight=N`: its share ' +
      'against the others, 1 to 1000 (1),\n- `backup=1`: only when no other node can be used,\n- `modifier1=N`, `modifier2=N`: for uwsgi, ' +
      '0 to 255; a number alone (`10.0.0.1:3031,5`) is modifier1 as in uWSGI,\n- `max-conns=N`: requests it may have at the same time; 0 ' +
      'is no limit,\n- `fails=N`: failures in a row after which it counts as dead,\n- `uwsgi=ADDRESS`: see puwsgi.',
    danger: 'What goes to a node is not encrypted, and the node believes it: reach nodes over networks of your own.',
    example: 'http-to = /tmp/uwsgi.sock\nhttp-to = 127.0.0.1:3031,weight=3\nhttp-to = http://127.0.0.1:8000,backup=1',
    since: '0.1',
  },
  {
    name: 'http-fallback',
    group: 'Nodes',
    form: { kind: 'node' },
    repeatable: true,
    argument: 'NODE',
    help: 'Send requests here when none of the nodes can be reached.',
    details: 'Written as in `http-to`. Unlike uWSGI, which forgets the fallbacks once its nodes are marked dead, ugate always tries them.',
    example: 'http-fallback = 127.0.0.1:3999',
    since: '0.1',
  },
  {
    name: 'http-backend-http',
    group: 'Nodes',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Speak HTTP to nodes that are written without a scheme.',
    details:
      'It counts for `http-to`, `http-fallback` and the addresses that mappers give, wherever it stands. A node with a scheme ' +
      '(`uwsgi://…`) keeps it.',
    danger: 'A uWSGI worker that listens with `socket` does not understand HTTP: it wants `http-socket` then.',
    example: 'http-backend-http = true',
    since: '0.1',
  },
  {
    name: 'http-forwarded',
    group: 'Nodes',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Send Forwarded (RFC 7239) to HTTP nodes.',
    details: 'HTTP nodes always get X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host; this adds the standard field with the same facts.',
    danger: 'A node that believes Forwarded must not be reachable past ugate.',
    example: 'http-forwarded = true',
    since: '0.1',
  },
  {
    name: 'http-upstream-idle',
    group: 'Nodes',
    form: { kind: 'duration' },
    default: '4',
    help: 'How long an idle connection to an HTTP or puwsgi node is kept.',
    details: '0 keeps none. A node that says `Keep-Alive: timeout=N` shortens it.',
    danger:
      'Longer than the node itself waits, and requests meet connections that are just being closed: only those that are safe to repeat ' +
      'are repeated, the others are answered 502.',
    example: 'http-upstream-idle = 30',
    since: '0.1',
  },
  {
    name: 'http-upstream-connections',
    group: 'Nodes',
    form: { kind: 'integer', min: 0, max: 1_000_000 },
    default: '64',
    unit: 'connections',
    help: 'Idle connections kept for each HTTP or puwsgi node.',
    details:
      'It limits what is kept between requests, not how many requests a node gets at once: that is `max-conns` in `http-to`. 0 keeps ' +
      'none: every request opens its own connection.',
    danger: 'A node that gives each connection a thread or a process, as puwsgi does, has so many of them taken by idle connections.',
    example: 'http-upstream-connections = 16',
    since: '0.1',
  },
  {
    name: 'http-backend-proxy-protocol',
    group: 'Nodes',
    form: { kind: 'choice', of: ['v1', 'v2'] },
    defaultText: 'off',
    argument: 'v1|v2',
    help: 'Send PROXY first to HTTP nodes.',
    details:
      'The node then learns the address of the client from the connection itself. Such a connection carries one client only, so it is ' +
      'not shared with others. uwsgi nodes get the address as REMOTE_ADDR; with uwsgi nodes alone the option is an error.',
    danger: 'A node that does not expect PROXY answers 400 to everything.',
    example: 'http-backend-proxy-protocol = v2',
    since: '0.1',
  },
  {
    name: 'http-gracetime',
    group: 'Nodes',
    form: { kind: 'duration', zero: 'default' },
    default: '30',
    help: 'How long a node that failed is left alone before it is tried again.',
    details:
      'A node of `http-to` that cannot be connected to is asked in the background meanwhile, after a second and then with growing pauses up ' +
      'to half of this time: it is back as soon as it accepts, and until then no request is risked. One that died of broken ' +
      'answers (`fails=N`), and nodes found by key, wait for the whole time; then the next request in turn tries them.',
    example: 'http-gracetime = 10',
    since: '0.1',
  },
  {
    name: 'http-quiet',
    group: 'Nodes',
    form: { kind: 'flag' },
    spacedFlag: true,
    default: 'false',
    help: 'Do not log failed connections to nodes.',
    danger: 'A dead node is then seen only in the answers that clients get.',
    example: 'http-quiet = true',
    since: '0.1',
  },
  {
    name: 'http-cheap',
    group: 'Nodes',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Accepted for uWSGI; without nodes ugate answers 503 at once.',
    details:
      'In uWSGI the router does not accept connections while no node is there, so that clients hang until one appears. ugate answers 503 ' +
      '(service unavailable) at once, with this option and without: it changes nothing.',
    example: 'http-cheap = true',
    since: '0.1',
  },
] as const satisfies readonly Option[];
