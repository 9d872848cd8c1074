/**
 * Options of uWSGI that ugate knows but that come later: some may be left out without harm, others must not be overlooked.
 * Few starts name one, so they are made when one is asked for.
 */

import type { Form, Option } from './option.ts';

type Extra = Partial<Pick<Option, 'aliases' | 'short' | 'repeatable' | 'bare' | 'spacedFlag'>>;

const FLAG: Form = { kind: 'flag' };
const STRING: Form = { kind: 'string' };
const COUNT: Form = { kind: 'integer', min: 0, max: 1_000_000_000 };
const LIST: Extra = { repeatable: true };

/** Taken with one notice: what is served stays the same without it. */
function ignored(name: string, form: Form, help: string, note: string, extra: Extra = {}): Option {
  return row(name, 'Accepted for uWSGI', form, help, { effect: 'ignored', note }, extra);
}

/** Refused: without it another thing would be served, or served less safely. */
function refused(name: string, form: Form, help: string, { instead, ...extra }: Extra & { instead?: string } = {}): Option {
  const note = `not available yet: ${help}`;
  return row(
    name,
    'Not available yet',
    form,
    help,
    instead === undefined ? { effect: 'refused', note } : { effect: 'refused', note, instead },
    extra,
  );
}

function row(name: string, group: Option['group'], form: Form, help: string, later: NonNullable<Option['later']>, extra: Extra): Option {
  const value = form.kind === 'flag' ? 'true' : form.kind === 'integer' ? '4' : '…';
  return { name, group, form, help, example: `${name} = ${value}`, since: '0.1', later, ...extra };
}

const BUILT_IN = 'ugate has no plugins: HTTP and Python apps need none, apps in other languages it cannot run';
const NAMES = 'ugate does not name its processes';
const CLIENTS_LEAVE = 'apps notice no client that left: routers answer for that';
const BUFFERS = 'ugate sizes its buffers itself; a request head may have 64 KiB';

export function later(): readonly Option[] {
  return [
    ignored('die-on-term', FLAG, 'Stop on SIGTERM.', 'not needed: SIGTERM always stops ugate gracefully'),
    ignored('plugins', STRING, 'Plugins to load.', BUILT_IN, { ...LIST, aliases: ['plugin'] }),
    ignored('need-plugin', STRING, 'Plugins to load or fail.', BUILT_IN, { ...LIST, aliases: ['need-plugins'] }),
    ignored('enable-threads', FLAG, 'Threads in the app.', 'not needed: threads of a Python app always work', { short: 'T' }),
    ignored('async', COUNT, 'Async cores of an app worker.', 'a Python worker has threads instead, and a TypeScript app is asynchronous by itself'),
    ignored('single-interpreter', FLAG, 'One Python interpreter.', 'not needed: a worker has one interpreter', { short: 'i' }),
    ignored('thunder-lock', FLAG, 'Lock around accept.', 'ugate has no lock around accept'),
    ignored('buffer-size', COUNT, 'Longest request an app worker takes.', BUFFERS, { short: 'b' }),
    ignored('http-buffer-size', COUNT, 'First size of read buffers.', BUFFERS),
    ignored('http-events', COUNT, 'Events taken from the kernel at once.', 'the runtime decides this'),
    ignored('http-harakiri', COUNT, 'Watchdog of the router loop.', 'ugate has no watchdog of its loop'),
    ignored('disable-logging', FLAG, 'No request log of app workers.', 'not needed: ugate writes no request log', { short: 'L' }),
    ignored('auto-procname', FLAG, 'Names of processes.', NAMES),
    ignored('procname', STRING, 'Name of processes.', NAMES),
    ignored('procname-append', STRING, 'End of process names.', NAMES),
    ignored('procname-master', STRING, 'Name of the master process.', NAMES),
    ignored('procname-prefix', STRING, 'Start of process names.', NAMES),
    ignored('procname-prefix-spaced', STRING, 'Start of process names.', NAMES),
    ignored('no-orphans', FLAG, 'End workers whose master is gone.', 'not needed: processes of ugate always end with their master'),
    ignored('ignore-sigpipe', FLAG, 'No log of clients that left.', CLIENTS_LEAVE),
    ignored('ignore-write-errors', FLAG, 'No log of failed writes.', CLIENTS_LEAVE),
    ignored('disable-write-exception', FLAG, 'No exception for failed writes.', CLIENTS_LEAVE),
    ignored('strict', FLAG, 'Unknown options are errors.', 'not needed: unknown options are always errors'),

    refused('uid', STRING, 'run as this user', { instead: 'start ugate as that user' }),
    refused('gid', STRING, 'run as this group', { instead: 'start ugate as that group' }),
    refused('add-gid', STRING, 'run with a further group', LIST),
    refused('http-uid', STRING, 'run the router as this user', { instead: 'start ugate as that user' }),
    refused('http-gid', STRING, 'run the router as this group', { instead: 'start ugate as that group' }),
    refused('chroot', STRING, 'see only this directory'),
    refused('umask', STRING, 'permissions of new files', { instead: 'set the umask before ugate starts' }),
    refused('chown-socket', STRING, 'owner of socket files', { instead: 'start ugate as that user' }),
    refused('daemonize', STRING, 'go to the background', {
      short: 'd',
      aliases: ['daemonize2'],
      instead: 'let systemd or its like keep ugate in the background',
    }),
    refused('logto', STRING, 'log to a file', { aliases: ['logto2'], instead: 'ugate logs to standard error: redirect that' }),
    refused('stats', STRING, 'statistics server', { aliases: ['stats-server'] }),
    refused('http-stats', STRING, 'statistics server of the router', { aliases: ['http-stats-server', 'http-ss'] }),
    refused('https', STRING, 'listen for HTTPS', LIST),
    refused('https2', STRING, 'listen for HTTPS', LIST),
    refused('https-export-cert', FLAG, "pass the client's certificate on"),
    refused('https-session-context', STRING, 'name of TLS sessions'),
    refused('sni', STRING, 'further certificates by name', LIST),
    refused('sni-dir', STRING, 'directory of certificates by name'),
    refused('https-socket', STRING, 'HTTPS sockets of app workers', LIST),
    refused('shared-socket', STRING, 'sockets shared by number', LIST),
    refused('py-autoreload', STRING, 'reload when Python code changes', {
      aliases: ['py-auto-reload', 'python-autoreload', 'python-auto-reload'],
      instead: 'for development write watch',
    }),
    refused('mount', STRING, 'an app under a path', LIST),
    refused('manage-script-name', FLAG, 'SCRIPT_NAME by mount point'),
    refused('set', STRING, 'set an option or a placeholder', { ...LIST, short: 'S' }),
    refused('set-placeholder', STRING, 'set a placeholder', { ...LIST, aliases: ['set-ph'] }),
    refused('yaml', STRING, 'read options from a YAML file', { ...LIST, short: 'y', aliases: ['yml'] }),
    refused('json', STRING, 'read options from a JSON file', { ...LIST, short: 'j', aliases: ['js'] }),
    refused('http-subscription-server', STRING, 'nodes that announce themselves', LIST),
    refused('http-subscription-fallback-key', STRING, 'nodes for hosts without nodes'),
    refused('http-resubscribe', STRING, 'pass subscriptions on', LIST),
    refused('subscribe-to', STRING, 'announce this server to a router', { ...LIST, aliases: ['st', 'subscribe', 'subscribe2'] }),
    refused('subscription-algo', STRING, 'how a subscribed node is chosen'),
    refused('http-zerg', STRING, 'sockets from a zerg server', LIST),
    refused('add-header', STRING, 'add a response header', LIST),
    refused('static-map', STRING, 'serve files of a directory', { ...LIST, aliases: ['static-map2'] }),
    refused('check-static', STRING, 'serve files that exist'),
  ];
}

/** More options of uWSGI, so that they are not called unknown. */
export function uwsgiOnly(): ReadonlySet<string> {
  return new Set(
    `subscription-tolerance subscription-tolerance-inactive subscription-dotsplit subscriptions-sign-check subscriptions-sign-check-tolerance
  subscriptions-sign-skip-uid subscriptions-credentials-check subscriptions-use-credentials subscription-mountpoint subscription-mountpoints
  subscription-vassal-required subscription-clear-on-shutdown emperor-command-socket subscribe-freq weight auto-weight subscribe-with-modifier1
  unsubscribe-on-graceful-reload start-unsubscribed subscription-notify-socket
  suwsgi-socket puwsgi-socket raw-socket https-socket-modifier1
  protocol socket-protocol so-keepalive so-send-timeout socket-send-timeout socket-timeout tcp-fast-open tcp-nodelay reuse-port
  socket-sndbuf socket-rcvbuf abstract-socket immediate-uid immediate-gid log-format log-master log-date log-4xx log-5xx log-slow log-x-forwarded-for
  logger req-logger stats-http stats-minified min-worker-lifetime cheaper cheaper-algo cheaper-initial cheaper-step cheap idle
  die-on-idle forkbomb-delay exit-on-reload force-gateway touch-logreopen touch-logrotate
  fs-reload del-header rem-header static-index static-skip-ext static-expires static-expires-uri static-gzip static-gzip-all mimefile
  post-buffering post-buffering-bufsize ssl-verbose ssl-option ssl-enable-sslv3 ssl-enable3 ssl-enable-tlsv1 ssl-sessions-use-cache
  ssl-sessions-timeout ssl-tmp-dir sni-regexp sni-dir-ciphers chdir2 unenv envdir emperor zerg zerg-server attach-daemon 
  show-config xml config include inherit declare-option fallback-config if-env if-not-env if-opt if-not-opt if-exists if-not-exists if-file
  if-not-file if-dir if-not-dir if-plugin if-not-plugin if-hostname if-not-hostname if-hostname-match if-not-hostname-match if-reload if-not-reload
  for for-glob for-times for-readline end endif end-if endfor end-for print 
  master-as-root memory-report cache cache2 route binary-path
  close-on-exec limit-as cron mule spooler`.split(/\s+/),
  );
}
