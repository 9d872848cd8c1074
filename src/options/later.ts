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
const ENVIRON = 'every request has an environ of its own';
const SPREAD = 'not needed: workers are replaced one after the other, each once its successor is there';
const MEMORY = 'write max-requests, or MemoryMax of systemd';
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
    ignored('harakiri-verbose', FLAG, 'More words of a killed request.', 'not needed: harakiri always says which request it was'),
    ignored('py-call-osafterfork', FLAG, "Call Python's own hook behind a fork.", 'not needed: Python always calls it here'),
    ignored('py-call-uwsgi-fork-hooks', FLAG, "Call uWSGI's hooks behind a fork.", 'an app has no hooks of uWSGI here'),
    ignored(
      'skip-atexit-teardown',
      FLAG,
      'End without taking Python down.',
      'not needed: a worker always ends so, behind what the app registered with atexit',
    ),
    ignored('wsgi-env-behavior', STRING, 'How the environ is made.', ENVIRON, { aliases: ['wsgi-env-behaviour'] }),
    ignored('wsgi-disable-file-wrapper', FLAG, 'No wsgi.file_wrapper.', 'wsgi.file_wrapper stays; it is an app’s choice to use it'),
    ignored('max-requests-delta', COUNT, 'Spread of max-requests.', SPREAD),
    ignored('max-worker-lifetime-delta', COUNT, 'Spread of max-worker-lifetime.', SPREAD),
    ignored('offload-threads', COUNT, 'Threads that send answers.', 'not needed: the router sends them, whatever a client’s pace', {
      aliases: ['offload-thread'],
    }),
    ignored('threads-stack-size', COUNT, 'Stack of app threads.', 'Python decides this', {
      aliases: ['thread-stacksize', 'threads-stacksize', 'thread-stack-size'],
    }),
    ignored('no-threads-wait', FLAG, 'End without waiting for threads.', 'requests in flight are always waited for, as long as reload-mercy says'),
    ignored('pcre-jit', FLAG, 'Compile regular expressions.', 'the runtime decides this'),
    ignored('lock-engine', STRING, 'Kind of locks.', 'ugate has no locks between processes'),
    ignored('max-vars', COUNT, 'Variables of a request.', BUFFERS, { short: 'v' }),
    ignored('cpu-affinity', COUNT, 'Processors of each worker.', 'the system places processes'),
    ignored('mem-collector-freq', COUNT, 'How often memory is collected.', 'the runtime decides this'),
    ignored('ksm', COUNT, 'Merge equal pages of memory.', 'the system decides this', { bare: '10' }),
    ignored('strict', FLAG, 'Unknown options are errors.', 'not needed: unknown options are always errors'),

    refused('max-fd', COUNT, 'limit of open files', { instead: 'set it before ugate starts: ulimit -n, or LimitNOFILE of systemd' }),
    refused('limit-post', STRING, 'longest request body', { instead: 'write http-max-body' }),
    refused('pyargv', STRING, "the app's sys.argv", { instead: 'give the app variables: env = NAME=VALUE' }),
    refused('import', STRING, 'modules to import beside the app', {
      ...LIST,
      aliases: ['py-import', 'pyimport', 'python-import'],
      instead: 'import them in the module of the app',
    }),
    refused('reload-on-rss', COUNT, 'replace workers that use much memory', { aliases: ['evil-reload-on-rss'], instead: MEMORY }),
    refused('reload-on-as', COUNT, 'replace workers that use much address space', { aliases: ['evil-reload-on-as'], instead: MEMORY }),
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
