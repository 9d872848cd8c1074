/** `http-socket` and `http11-socket`: listeners that in uWSGI are the workers' own. What differs from `http` is as spec/embedded.md §8 has it. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { findTool, freePort, temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { RawClient, type Target } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { get, request } from './support.ts';
import { nodeAt, Wired } from './wired.ts';

const SOCKET = { kind: 'http-socket', keepalive: 0 } as const;

test('the vars name no router and no port of the client; HTTPS comes behind REMOTE_ADDR', async () => {
  await using app = await UwsgiBackend.listen(answer('ok'));
  await using wired = await Wired.start([nodeAt('uwsgi', app.address)]);
  const target = await wired.listen({ ...SOCKET, modifiers: { modifier1: 7, modifier2: 9 } });
  await using client = await RawClient.connect(target);
  await client.request(get('/a?b', 'X: y'));
  const [received] = app.requests;
  assert.deepEqual(received?.list, [
    ['REQUEST_METHOD', 'GET'],
    ['PATH_INFO', '/a'],
    ['REQUEST_URI', '/a?b'],
    ['QUERY_STRING', 'b'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SCRIPT_NAME', ''],
    ['SERVER_NAME', 'gate.example'],
    ['SERVER_PORT', 'port' in target ? String(target.port) : ''],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['HTTP_HOST', 'test'],
    ['HTTP_X', 'y'],
  ]);
  assert.deepEqual([received?.modifier1, received?.modifier2], [7, 9]);
});

test('each listener has its own: of keep-alive, vars, modifiers and RTSP', async () => {
  await using folder = temporaryFolder();
  await using app = await UwsgiBackend.listen(answer('ok'));
  await using wired = await Wired.start([nodeAt('uwsgi', app.address)], { settings: { keepalive: 30_000 } });
  const targets: Target[] = [
    await wired.listen(),
    await wired.listen(SOCKET, folder.file('http.sock')),
    await wired.listen({ kind: 'http11-socket', keepalive: 30_000 }, folder.file('http11.sock')),
  ];
  const persists: boolean[] = [];
  for (const target of targets) {
    await using client = await RawClient.connect(target);
    const response = await client.request(get());
    persists.push(response.header('connection') === null);
    if (persists.at(-1)) assert.equal((await client.request(get())).text(), 'ok');
    else assert.equal((await client.readToEnd()).length, 0);
  }
  assert.deepEqual(persists, [true, false, true]);
  const told = app.requests.map(({ vars }) => ['SERVER_PORT', 'UWSGI_ROUTER', 'REMOTE_PORT'].map((key) => vars.has(key) && vars.get(key) !== ''));
  const [router, socket] = [
    [true, true, true],
    [true, false, false],
  ];
  assert.deepEqual(told, [router, router, socket, socket, socket]);
  assert.equal(app.requests[2]?.vars.get('SERVER_PORT'), '80');
  // RTSP only where it is let in.
  for (const [index, target] of targets.entries()) {
    await using client = await RawClient.connect(target);
    client.write('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n');
    const [line] = (await client.readUntil('\r\n')).toString().split('\r\n');
    assert.equal(line, index === 2 ? 'HTTP/1.1 200 OK' : 'HTTP/1.1 400 Bad Request');
  }
});

test('another generation changes what the listeners leave to it, and nothing else', async () => {
  await using app = await UwsgiBackend.listen(answer('ok'));
  const nodes = [nodeAt('uwsgi', app.address)];
  await using wired = await Wired.start(nodes, { settings: { maxBody: 1 } });
  const target = await wired.listen(SOCKET);
  wired.router.use(wired.generation(nodes, { settings: { maxBody: 5, keepalive: 30_000 } }));
  await using client = await RawClient.connect(target);
  const response = await client.request(`${request('POST', '/', 'Content-Length: 3')}abc`);
  assert.deepEqual([response.status, response.header('connection')], [200, 'close']);
});

/** Says its environ, and nothing that only one process can know. */
const TELLS = `
def application(environ, start_response):
    keys = [key for key in environ if key.isupper() and isinstance(environ[key], str)]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["".join("%s=%s\\n" % (key, environ[key]) for key in sorted(keys)).encode("latin-1")]
`;

peerTest('the same app sees the same vars as behind real uWSGI’s http-socket', { needs: ['uwsgi'] }, async () => {
  await using folder = temporaryFolder();
  const app = folder.file('tells.py');
  writeFileSync(app, TELLS);
  const port = await freePort();
  const words = ['--plugins', 'python3', '--wsgi-file', app, '--need-app', '--master', '--die-on-term', '--no-orphans', '--processes', '2'];
  const sockets = ['--socket', folder.file('u.sock'), '--http-socket', `127.0.0.1:${port}`, '--http-socket', folder.file('h.sock')];
  await using uwsgi = startProcess([findTool('uwsgi') ?? 'uwsgi_python3', ...words, ...sockets], {
    cwd: folder.path,
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONHOME: undefined, PYTHONPATH: undefined },
  });
  await uwsgi.said(/spawned uWSGI worker 2 /, 30_000);
  await using wired = await Wired.start([nodeAt('uwsgi', folder.file('u.sock'))]);
  const ours: Target[] = [await wired.listen(SOCKET), await wired.listen(SOCKET, folder.file('ours.sock'))];
  const theirs: Target[] = [{ port }, { path: folder.file('h.sock') }];
  const requests = [
    get('/a%20b?c=d', 'X-Y: z', 'Cookie: a=b'),
    `${request('POST', '/x/../y', 'Content-Length: 3', 'Content-Type: text/x')}abc`,
    'GET / HTTP/1.0\r\n\r\n',
  ];
  for (const index of [0, 1]) {
    for (const text of requests) {
      const [got, wanted] = await Promise.all([varsAt(ours[index]!, text), varsAt(theirs[index]!, text)]);
      const [ourPort, theirPort] = [ours[index]!, theirs[index]!].map((target) => ('port' in target ? String(target.port) : '80'));
      assert.equal(got.get('SERVER_PORT'), ourPort);
      assert.equal(wanted.get('SERVER_PORT'), theirPort);
      assert.deepEqual([got.get('SERVER_NAME'), wanted.get('SERVER_NAME')], ['gate.example', hostname()]);
      for (const vars of [got, wanted]) for (const key of ['SERVER_PORT', 'SERVER_NAME']) vars.delete(key);
      assert.deepEqual(got, wanted, text);
    }
  }
});

async function varsAt(target: Target, text: string): Promise<Map<string, string>> {
  const client = await waitFor('the listener', () => RawClient.connect(target).catch(() => null));
  client.write(text);
  const [, body = ''] = (await client.readToEnd()).toString('latin1').split('\r\n\r\n');
  return new Map(body.split('\n').flatMap((line) => (line.includes('=') ? [[line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]] : [])));
}
