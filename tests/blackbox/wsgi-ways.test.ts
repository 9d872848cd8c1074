/** The ways to a Python app that ugate runs: config files, a Procfile, http-socket, and the uwsgi protocol behind nginx and real uWSGI; and what it sees of a request there. */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { findTool, freePort, temporaryFolder } from '../support/paths.ts';
import { startProcess } from '../support/process.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { get, post, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { ask, PEERS, PROBE, UNLIKE, writeWsgi } from './wsgi.ts';

type Environ = Record<string, string | boolean>;

blackbox('an ini file as uWSGI’s users have it', UNLIKE, async () => {
  await using folder = temporaryFolder();
  writeFileSync(
    folder.file('site.ini'),
    `[uwsgi]
http = 127.0.0.1:0
master = true
chdir = ${PEERS}
module = wsgi_probe
processes = 2
threads = 2
harakiri = 30
max-requests = 5000
vacuum = true
die-on-term = true
env = PROBE=from the ini
pidfile = ${folder.file('master.pid')}
`,
  );
  await using tree = await Tree.start(['--ini', folder.file('site.ini')], { folder, env: { PYTHONDONTWRITEBYTECODE: '1' } });
  const me = await ask(tree.gate.target);
  assert.equal(me.variable, 'from the ini');
  assert.deepEqual([me.multithread, me.multiprocess], [true, true]);
  assert.ok(existsSync(folder.file('master.pid')));
  assert.deepEqual(await tree.end(), { code: 0, signal: null });
  assert.ok(!existsSync(folder.file('master.pid')), 'vacuum');
});

blackbox('a Procfile: http-socket on $PORT, which closes after each answer', UNLIKE, async () => {
  await using folder = temporaryFolder();
  writeWsgi(folder.file('app.py'), 'from the Procfile');
  const port = String(await freePort());
  await using tree = await Tree.start(['--http-socket', ':$(PORT)', '--wsgi-file', 'app.py', '--master', '--processes', '2'], {
    folder,
    cwd: folder.path,
    env: { PORT: port },
  });
  assert.equal(String(tree.gate.port), port);
  await using client = await RawClient.connect(tree.gate.target);
  const response = await client.request(post('/', 'abc'));
  assert.equal(response.text(), 'from the Procfile 3');
  assert.match(response.header('connection') ?? '', /close/i);
  assert.equal((await client.readToEnd()).length, 0);
});

blackbox('http-socket: keep-alive when it is asked for, and the vars are uWSGI’s there', UNLIKE, async () => {
  await using tree = await Tree.start(['--http-socket', '127.0.0.1:0', '--http-keepalive', '--http-socket-modifier1', '9', ...PROBE]);
  await using client = await RawClient.connect(tree.gate.target);
  const environ = JSON.parse((await client.request(get('/environ'))).text()) as Environ;
  assert.equal(environ.SERVER_PORT, String(tree.gate.port));
  assert.equal(environ.REMOTE_ADDR, '127.0.0.1');
  assert.ok(!('REMOTE_PORT' in environ) && !('UWSGI_ROUTER' in environ));
  assert.equal((await client.request(get('/environ'))).status, 200, 'on the same connection');
});

blackbox('a chunked body reaches the app, with http-chunked-input too', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--http-chunked-input', ...PROBE]);
  const head = 'POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const response = await exchange(tree.gate.target, `${head}5\r\nhello\r\n0\r\n\r\n`);
  assert.equal((JSON.parse(response.text()) as { size: number }).size, 5);
});

blackbox('what the app sees is what real uWSGI shows it', { needs: ['uwsgi'], ...UNLIKE }, async () => {
  const port = await freePort();
  const words = ['--plugins', 'python3,http', '--http', `127.0.0.1:${port}`, '--module', 'wsgi_probe', '--chdir', PEERS, '--http-keepalive=1'];
  const options = { env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONHOME: undefined, PYTHONPATH: undefined } };
  await using real = startProcess([findTool('uwsgi') ?? 'uwsgi', ...words, '--master', '--processes', '2', '--die-on-term', '--no-orphans'], options);
  await using tree = await Tree.start([...PROBE, '--master', '--processes', '2']);
  await real.said(/spawned uWSGI http 1/);
  const requests = [
    get('/environ'),
    get(
      '/environ/a%2Fb/%C3%A9%20x//y;z?q=%2F&%C3%A9',
      'X-Custom: One\r\nX-Custom: two\r\nCookie: a=b\r\nContent-Type: text/plain\r\nAuthorization: Basic eA==\r\n',
    ),
    post('/environ', 'a=1', 'Content-Type: application/x-www-form-urlencoded\r\n'),
    'POST /environ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    'OPTIONS /environ?* HTTP/1.1\r\nHost: a.example:99\r\n\r\n',
  ];
  for (const request of requests) {
    const theirs = JSON.parse((await exchange({ port }, request)).text()) as Environ;
    const ours = JSON.parse((await exchange(tree.gate.target, request)).text()) as Environ;
    const kept = (environ: Environ): Environ =>
      Object.fromEntries(
        Object.entries(environ)
          .filter(([name]) => !(name in DIFFERENCES))
          .sort(),
      );
    assert.deepEqual(kept(ours), kept(theirs), request);
    for (const [name, [our, their]] of Object.entries(DIFFERENCES))
      assert.deepEqual([name, our(ours[name]), their(theirs[name])], [name, true, true], `${name}: ${ours[name]}, ${theirs[name]}`);
  }
  // uWSGI believes anybody who says so; ugate needs `trusted-proxies` for it.
  const schemes = await Promise.all([tree.gate.target, { port }].map((target) => ask<Environ>(target, '/environ', 'X-Forwarded-Proto: https\r\n')));
  assert.deepEqual(
    schemes.map((environ) => environ['wsgi.url_scheme']),
    ['http', 'https'],
  );
});

type Check = (value: string | boolean | undefined) => boolean;
const isGone: Check = (value) => value === undefined;
const isPort: Check = (value) => /^\d+$/.test(String(value));

/** What ugate tells otherwise: ours first, then theirs. */
const DIFFERENCES: Record<string, [Check, Check]> = {
  // The port of each.
  SERVER_PORT: [isPort, isPort],
  REMOTE_PORT: [isPort, isPort],
  // Of their implementation.
  'uwsgi.version': [isGone, (value) => value === 'bytes'],
  'uwsgi.node': [isGone, (value) => value === 'bytes'],
  'wsgi.input': [(value) => value === 'Body', (value) => value === '_Input'],
  'wsgi.errors': [(value) => value === 'Errors', (value) => value === 'TextIOWrapper'],
  'wsgi.file_wrapper': [(value) => value === 'type', (value) => value === 'builtin_function_or_method'],
};

const PARAMS = `uwsgi_param QUERY_STRING $query_string; uwsgi_param REQUEST_METHOD $request_method; uwsgi_param CONTENT_TYPE $content_type;
uwsgi_param CONTENT_LENGTH $content_length; uwsgi_param REQUEST_URI $request_uri; uwsgi_param PATH_INFO $document_uri;
uwsgi_param DOCUMENT_ROOT $document_root; uwsgi_param SERVER_PROTOCOL $server_protocol; uwsgi_param REQUEST_SCHEME $scheme;
uwsgi_param HTTPS on; uwsgi_param REMOTE_ADDR $remote_addr; uwsgi_param REMOTE_PORT $remote_port; uwsgi_param SERVER_PORT $server_port;
uwsgi_param SERVER_NAME $server_name;`;

blackbox(
  'socket: Python’s workers behind real nginx (uwsgi_pass) and behind real uWSGI’s router',
  { needs: ['nginx', 'uwsgi'], ...UNLIKE },
  async () => {
    await using folder = temporaryFolder();
    const socket = folder.file('app.sock');
    await using tree = await Tree.start(
      ['--socket', socket, '--uwsgi-socket', '127.0.0.1:0', '--master', '--processes', '2', '--threads', '2', ...PROBE],
      { folder },
    );
    const tcp = tree.gate.listeners.find((listener) => listener.startsWith('127'))!;
    assert.equal(tree.pids.length, 4, 'no router: master, Python, two workers');

    const [place, temporary] = [
      folder.file('n.sock'),
      ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder.file(name)};`),
    ];
    writeFileSync(
      folder.file('nginx.conf'),
      `daemon off; master_process off; pid ${folder.file('nginx.pid')}; error_log stderr; user root; events { worker_connections 100; }
http { ${temporary.join(' ')} access_log off; client_max_body_size 10m;
  server { listen unix:${place}; server_name a.example; ${PARAMS}
    location / { uwsgi_pass unix:${socket}; }
    location /tcp { uwsgi_pass ${tcp}; }
    location /sub { ${PARAMS} uwsgi_param SCRIPT_NAME /sub; uwsgi_modifier1 30; uwsgi_pass unix:${socket}; } } }
`,
    );
    await using nginx = startProcess([findTool('nginx') ?? '/usr/sbin/nginx', '-e', 'stderr', '-c', folder.file('nginx.conf'), '-p', folder.path]);
    await waitFor('nginx to listen', () =>
      nginx.running ? existsSync(place) && existsSync(folder.file('nginx.pid')) : Promise.reject(new Error(nginx.stderr)),
    );
    await using client = await RawClient.connect({ path: place });
    await seen(client, 'on');
    const large = await client.request(post('/digest', 'x'.repeat(300_000)));
    assert.equal((JSON.parse(large.text()) as { size: number }).size, 300_000);
    assert.equal((await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
    assert.equal((await client.request(get('/tcp'))).text(), '"hello"');
    const below = JSON.parse((await client.request(get('/sub/environ'))).text()) as Environ;
    assert.deepEqual([below.SCRIPT_NAME, below.PATH_INFO], ['/sub', '/environ'], 'uwsgi_modifier1 30, as old configurations have it');

    await using router = await startUwsgiRouter({ to: tcp, args: ['--http-keepalive=1', '--http-auto-chunked'] });
    await using other = await RawClient.connect({ port: router.port });
    await seen(other, undefined);
    assert.equal((await other.request(post('/digest', 'abc'))).status, 200);
    // Who connects and says nothing holds a worker no longer than four seconds; the others serve on meanwhile.
    await using silent = await RawClient.connect({ path: socket });
    assert.equal((await client.request(get())).text(), '"hello"');
    silent.destroy();
  },
);

async function seen(client: RawClient, https: string | undefined): Promise<void> {
  const response = await client.request(get('/environ/a%20b?c=%20d', 'X-One: 1\r\n'));
  const environ = JSON.parse(response.text()) as Environ;
  assert.equal(environ.PATH_INFO, '/environ/a b');
  assert.equal(environ.REQUEST_URI, '/environ/a%20b?c=%20d');
  assert.equal(environ.QUERY_STRING, 'c=%20d');
  assert.equal(environ.HTTP_X_ONE, '1');
  assert.equal(environ.HTTPS, https);
  assert.equal(environ['wsgi.url_scheme'], https === undefined ? 'http' : 'https');
}

blackbox('a bounded queue: one worker, a queue of five, forty clients: each is answered, or told 503', UNLIKE, async () => {
  await using tree = await Tree.start([...PROBE, '--master', '--listen', '5']);
  const { target } = tree.gate;
  await exchange(target, get());
  const statuses = await Promise.all(
    Array.from({ length: 40 }, async () => (await exchange(target, get('/sleep?s=0.1'), { milliseconds: 12_000 })).status),
  );
  const count = (status: number): number => statuses.filter((one) => one === status).length;
  assert.equal(count(200) + count(503), 40, statuses.join(' '));
  assert.ok(count(200) >= 6, `those in the queue are served: ${count(200)}`);
  assert.ok(count(503) >= 1, 'the queue is bounded');
  assert.equal((await exchange(target, get())).status, 200, 'and all is well again');
});
