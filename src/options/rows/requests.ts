/** Rows of the option table: what becomes of requests. */

import type { Option } from '../option.ts';

export const REQUESTS = [
  {
    name: 'http-modifier1',
    group: 'Requests',
    form: { kind: 'integer', min: 0, max: 255 },
    default: '0',
    help: 'The modifier1 byte of the uwsgi packet.',
    details: 'The byte says what kind of app shall answer: 0 is a WSGI app. 0 also leaves a modifier that came with the node as it is.',
    example: 'http-modifier1 = 9',
    since: '0.1',
  },
  {
    name: 'http-modifier2',
    group: 'Requests',
    form: { kind: 'integer', min: 0, max: 255 },
    default: '0',
    help: 'The modifier2 byte of the uwsgi packet.',
    details: 'In uWSGI `http-modifier1` behind it sets it back to 0; in ugate the order does not matter.',
    example: 'http-modifier2 = 1',
    since: '0.1',
  },
  {
    name: 'http-var',
    group: 'Requests',
    form: { kind: 'pair' },
    repeatable: true,
    help: 'Add this variable to every request.',
    details:
      'Variables come behind the ones made from the headers, in the order given, so that for most apps they win. The value may be empty and may hold "=". ' +
      'uWSGI silently skips one without "="; ugate calls it an error.',
    danger: 'Command lines can be read by every user of the machine: put secrets into a file.',
    example: 'http-var = STAGE=production',
    since: '0.1',
  },
  {
    name: 'http-server-name-as-http-host',
    group: 'Requests',
    form: { kind: 'flag' },
    spacedFlag: true,
    default: 'false',
    help: "Set SERVER_NAME to the request's Host instead of this machine's name.",
    danger: 'The Host header is chosen by the client.',
    example: 'http-server-name-as-http-host = true',
    since: '0.1',
  },
  {
    name: 'http-allow-underscore-headers',
    group: 'Requests',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Pass on headers with "_" in their name, as uWSGI does; ugate drops them.',
    danger:
      '`X_Real_IP` and `X-Real-IP` become the same variable, so that a client can forge a header which a proxy in front removes only in its usual spelling.',
    example: 'http-allow-underscore-headers = true',
    since: '0.1',
  },
  {
    name: 'http-lenient-path',
    group: 'Requests',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Make PATH_INFO exactly as uWSGI does.',
    details:
      'By default escapes are decoded before dot segments are removed, and a path with a broken escape such as `/%zz` is answered 400 (bad request). ' +
      'With this option the order is the other one and broken escapes are taken as uWSGI takes them.',
    danger:
      '`/%2e%2e/` reaches the app as `/../`, and broken escapes become NUL bytes or vanish: an app that opens files by path can be led out of its directory.',
    example: 'http-lenient-path = true',
    since: '0.1',
  },
  {
    name: 'http-raw-target',
    group: 'Requests',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Let bytes from 0x80 on, and a lone "%" in a path, through in request targets.',
    details:
      'Some clients send `/café` without escapes, or `/100%`; by default that is answered 400 (bad request). With this option the bytes reach uwsgi apps as they ' +
      'came, in REQUEST_URI, QUERY_STRING and PATH_INFO, as by uWSGI, and HTTP nodes and fetch apps escaped (`/caf%C3%A9`). A `%` in front of no two digits ' +
      'stands for itself in PATH_INFO, where uWSGI makes a NUL of it or drops it (`http-lenient-path` does as well). Control bytes, spaces, `#` and `%00` stay refused.',
    danger: 'What stands in front of ugate, or is asked behind it, may read such a target in another way, so that rules about paths miss it.',
    example: 'http-raw-target = true',
    since: '0.1',
  },
  {
    name: 'http-websockets',
    group: 'Requests',
    form: { kind: 'flag' },
    always: true,
    default: 'true',
    help: 'Pass WebSockets and other upgrades through; always on.',
    example: 'http-websockets = true',
    since: '0.1',
  },
  {
    name: 'http-raw-body',
    group: 'Requests',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Relay everything behind the head as it comes, both ways.',
    details:
      'For protocols that only begin like HTTP. A request without Content-Length makes the connection a tunnel from the end of its head on, ' +
      'which is closed when the node ends it; chunks go through it as they are. A request with a length is served as without this option.',
    danger: 'What comes behind a head is no request to ugate any more: rules for requests do not see it, and connections are not used again.',
    example: 'http-raw-body = true',
    since: '0.1',
  },
  {
    name: 'http-manage-source',
    group: 'Requests',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Relay the SOURCE method of Icecast.',
    details:
      'A request with the method SOURCE has no length: all that comes behind its head goes to the node until one side ends. ' +
      'Its version may be `ICE/1.0` too, as older source clients have it.',
    danger: 'Whoever may reach the listener may start a stream without end: let the node ask for a password.',
    example: 'http-manage-source = true',
    since: '0.1',
  },
  {
    name: 'http-manage-rtsp',
    group: 'Requests',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Relay RTSP/1.0 sessions.',
    details:
      'The node is chosen by the host of the `rtsp://` address. Behind the first head the connection is a tunnel. ' +
      'A request that ugate cannot pass on is answered in RTSP.',
    danger: 'Later requests of the session are not looked at.',
    example: 'http-manage-rtsp = true',
    since: '0.1',
  },
] as const satisfies readonly Option[];
