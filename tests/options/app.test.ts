import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import type { Config } from '../../src/options/config.ts';
import { configOf, errorsOf, iniConfig, iniErrors, read } from './support.ts';

const words = (line: string) => line.split(' ');
const tcp = (port: number, host = '0.0.0.0') => ({ kind: 'tcp', host, port });
const unix = (path: string) => ({ kind: 'unix', path, abstract: false });
const MINUTE = 60_000;

/** The options of an app that are only read: what one setting becomes, in a file and on the command line, by each of its names. */
const READ: readonly (readonly [names: string, text: string, field: keyof Config, value: unknown])[] = [
  ['module', 'mysite.wsgi:application', 'app', { kind: 'any', module: 'mysite.wsgi:application' }],
  ['module', './src/app.ts', 'app', { kind: 'any', module: './src/app.ts' }],
  ['wsgi', 'mysite.wsgi', 'app', { kind: 'wsgi', module: 'mysite.wsgi' }],
  ['wsgi-file file', 'app.py', 'app', { kind: 'wsgi-file', file: 'app.py' }],
  ['callable', 'create_app()', 'callable', 'create_app()'],
  ['home virtualenv venv pyhome', '/srv/venv', 'home', '/srv/venv'],
  ['pythonpath pp python-path', 'lib', 'pythonPath', ['lib']],
  ['chdir', '/srv', 'chdir', '/srv'],
  ['env', 'A=b=c d', 'env', [['A', 'b=c d']]],
  ['env', 'A=', 'env', [['A', '']]],
  ['need-app', 'true', 'needApp', true],
  ['need-app', '0', 'needApp', false],
  ['lazy-apps lazy', '1', 'lazyApps', true],
  ['master', 'true', 'master', true],
  ['processes workers', '4', 'processes', 4],
  ['threads', '2', 'threads', 2],
  ['http-processes http-workers', '3', 'httpProcesses', 3],
  ['http-processes', 'auto', 'httpProcesses', availableParallelism()],
  ['http-processes', 'AUTO', 'httpProcesses', availableParallelism()],
  ['max-requests', '1000', 'maxRequests', 1000],
  ['max-requests', '0', 'maxRequests', 0],
  ['max-worker-lifetime', '3600', 'maxWorkerLifetime', 60 * MINUTE],
  ['max-worker-lifetime', '2h', 'maxWorkerLifetime', 120 * MINUTE],
  ['listen', '1024', 'listenBacklog', 1024],
  ['harakiri', '30', 'harakiri', 30_000],
  ['harakiri', '500ms', 'harakiri', 500],
  ['worker-reload-mercy', '5', 'workerReloadMercy', 5000],
  ['worker-reload-mercy', '0', 'workerReloadMercy', 0],
  ['http-socket', ':81', 'httpSockets', [{ address: tcp(81), isHttp11: false }]],
  ['http-socket', '/run/h.sock', 'httpSockets', [{ address: unix('/run/h.sock'), isHttp11: false }]],
  ['http11-socket', '[::1]:81', 'httpSockets', [{ address: tcp(81, '::1'), isHttp11: true }]],
  ['socket uwsgi-socket', '/run/u.sock', 'uwsgiSockets', [unix('/run/u.sock')]],
  ['socket', '@abstract', 'uwsgiSockets', [{ kind: 'unix', path: 'abstract', abstract: true }]],
  ['http-use-socket', '0', 'httpUseSocket', 0],
  ['http-use-socket', 'true', 'httpUseSocket', 0],
  ['touch-reload', 'x', 'touchReload', ['x']],
  ['touch-workers-reload', 'x', 'touchWorkersReload', ['x']],
  ['touch-chain-reload', 'x', 'touchChainReload', ['x']],
  ['master-fifo', '/run/fifo', 'masterFifo', ['/run/fifo']],
  ['pidfile', '/run/pid', 'pidfile', '/run/pid'],
  ['pidfile2', '/run/pid', 'pidfile2', '/run/pid'],
  ['safe-pidfile safe-pidfile2', '/run/pid', 'safePidfile', '/run/pid'],
  ['vacuum', 'true', 'vacuum', true],
  ['watch', '/srv', 'watch', ['/srv']],
  ['watch', 'true', 'watch', []],
  ['watch', 'off', 'watch', null],
];

for (const [names, text, field, value] of READ) {
  for (const name of words(names)) {
    test(`${name} = ${text} → ${field}`, () => {
      const app = field === 'app' ? '' : 'module = app\n';
      const fromFile = iniConfig(`${app}${name} = ${text}`);
      assert.deepEqual(fromFile[field], value);
      assert.equal(fromFile.hasApp, true);
      assert.deepEqual(fromFile.notices, []);
      if (text === 'true' && name === 'http-use-socket') return;
      const argv = ['--http', ':80', ...(app === '' ? [] : ['--module', 'app']), `--${name}=${text}`];
      assert.deepEqual(configOf(argv)[field], value);
    });
  }
}

test('letters', () => {
  const config = configOf(words('-M -w a -H v -p 4 -R 9 -l 7 -t 3 -s :1'));
  const { master, app, home, processes, maxRequests, listenBacklog, harakiri, uwsgiSockets } = config;
  assert.deepEqual([master, app, home, processes, maxRequests, listenBacklog, harakiri], [true, { kind: 'any', module: 'a' }, 'v', 4, 9, 7, 3000]);
  assert.deepEqual(uwsgiSockets, [tcp(1)]);
});

test('lists add up, and of two modules the last one counts', () => {
  const config = iniConfig('wsgi = b\nmodule = c\npp = x\npythonpath = y\nenv = A=1\nenv = A=2\nwatch\nwatch = z\nmaster-fifo = f\nmaster-fifo = g');
  assert.deepEqual(config.app, { kind: 'any', module: 'c' });
  assert.deepEqual([config.pythonPath, config.watch, config.masterFifo], [['x', 'y'], ['z'], ['f', 'g']]);
  assert.deepEqual(config.env, [
    ['A', '1'],
    ['A', '2'],
  ]);
  assert.equal(iniConfig('module = a\nwatch = z\nwatch = false').watch, null);
  assert.deepEqual(configOf(words('--http :80 --watch --module a')).watch, []);
});

test('http-socket and http11-socket keep their order', () => {
  const { httpSockets } = iniConfig('module = a\nhttp-socket = :1\nhttp11-socket = :2\nhttp-socket = :3');
  assert.deepEqual(
    httpSockets.map(({ address, isHttp11 }) => [address.kind === 'tcp' && address.port, isHttp11]),
    [
      [1, false],
      [2, true],
      [3, false],
    ],
  );
});

test('http-socket keeps connections only when http-keepalive says so', () => {
  const kept = (line: string) => iniConfig(`module = a\nhttp-socket = :1\nhttp-timeout = 7\n${line}`).httpSocketKeepalive;
  assert.equal(kept(''), 0);
  assert.equal(kept('http-keepalive'), 7000);
  assert.equal(kept('http-keepalive = 30'), 30_000);
  assert.equal(kept('http-keepalive = 0'), 0);
  assert.equal(iniConfig('module = a\nhttp11-socket = :1').keepalive, MINUTE);
});

test('what only a master can do implies one', () => {
  const implied = (lines: string) => iniConfig(`module = a\n${lines}`).master;
  for (const line of [
    'processes = 2',
    'http-processes = 2',
    'touch-reload = x',
    'touch-workers-reload = x',
    'touch-chain-reload = x',
    'master-fifo = x',
    'watch',
    'lazy-apps',
    'harakiri = 1',
    'max-requests = 1',
    'max-worker-lifetime = 1',
  ])
    assert.equal(implied(line), true, line);
  for (const line of [
    'processes = 1',
    'processes = 2\nprocesses = 1',
    'http-processes = 1',
    'threads = 2',
    'lazy-apps = 0',
    'harakiri = 0',
    'max-requests = 0',
    'max-worker-lifetime = 0',
    'watch = false',
    'pidfile = x',
    'need-app',
    'worker-reload-mercy = 5',
    'socket = :1',
  ])
    assert.equal(implied(line), false, line);
  assert.deepEqual(iniConfig('master = false\nmodule = a\nprocesses = 2').notices, [
    'u.ini:3: master: without effect: processes needs a master process',
  ]);
  assert.deepEqual(iniConfig('master = false\nmodule = a').notices, []);
});

test('options of workers without an app: a notice each, and no master for them', () => {
  const lines = 'processes = 4\nthreads = 2\nharakiri = 30\nmax-requests = 9\nmax-worker-lifetime = 9\nlazy-apps\nworker-reload-mercy = 4';
  const config = iniConfig(`http-to = :1\n${lines}`);
  assert.equal(config.master, false);
  assert.equal(config.notices.length, 7);
  assert.equal(config.notices[0], 'u.ini:4: processes: without effect: there is no app, so there are no workers');
  assert.equal(iniConfig('http-processes = 2').master, true);
  assert.deepEqual(iniConfig('touch-reload = x\nmaster-fifo = f\npidfile = p\nvacuum\nlisten = 5').notices, []);
});

test('there is something to listen on with each kind of listener', () => {
  for (const listener of ['http', 'http-socket', 'http11-socket', 'socket', 'uwsgi-socket'])
    assert.equal(configOf(['--module', 'a', `--${listener}`, ':1']).hasApp, true, listener);
  assert.equal(
    errorsOf(['--module', 'a']),
    'there is nothing to listen on\n  hint: give at least one http address, such as: ugate --http :8080 --module app',
  );
});

test('an app that requests reach beside nodes', () => {
  for (const lines of [
    'http-to = :1\nhttp-use-socket',
    'http-to = :1\nhttp-socket = :2',
    'http-to = :1\nsocket = :2',
    'http-use-base = /run/\nhttp-use-socket',
    'http-fallback = :1',
  ])
    assert.equal(iniConfig(`module = a\n${lines}`).hasApp, true, lines);
  const config = iniConfig('module = a');
  assert.equal(config.hasRoutes, false, 'an app is no node');
});

test('--stop, --reload and --pause', () => {
  const world = { env: { RUN: '/run' } };
  assert.deepEqual(read(words('--stop a.pid'), world), { kind: 'signal', signal: 'SIGINT', pidfile: 'a.pid' });
  assert.deepEqual(read(words('--http :80 no.ini --bogus --reload=$(RUN)/a.pid'), world), {
    kind: 'signal',
    signal: 'SIGHUP',
    pidfile: '/run/a.pid',
  });
  assert.deepEqual(read(words('--pause a.pid --stop b.pid'), world), { kind: 'signal', signal: 'SIGTSTP', pidfile: 'a.pid' });
  assert.equal(read(words('--stop a.pid --help')).kind, 'help');
  assert.equal(errorsOf(['--stop=']), 'command line: --stop: wants a value\n  hint: such as "ugate --stop /run/ugate.pid"');
  assert.equal(
    errorsOf(['--stop', '$(NO)/a.pid']),
    'command line: --stop: the environment variable NO is not set\n  hint: set NO, or write the value itself',
  );
  assert.equal(iniErrors('stop = a.pid'), 'u.ini:3: stop belongs on the command line\n  hint: write ugate --stop');
});

const ADD = 'add module or wsgi-file, or leave it out';
const APP = 'for an app add module or wsgi-file';
const REACH = 'add http-use-socket, or http-socket or socket, or leave one of them out';
const MODULE = 'write a Python module (mysite.wsgi:application) or a file (app.ts, app.py)';
/** The last of these lines is the wrong one. */
const WRONG: readonly (readonly [lines: string, problem: string, hint: string | null])[] = [
  ['callable = app', 'there is no app', ADD],
  ['home = /venv', 'there is no app', ADD],
  ['pythonpath = lib', 'there is no app', ADD],
  ['need-app', 'there is no app', ADD],
  ['watch', 'there is no app', ADD],
  ['chdir = /srv', 'there is no app', `for ugate itself start it in that directory; ${APP}`],
  ['env = A=1', 'there is no app', `for ugate itself set the variable before it starts; ${APP}`],
  ['http-socket = :81', 'there is no app', `for the router write http; ${APP}`],
  ['http11-socket = :81', 'there is no app', `for the router write http; ${APP}`],
  ['http-socket-engine = native', 'there is no app', ADD],
  ['socket = :81', 'there is no app', `for the router write http, for a node of it http-to; ${APP}`],
  ['http-use-socket', 'there is no app', `write http-to = ADDRESS for the socket of another server; ${APP}`],
  ['module = a\nwsgi-file = b.py', 'there is an app already', 'module was given here: u.ini:3; keep one of them'],
  ['file = b.py\nwsgi = a', 'there is an app already', 'file was given here: u.ini:3; keep one of them'],
  ['http-to = :1\nmodule = a', 'nothing leads to the app: http-to (u.ini:3) takes its requests', REACH],
  ['http-use-pattern = /run/%s\nmodule = a', 'nothing leads to the app: http-use-pattern (u.ini:3) takes its requests', REACH],
  ['module = a\nhttp-use-socket = 1', 'there is no socket 1: none is given', 'write http-use-socket without a number'],
  ['module = a\nsocket = :1\nhttp-use-socket = 1', 'there is no socket 1: one is given, number 0', 'write http-use-socket without a number'],
  [
    'module = a\nsocket = :1\nsocket = :2\nhttp-use-socket = 2',
    'there is no socket 2: 2 are given, 0 to 1',
    'write http-use-socket without a number',
  ],
  ...['wsgi-file = a.py', 'wsgi = a', 'module = a.py', 'module = a.py:app'].map(
    (app) =>
      [
        `http-socket = :1\n${app}\nhttp-socket-engine = native`,
        'a Python app cannot run there',
        'leave it out; native is for TypeScript and JavaScript apps',
      ] as const,
  ),
  ['http-socket = :1\nmodule = a.ts\nhttp-socket-engine = nativ', '"nativ" is none of ugate, native', 'did you mean "native"?'],
  ['module = a.ts\nhttp-socket-engine = native', 'there is no http-socket', 'add http-socket = ADDRESS, or leave it out'],
  ['module = a\nhttp-socket-modifier1 = 5', 'there is no http-socket', 'add http-socket = ADDRESS, or leave it out'],
  ['module = a\nhttp-socket-modifier2 = 256', '"256" is out of range', 'write a value from 0 to 255'],
  ['module = a\nprocesses = 0', '"0" is out of range', 'write a value from 1 to 1000'],
  ['module = a\nprocesses = true', '"true" is no number', 'write a decimal number from 1 to 1000'],
  ['module = a\nthreads = 0', '"0" is out of range', 'write a value from 1 to 1000'],
  ['http-processes = 0', '"0" is out of range', 'write a value from 1 to 64'],
  ['http-processes = automatic', '"automatic" is no number', 'write a decimal number from 1 to 64'],
  ['listen = 0', '"0" is out of range', 'write a value from 1 to 65535'],
  ['module = a\nenv = A', '"A" has no "="', 'write KEY=VALUE'],
  ['module = a\nenv = =A', '"=A" has no key before the "="', 'write KEY=VALUE'],
  ['module = a\nenv = A=\0', '"A=\\0": a variable holds no NUL', null],
  ['module = a\nenv = NODE_CHANNEL_FD=3', 'NODE_CHANNEL_FD is used between the processes of ugate', 'leave it out'],
  ['module = :app', '":app" names no module', MODULE],
  ['module = app:', '"app:" names no module', MODULE],
  ['module = http://127.0.0.1:80', '"http://127.0.0.1:80" is a URL', MODULE],
  ['module', 'wants a value', 'such as "module = mysite.wsgi:application"'],
  ['module = app ; mine', '"app ; mine" seems to end in a comment, but that is part of the value', 'write comments on lines of their own'],
  ['module = a\nhttp-socket = 0.0.0.0:80', '0.0.0.0:80 is there already', 'it was first given here: u.ini:2; keep one of them'],
  ['module = a\nsocket = /s\nhttp11-socket = /s', '/s is there already', 'it was first given here: u.ini:4; keep one of them'],
  [
    'module = a\nsocket = =0',
    '"=0" is no address',
    'shared sockets (=N) are not available yet; write the address itself, or fd://N for an inherited descriptor',
  ],
  ['pidfile = /f\nmaster-fifo = /f', '/f is in use already', 'pidfile has the same path here: u.ini:3; write another one'],
  ['master-fifo = f\nmaster-fifo = ./f', './f is in use already', 'master-fifo has the same path here: u.ini:3; write another one'],
  [Array.from({ length: 11 }, (_, index) => `master-fifo = f${index}`).join('\n'), 'this is the eleventh', 'keep 10 of them'],
  ['touch-reload = f\npidfile2 = f', 'f is in use already', 'touch-reload has the same path here: u.ini:3; write another one'],
  ['http = /f\nsafe-pidfile = /f', '/f is in use already', 'http has the same path here: u.ini:3; write another one'],
  ['http-to-https = /f\ntouch-reload = /f', '/f is in use already', 'http-to-https has the same path here: u.ini:3; write another one'],
];

for (const [lines, problem, hint] of WRONG) {
  const all = lines.split('\n');
  const name = all.at(-1)!.split(' ')[0];
  test(`wrong: ${lines.replaceAll('\n', '\\n').replaceAll('\0', '\\0')}`, () =>
    assert.equal(iniErrors(lines), `u.ini:${2 + all.length}: ${name}: ${problem}${hint === null ? '' : `\n  hint: ${hint}`}`));
}

test('wrong: an app without a listener of its own', () => {
  assert.equal(
    errorsOf(words('--http-to-https :80 --module a')),
    'command line: --module: nothing leads to the app: http-to-https only redirects\n  hint: add http = ADDRESS, or http-socket or socket',
  );
  assert.equal(
    errorsOf(words('--http-socket :80 --module a --http-to :1')),
    'command line: --http-to: there is no http that would use it\n  hint: add http = ADDRESS, or leave it out: http-socket and socket lead to the app',
  );
});

test('a line that cannot be read has no consequences', () => {
  assert.equal(iniErrors('modul = a\ncallable = b').split('\n').length, 2);
  assert.equal(iniErrors('module =\nhttp-socket = :1').split('\n').length, 2);
});

test('the same file touched for two reloads, and two pid files in one, are no clash', () => {
  assert.equal(iniConfig('touch-reload = x\ntouch-chain-reload = x\npidfile = p\nsafe-pidfile = p').master, true);
});

test('W17: a module that is called with arguments is refused with what to write', () => {
  for (const text of ['hello:make(1)', 'pkg.hello:make(a=1)', './hello.py:make(1, 2)'])
    assert.match(errorsOf(['--http', ':1', '--module', text]), /calls make with arguments\n {2}hint: write a function without any .*MODULE:make\(\)/);
  assert.equal(configOf(['--http', ':1', '--module', 'hello:make()']).hasApp, true);
});
