/**
 * The option table: what can be said, once. From it come the readers of the command line and of ini files, `--help`, the types of
 * the values and `docs/options.md` (`src/options/write-reference.ts` writes it anew). Options that come later are in `later.ts`.
 */

import { LATER } from './later.ts';
import type { Option } from './option.ts';

/** The options that work. */
export const WORKING = [
  {
    name: 'http',
    aliases: ['httprouter'],
    group: 'Listening',
    form: { kind: 'listen-address' },
    repeatable: true,
    help: 'Listen here: ip:port, :port, [ipv6]:port, a socket path, @abstract, fd://N.',
    details:
      '`:8080` is `0.0.0.0:8080`, all IPv4 addresses; `[::]:8080` is IPv6 and IPv4. Port 0 takes a free port. `fd://3` is a listening socket inherited ' +
      'from the process that started ugate. At least one `http` is needed; the same address twice is an error.',
    danger: 'An address other than 127.0.0.1, [::1] or a socket path can be reached from the network.',
    example: 'http = 0.0.0.0:8080\nhttp = 127.0.0.1:8181\nhttp = /run/ugate/http.sock',
    since: '0.1',
  },
  {
    name: 'chmod-socket',
    group: 'Listening',
    form: { kind: 'mode' },
    bare: '666',
    defaultText: 'by umask',
    details: 'Exactly three octal digits, as in uWSGI. Without the option the umask decides.',
    help: 'Permissions of unix sockets made by http; 666 without a value.',
    danger: '666 lets every user of the machine connect; 660 and a common group is usually enough.',
    example: 'chmod-socket = 660',
    since: '0.1',
  },
  {
    name: 'http-to',
    group: 'Nodes',
    form: { kind: 'connect-address' },
    repeatable: true,
    help: 'Send requests to this uwsgi node: host:port or a socket path.',
    details:
      'Written `ip:port`, `host:port`, `[ipv6]:port`, as the path of a unix socket or as `@abstract`. Several nodes share the requests in turn. `:3031` is `127.0.0.1:3031`. Giving a node twice gives it twice the share. ' +
      'uWSGI takes only IPv4 literals and socket paths here; ugate takes IPv6 and host names too.',
    example: 'http-to = /tmp/uwsgi.sock\nhttp-to = 127.0.0.1:3031',
    since: '0.1',
  },
  {
    name: 'http-fallback',
    group: 'Nodes',
    form: { kind: 'connect-address' },
    repeatable: true,
    help: 'Send requests here when none of the nodes can be reached.',
    details: 'Unlike uWSGI, which forgets the fallbacks once its nodes are marked dead, ugate always tries them.',
    example: 'http-fallback = 127.0.0.1:3999',
    since: '0.1',
  },
  {
    name: 'http-gracetime',
    group: 'Nodes',
    form: { kind: 'duration', zero: 'default' },
    default: '30',
    help: 'How long a node that failed is left alone before it is tried again.',
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
    name: 'http-auto-chunked',
    group: 'Requests',
    form: { kind: 'flag' },
    always: true,
    default: 'true',
    help: 'Send responses of unknown length in chunks; always on.',
    example: 'http-auto-chunked = true',
    since: '0.1',
  },
  {
    name: 'http-manage-expect',
    group: 'Bodies',
    form: { kind: 'switch', amount: 'size' },
    bare: 'true',
    default: 'true',
    defaultText: 'on',
    help: 'Answer "Expect: 100-continue"; 413 when the body is longer than so many bytes.',
    details:
      '1, `true` and no value mean on without a limit. 2 and more are bytes: a request that expects 100 (continue) and announces a longer body with Content-Length ' +
      'is answered 413 (content too large) at once. 0 passes the Expect header on. In uWSGI the default is off.',
    example: 'http-manage-expect = 10m',
    since: '0.1',
  },
  {
    name: 'http-chunked-input',
    group: 'Bodies',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Pass chunked request bodies on in their chunks.',
    details:
      'For apps that read them with `uwsgi.chunked_read`. By default ugate collects a chunked body (see `http-body-buffer`) and sends it on with its length, which every app understands.',
    danger: 'An app that does not decode the chunks sees their sizes as part of the body, or no body at all.',
    example: 'http-chunked-input = true',
    since: '0.1',
  },
  {
    name: 'http-body-buffer',
    group: 'Bodies',
    form: { kind: 'size', min: 16384 },
    default: '64k',
    help: 'Memory for one chunked request body; the rest goes to a file.',
    details: 'At least 16k. It is used only for bodies whose length is not announced; all others stream.',
    example: 'http-body-buffer = 256k',
    since: '0.1',
  },
  {
    name: 'http-body-buffer-max',
    group: 'Bodies',
    form: { kind: 'size', min: 16384 },
    default: '1g',
    help: 'The longest chunked body that is collected; above it 413.',
    danger: 'That much room may be taken in the directory for temporary files by one request.',
    example: 'http-body-buffer-max = 100m',
    since: '0.1',
  },
  {
    name: 'http-body-buffer-total',
    group: 'Bodies',
    form: { kind: 'size', min: 16384 },
    default: '4g',
    help: 'What all collected bodies may take together.',
    details: 'In memory and in temporary files.',
    danger: 'The directory for temporary files must have that much room, or uploads fail sooner.',
    example: 'http-body-buffer-total = 1g',
    since: '0.1',
  },
  {
    name: 'http-max-body',
    group: 'Bodies',
    form: { kind: 'size', min: 1, zero: 'unlimited' },
    default: '0',
    defaultText: 'no limit',
    help: 'The longest request body; above it 413. 0 is no limit.',
    example: 'http-max-body = 20m',
    since: '0.1',
  },
  {
    name: 'http-timeout',
    group: 'Timeouts',
    form: { kind: 'duration', zero: 'default' },
    default: '60',
    help: 'How long a connection may rest without a byte while a request is served.',
    details: 'Also the default of `http-headers-timeout`, `http-connect-timeout` and `http-keepalive`.',
    danger: 'An app that thinks longer before its first byte is cut off; WebSockets need a ping within this time.',
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
    name: 'http-max-connections',
    group: 'Limits',
    form: { kind: 'integer', min: 1, max: 10_000_000 },
    defaultText: '90 % of open files',
    unit: 'client connections',
    details: 'The default is 90 % of the number of files the process may have open (`ulimit -n`).',
    help: 'Client connections at the same time.',
    danger: 'Every request in service takes a second connection, to its node: leave room below the open-files limit.',
    example: 'http-max-connections = 10000',
    since: '0.1',
  },
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
    help: 'What to log: error, warn, info or debug.',
    danger: 'debug writes several lines for each request.',
    example: 'log-level = warn',
    since: '0.1',
  },
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

/** Every option that ugate knows: those that work, then those that come later. */
export const TABLE: readonly Option[] = [...WORKING, ...LATER];

const BY_NAME: ReadonlyMap<string, Option> = new Map(TABLE.flatMap((option) => namesOf(option).map((name) => [name, option])));

/** The option of this long name or alias. */
export function findOption(name: string): Option | undefined {
  return BY_NAME.get(name);
}

/** The long names and aliases of all options; hints choose from them. */
export function allNames(): Iterable<string> {
  return BY_NAME.keys();
}

/** The name and the aliases of an option. */
export function namesOf(option: Option): readonly string[] {
  return [option.name, ...(option.aliases ?? [])];
}
