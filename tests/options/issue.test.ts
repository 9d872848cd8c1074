import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../src/net/address.ts';
import type { Config } from '../../src/options/config.ts';
import { findOption, findShort } from '../../src/options/table.ts';
import { configOf } from './support.ts';

// The three configurations users must be able to bring along as they stand.

const seen = (config: Config) => ({ listen: config.listen.map(formatAddress), nodes: config.nodes.map(({ address }) => formatAddress(address)) });

test('two listeners and a socket file', () => {
  const config = configOf(['uwsgi.ini'], {
    files: { 'uwsgi.ini': '[uwsgi]\nhttp = 0.0.0.0:8080\nhttp = 127.0.0.1:8181\nmaster = true\nhttp-to = /tmp/uwsgi.sock' },
  });
  assert.deepEqual(seen(config), { listen: ['0.0.0.0:8080', '127.0.0.1:8181'], nodes: ['/tmp/uwsgi.sock'] });
  assert.deepEqual([config.master, config.hasApp, config.notices], [true, false, []]);
});

test('one listener and three nodes', () => {
  const files = {
    '/etc/u.ini': '[uwsgi]\nhttp = 0.0.0.0:8080\nmaster = true\nhttp-to = /tmp/uwsgi.sock\nhttp-to = 127.0.0.1:3031\nhttp-to = 127.0.0.1:3032',
  };
  const config = configOf(['--ini', '/etc/u.ini'], { files });
  assert.deepEqual(seen(config), { listen: ['0.0.0.0:8080'], nodes: ['/tmp/uwsgi.sock', '127.0.0.1:3031', '127.0.0.1:3032'] });
});

test('the command line', () => {
  const config = configOf('--master --http 127.0.0.1:8080 --http-to /tmp/uwsgi.sock'.split(' '));
  assert.deepEqual(seen(config), { listen: ['127.0.0.1:8080'], nodes: ['/tmp/uwsgi.sock'] });
  assert.deepEqual([config.master, config.hasApp, config.notices], [true, false, []]);
});

// Embedded mode: what issue 5 names.

test('the options of embedded mode, as uWSGI calls them', () => {
  const names =
    'module wsgi wsgi-file file callable home virtualenv venv pyhome pythonpath pp python-path chdir env need-app lazy-apps lazy master processes ' +
    'workers threads enable-threads http-processes http-workers max-requests max-worker-lifetime listen harakiri worker-reload-mercy reload-mercy ' +
    'http-socket http11-socket http-socket-engine http-socket-modifier1 http-socket-modifier2 socket uwsgi-socket http-use-socket touch-reload ' +
    'touch-workers-reload touch-chain-reload master-fifo stop reload pause pidfile pidfile2 safe-pidfile vacuum watch die-on-term single-interpreter ' +
    'thunder-lock auto-procname procname buffer-size plugins';
  for (const name of names.split(' ')) {
    const option = findOption(name);
    assert.ok(option !== undefined && option.later?.effect !== 'refused', name);
  }
  const letters = { w: 'module', H: 'home', M: 'master', p: 'processes', R: 'max-requests', l: 'listen', t: 'harakiri', s: 'socket' };
  for (const [letter, name] of Object.entries(letters)) assert.equal(findShort(letter)?.name, name);
});

test("the seed's own command", () => {
  const config = configOf('--http 127.0.0.1:8080 --master --module mywsgiapp --processes 4'.split(' '));
  assert.deepEqual(seen(config), { listen: ['127.0.0.1:8080'], nodes: [] });
  assert.deepEqual([config.app, config.master, config.processes, config.notices], [{ kind: 'any', module: 'mywsgiapp' }, true, 4, []]);
});

test('as a Procfile would write it', () => {
  const config = configOf(['--http-socket', ':$(PORT)', '--wsgi-file', 'app.py'], { env: { PORT: '5000' } });
  assert.deepEqual(config.httpSockets, [{ address: { kind: 'tcp', host: '0.0.0.0', port: 5000 }, isHttp11: false }]);
  assert.deepEqual([config.app, config.listen, config.master], [{ kind: 'wsgi-file', file: 'app.py' }, [], false]);
});

test('an ini file of a Django project behind nginx', () => {
  const file = `; mysite_uwsgi.ini
[uwsgi]

# Django-related settings
chdir           = /srv/mysite
module          = mysite.wsgi:application
home            = /srv/mysite/venv
env             = DJANGO_SETTINGS_MODULE=mysite.settings
plugins         = python3

# process-related settings
master          = true
processes       = 4
threads         = 2
enable-threads  = true
harakiri        = 30
max-requests    = 1000
single-interpreter = true
buffer-size     = 32768

socket          = /tmp/x.sock
chmod-socket    = 660
vacuum          = true
die-on-term     = true
pidfile         = /tmp/mysite.pid
touch-reload    = /srv/mysite/reload
`;
  const config = configOf(['--ini', 'mysite_uwsgi.ini'], { files: { 'mysite_uwsgi.ini': file } });
  const expected: Partial<Config> = {
    app: { kind: 'any', module: 'mysite.wsgi:application' },
    chdir: '/srv/mysite',
    home: '/srv/mysite/venv',
    env: [['DJANGO_SETTINGS_MODULE', 'mysite.settings']],
    master: true,
    processes: 4,
    threads: 2,
    harakiri: 30_000,
    maxRequests: 1000,
    listen: [],
    uwsgiSockets: [{ kind: 'unix', path: '/tmp/x.sock', abstract: false }],
    socketMode: 0o660,
    vacuum: true,
    pidfile: '/tmp/mysite.pid',
    touchReload: ['/srv/mysite/reload'],
  };
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(config[name as keyof Config], value, name);
  assert.deepEqual(
    config.notices.map((notice) => notice.split(': ')[1]),
    ['plugins', 'enable-threads', 'single-interpreter', 'buffer-size', 'die-on-term'],
  );
});
