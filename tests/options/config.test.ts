import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/options/config.ts';
import { ConfigError, formatErrors } from '../../src/options/errors.ts';
import { buildConfig } from '../../src/options/read-config.ts';
import { DEFAULTS } from '../support/defaults.ts';
import { configOf, errorsOf, iniConfig, iniErrors } from './support.ts';

const MINUTE = 60_000;
const EXPECTED_DEFAULTS: Config = {
  listen: [],
  redirects: [],
  nodes: [],
  fallbacks: [],
  hasMappers: false,
  hasRoutes: false,
  backendHttp: false,
  forwarded: false,
  upstreamIdle: 4000,
  upstreamConnections: 64,
  backendProxyProtocol: 0,
  algorithm: 'wrr',
  slowStart: 10_000,
  check: null,
  usePattern: null,
  useBase: null,
  useCache: null,
  useCodeString: null,
  strictMapping: false,
  cheap: false,
  socketMode: null,
  deferAccept: true,
  graceTime: 30_000,
  timeout: MINUTE,
  headersTimeout: MINUTE,
  connectTimeout: MINUTE,
  keepalive: MINUTE,
  manageExpect: true,
  expectMaxBody: Number.POSITIVE_INFINITY,
  chunkedInput: false,
  bodyBuffer: 65536,
  bodyBufferMax: 1024 ** 3,
  bodyBufferTotal: 4 * 1024 ** 3,
  maxBody: Number.POSITIVE_INFINITY,
  vars: [],
  modifier1: 0,
  modifier2: 0,
  serverNameAsHttpHost: false,
  allowUnderscoreHeaders: false,
  lenientPath: false,
  rawTarget: false,
  rawBody: false,
  manageSource: false,
  manageRtsp: false,
  proxyProtocol: false,
  proxyFrom: null,
  studPrefix: [],
  trustedProxies: [],
  postBuffering: 0,
  postBufferingDir: null,
  autoChunked: true,
  autoGzip: false,
  gzipEngine: 'auto',
  gzipLevel: 2,
  responseBuffer: 262_144,
  minRate: 100,
  tunnelTimeout: 60 * MINUTE,
  halfClose: 'auto',
  halfCloseTimeout: 10_000,
  maxConnections: null,
  reloadMercy: 30_000,
  quiet: false,
  logLevel: 'info',
  app: null,
  hasApp: false,
  callable: null,
  home: null,
  pythonPath: [],
  chdir: null,
  env: [],
  needApp: false,
  lazyApps: false,
  master: false,
  processes: 1,
  threads: 1,
  httpProcesses: 1,
  maxRequests: 0,
  maxWorkerLifetime: 0,
  listenBacklog: 100,
  harakiri: 0,
  httpSockets: [],
  httpSocketEngine: 'ugate',
  httpSocketKeepalive: 0,
  httpSocketModifier1: 0,
  httpSocketModifier2: 0,
  uwsgiSockets: [],
  httpUseSocket: null,
  touchReload: [],
  touchWorkersReload: [],
  touchChainReload: [],
  masterFifo: [],
  workerReloadMercy: MINUTE,
  pidfile: null,
  pidfile2: null,
  safePidfile: null,
  vacuum: false,
  watch: null,
  notices: [],
};

test('the defaults', () => {
  assert.deepEqual({ ...DEFAULTS }, EXPECTED_DEFAULTS);
  assert.deepEqual({ ...configOf(['--http', ':80']) }, { ...EXPECTED_DEFAULTS, listen: [{ kind: 'tcp', host: '0.0.0.0', port: 80 }] });
});

test('a configuration cannot be changed', () => {
  const config = iniConfig(
    'http-to = :1\nhttp-var = A=1\nhttp-to-https = :81\nhttp-check\nhttp-trusted-proxies = ::1\nhttp-proxy-from = ::1\n' +
      'module = a\nhttp-socket = :82\nsocket = :83\nenv = A=1\nwatch = /a',
  );
  for (const part of [
    config,
    config.listen,
    config.listen[0],
    config.nodes,
    config.nodes[0],
    config.nodes[0].address,
    config.vars,
    config.vars[0],
    config.notices,
    config.redirects,
    config.redirects[0],
    config.redirects[0].address,
    config.check,
    config.trustedProxies,
    config.proxyFrom,
    config.studPrefix,
    config.app,
    config.httpSockets,
    config.httpSockets[0],
    config.httpSockets[0].address,
    config.uwsgiSockets,
    config.uwsgiSockets[0],
    config.env,
    config.env[0],
    config.watch,
    config.masterFifo,
  ])
    assert.ok(Object.isFrozen(part));
});

test('an address twice is an error, a free port twice is not', () => {
  assert.equal(
    iniErrors('http = 0.0.0.0:80'),
    'u.ini:3: http: 0.0.0.0:80 is there already\n  hint: it was first given here: u.ini:2; keep one of them',
  );
  assert.equal(
    errorsOf(['--http', '/a.sock', '--http', '/a.sock']),
    'command line: --http: /a.sock is there already\n  hint: it was first given here: command line; keep one of them',
  );
  assert.equal(iniConfig('http = :0\nhttp = :0\nhttp-to = :1\nhttp-to = :1').listen.length, 3);
});

test('what comes later and may be left out gives one notice each', () => {
  const config = iniConfig(
    'plugins = http,python3\nplugin = x\nneed-plugin = y\ndie-on-term = true\nenable-threads = 1\nauto-procname\nprocname = x\nthunder-lock = false',
  );
  const plugins = 'ugate has no plugins: HTTP and Python apps need none, apps in other languages it cannot run';
  assert.deepEqual(config.notices, [
    `u.ini:3: plugins: ${plugins}`,
    `u.ini:5: need-plugin: ${plugins}`,
    'u.ini:6: die-on-term: not needed: SIGTERM always stops ugate gracefully',
    'u.ini:7: enable-threads: not needed: threads of a Python app always work',
    'u.ini:8: auto-procname: ugate does not name its processes',
    'u.ini:9: procname: ugate does not name its processes',
  ]);
});

test('what is always so is accepted without a notice, and cannot be switched off yet', () => {
  assert.deepEqual(iniConfig('http-websockets = true').notices, []);
  assert.equal(
    iniErrors('http-websockets = 0'),
    'u.ini:3: http-websockets: not available yet: switching this off\n  hint: ugate always does this; leave the option out',
  );
});

test('what comes later and must not be overlooked is an error, unless it is off', () => {
  const names = 'uid gid mount https http-subscription-server chroot daemonize logto stats py-autoreload'.split(' ');
  for (const name of names) assert.match(iniErrors(`${name} = 1`), new RegExp(`^u\\.ini:3: ${name}: not available yet: .+\n {2}hint: `), name);
  assert.deepEqual(iniConfig('manage-script-name = false\nhttps-export-cert = 0').notices, []);
  assert.match(iniErrors('uid ='), /not available yet/);
  assert.match(iniErrors('manage-script-name = maybe'), /neither on nor off/);
});

test('nothing to listen on is not said behind other errors', () => {
  assert.equal(errorsOf(['--htpp', ':80']).includes('listen on'), false);
});

test('at most twenty errors are shown, and the rest is counted', () => {
  const errors = Array.from({ length: 22 }, (_, index) => new ConfigError({ kind: 'argv' }, `e${index}`));
  const lines = formatErrors(errors).split('\n');
  assert.equal(lines.length, 21);
  assert.equal(lines[19], 'command line: e19');
  assert.equal(lines[20], '… and 2 more errors');
  assert.equal(formatErrors(errors.slice(0, 21)).split('\n')[20], '… and 1 more error');
  assert.equal(formatErrors(errors.slice(0, 20)).split('\n').length, 20);
});

test('from an object', () => {
  const result = buildConfig({
    http: ':8080',
    'http-to': [':1', ':2'],
    'http-timeout': 30,
    'http-keepalive': true,
    'http-quiet': true,
    'http-lenient-path': false,
  });
  assert.ok(result.kind === 'config');
  const { config } = result;
  assert.deepEqual(
    config.nodes.map((node) => node.text),
    [':1', ':2'],
  );
  assert.deepEqual([config.timeout, config.keepalive, config.quiet, config.lenientPath], [30_000, 30_000, true, false]);
});

test('lists, flags and checks from an object', () => {
  const result = buildConfig({
    'http-to-https': ':81,8443',
    'http-trusted-proxies': ['10.0.0.0/8', '::1,fd00::/8'],
    'http-to': 'http://127.0.0.1:8000,weight=2',
    'http-check': true,
    'http-gzip-level': 9,
  });
  assert.ok(result.kind === 'config');
  const { config } = result;
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1', 'fd00::/8']);
  assert.deepEqual([config.redirects[0].port, config.nodes[0].weight, config.check?.interval, config.gzipLevel], [8443, 2, 5000, 9]);
});

test('wrong: from an object', () => {
  const text = (settings: object) => {
    const result = buildConfig(settings);
    return result.kind === 'errors' ? formatErrors(result.errors) : assert.fail('no error');
  };
  assert.equal(text({ httpTo: ':1' }), 'settings: unknown option httpTo\n  hint: did you mean "http-to"?');
  assert.equal(text({ http: 8080 }), 'settings: http: "8080" would be a socket file; for a port write ":8080"');
  assert.equal(text({ ini: 'x.ini' }), 'settings: ini is for the command line');
  assert.match(text({}), /^there is nothing to listen on/);
});
