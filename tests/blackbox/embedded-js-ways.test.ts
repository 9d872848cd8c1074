/** Ways to an app of ours other than a router: http-socket, and the uwsgi protocol behind real nginx and real uWSGI. */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { findTool, type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { type StartedProcess, startProcess } from '../support/process.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { FETCH_APP, get, HONO_APP, OTHER, post, sleep, Tree, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

const TREE = ['--master', '--processes', '3'];

interface Me {
  pid: number;
  client: string;
  url: string;
  headers: [string, string][];
}

blackbox('--http-socket with several processes: each accepts, connections are closed behind the answer', OTHER, async () => {
  await using tree = await Tree.start(['--http-socket', '127.0.0.1:0', '--module', HONO_APP, ...TREE]);
  assert.equal(tree.childrenOf().length, 3, 'and no router');
  await using first = await RawClient.connect(tree.gate.target);
  const { client, pid } = JSON.parse((await first.request(get('/me'))).text()) as Me;
  assert.equal(client, `127.0.0.1 ${first.localPort}`);
  assert.ok(tree.childrenOf().includes(pid));
  assert.equal((await first.readToEnd(2000)).length, 0, 'closed by ugate');
  await using load = new Load(tree.gate.target, { keeping: 0, posting: 0, closing: 12, path: '/pid' });
  await waitFor('a second and a third one to accept', () => load.texts.size === 3, 20_000);
  assert.deepEqual((await load.stop()).failures, []);
  assert.deepEqual([...load.texts.keys()].map(Number).toSorted(), tree.childrenOf().toSorted());
});

blackbox('--http11-socket and http-keepalive keep connections', OTHER, async () => {
  for (const args of [
    ['--http11-socket', '127.0.0.1:0'],
    ['--http-socket', '127.0.0.1:0', '--http-keepalive=10'],
  ]) {
    await using tree = await Tree.start([...args, '--module', FETCH_APP]);
    await using client = await RawClient.connect(tree.gate.target);
    for (let i = 0; i < 3; i++) assert.equal((await client.request(get('/pid'))).text(), String(tree.gate.pid), 'alone, without a master');
  }
});

blackbox('--http and --http-socket at once', OTHER, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--http-socket', '127.0.0.1:0', '--module', FETCH_APP, ...TREE]);
  for (const listener of tree.gate.listeners) {
    const response = await exchange({ port: Number(listener.split(':').at(-1)) }, get('/echo'));
    assert.equal(response.status, 200);
  }
  assert.equal(tree.gate.listeners.length, 2);
});

/** nginx as it is put before uWSGI, with the `uwsgi_params` that come with it. */
async function startNginx(folder: TemporaryFolder, nodes: string): Promise<StartedProcess> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder.file(name)};`);
  writeFileSync(
    folder.file('nginx.conf'),
    `daemon off; master_process off; pid ${folder.file('nginx.pid')}; error_log stderr; user root; events { worker_connections 200; }
http { ${temporary.join(' ')} access_log off; client_max_body_size 10m;
  upstream app { server ${nodes}; }
  uwsgi_param QUERY_STRING $query_string; uwsgi_param REQUEST_METHOD $request_method; uwsgi_param CONTENT_TYPE $content_type;
  uwsgi_param CONTENT_LENGTH $content_length; uwsgi_param REQUEST_URI $request_uri; uwsgi_param PATH_INFO $document_uri;
  uwsgi_param DOCUMENT_ROOT $document_root; uwsgi_param SERVER_PROTOCOL $server_protocol; uwsgi_param REQUEST_SCHEME $scheme;
  uwsgi_param HTTPS $https if_not_empty; uwsgi_param REMOTE_ADDR $remote_addr; uwsgi_param REMOTE_PORT $remote_port;
  uwsgi_param SERVER_PORT $server_port; uwsgi_param SERVER_NAME $server_name;
  server { listen unix:${folder.file('n.sock')}; server_name a.example;
    location / { uwsgi_pass app; uwsgi_next_upstream off; }
    location /stream { uwsgi_pass app; uwsgi_buffering off; }
    location /echo { uwsgi_pass app; uwsgi_request_buffering off; } } }
`,
  );
  const nginx = startProcess([findTool('nginx') ?? '/usr/sbin/nginx', '-e', 'stderr', '-c', folder.file('nginx.conf'), '-p', folder.path]);
  await waitFor('nginx to listen', () =>
    nginx.running ? existsSync(folder.file('n.sock')) && existsSync(folder.file('nginx.pid')) : Promise.reject(new Error(nginx.stderr)),
  );
  return nginx;
}

for (const [where, args] of [
  ['one process', []],
  ['three workers', TREE],
] as const) {
  blackbox(`--socket, ${where}: behind real nginx (uwsgi_pass)`, { ...OTHER, needs: ['nginx'] }, async () => {
    await using folder = temporaryFolder();
    await using tree = await Tree.start(['--socket', folder.file('app.sock'), '--module', HONO_APP, ...args]);
    assert.equal(tree.pids.length, args.length === 0 ? 1 : 4, 'no router');
    await using _nginx = await startNginx(folder, `unix:${folder.file('app.sock')}`);
    await using client = await RawClient.connect({ path: folder.file('n.sock') });
    assert.equal((await client.request(get())).text(), 'hello from hono');
    const { url, headers } = JSON.parse((await client.request(get('/me?a=%20', 'X-One: 1\r\nX-Ugate-Client: 6.6.6.6 6\r\n'))).text()) as Me;
    assert.equal(url, 'http://a.example/me?a=%20');
    const fields = new Map(headers);
    assert.equal(fields.get('x-one'), '1');
    assert.equal(fields.get('host'), 'a.example');
    assert.deepEqual((await client.request(get('/cookies'))).headers('set-cookie').length, 2);
    const head = await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(head.status, 200);
    assert.equal((await client.request(get('/none'))).status, 404);
    assert.equal((await client.request(post('/count', 'x'.repeat(300_000)))).text(), '300000');
    client.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await sleep(100);
    client.write('def');
    const echoed = await client.readResponse();
    assert.equal(echoed.text(), 'abcdef');
    await using other = await RawClient.connect({ path: folder.file('n.sock') });
    const began = performance.now();
    other.write(get('/stream?n=3&ms=800'));
    await other.readUntil('piece 0\n');
    const first = performance.now() - began;
    await other.readUntil('piece 2\n');
    assert.ok(performance.now() - began - first > 450, 'as it is written');
  });

  blackbox(`--socket, ${where}: behind real uWSGI’s router`, { ...OTHER, needs: ['uwsgi'] }, async () => {
    await using tree = await Tree.start(['--uwsgi-socket', '127.0.0.1:0', '--module', FETCH_APP, ...args]);
    await using router = await startUwsgiRouter({ to: tree.gate.listeners[0]!, args: ['--http-keepalive=1', '--http-auto-chunked'] });
    await using client = await RawClient.connect({ port: router.port, localAddress: '127.0.0.7' });
    const { client: seen, url } = JSON.parse((await client.request(get('/me?a=1'))).text()) as Me;
    assert.equal(url, 'http://a.example/me?a=1');
    assert.match(seen, /^127\.0\.0\.7 \d+$/);
    assert.equal((await client.request(post('/count', 'x'.repeat(50_000)))).text(), '50000');
    assert.equal((await client.request(get('/stream?n=3&ms=50'))).text(), 'piece 0\npiece 1\npiece 2\n');
  });
}

blackbox('--socket behind nginx: reloads under load lose no request', { ...OTHER, needs: ['nginx'] }, async () => {
  await using folder = temporaryFolder();
  writeApp(folder.file('app.ts'), 'one');
  await using tree = await Tree.start(['--socket', folder.file('app.sock'), '--module', folder.file('app.ts'), '--processes', '2']);
  await using nginx = await startNginx(folder, `unix:${folder.file('app.sock')}`);
  await using load = new Load({ path: folder.file('n.sock') });
  for (let number = 1; number <= 4; number++) {
    await waitFor('load on the code there is', () => load.texts.has(number === 1 ? 'one' : `code ${number - 1}`));
    writeApp(folder.file('app.ts'), `code ${number}`);
    await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/);
  }
  await sleep(100);
  const { failures, texts } = await load.stop();
  assert.deepEqual(failures, [], nginx.stderr);
  assert.ok(texts.has('one') && texts.has('code 3'));
  await waitFor('the last code alone', async () => (await exchange({ path: folder.file('n.sock') }, get())).text() === 'code 4');
});
