/** Apps in TypeScript that ugate runs itself: in its own process, in workers, and behind other front ends. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { FETCH_APP, get, HONO_APP, holding, OTHER, post, runUgate, Tree } from './embedded.ts';
import { blackbox, shared } from './front.ts';
import { Load } from './load.ts';

interface Me {
  framework: string;
  pid: number;
  cwd: string;
  variable: string | null;
  client: string;
  url: string;
  headers: [string, string][];
}

const TREE = ['--master', '--processes', '3'];

function lasting(...args: string[]) {
  return shared(async () => {
    const tree = await Tree.start(args);
    return Object.assign(tree, { stop: () => tree[Symbol.asyncDispose]() });
  });
}

async function me(client: RawClient, more = '', path = '/me'): Promise<Me> {
  const response = await client.request(get(path, more));
  assert.equal(response.status, 200);
  return JSON.parse(response.text()) as Me;
}

for (const [framework, module] of [
  ['hono', HONO_APP],
  ['fetch', FETCH_APP],
] as const) {
  for (const [where, args] of [
    ['in the router’s process', []],
    ['in three workers', TREE],
  ] as const) {
    const name = (text: string): string => `${framework} ${where}: ${text}`;
    const start = lasting('--module', module, ...args);

    blackbox(name('GET, HEAD, 404, and the process is the one it should be'), OTHER, async () => {
      const { gate, pids } = await start();
      assert.equal(pids.length, args.length === 0 ? 1 : 5, 'master, router and workers, or one alone');
      await using client = await RawClient.connect(gate.target);
      assert.equal((await client.request(get())).text(), `hello from ${framework}`);
      const head = await client.request('HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n');
      assert.equal(head.status, 200);
      assert.equal(head.body.length, 0);
      assert.equal((await client.request(get('/none'))).status, 404);
      const { framework: told, pid, url } = await me(client, '', '/me?a=1&b=%20x');
      assert.equal(told, framework);
      assert.equal(pid === gate.pid, args.length === 0);
      assert.equal(url, 'http://a.example/me?a=1&b=%20x');
    });

    blackbox(name('bodies small, of 5 MB, and chunked'), OTHER, async () => {
      const { gate } = await start();
      await using client = await RawClient.connect(gate.target);
      const small = await client.request(post('/echo', 'three words here'));
      assert.equal(small.text(), 'three words here');
      assert.equal(small.header('x-method'), 'POST');
      const large = Buffer.alloc(5 << 20, 'abcdefghijk');
      client.write(`PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n`);
      client.write(large);
      assert.equal((await client.readResponse({ milliseconds: 20_000 })).text(), String(large.length));
      // An answer that begins before its request is complete ends the connection.
      await using echo = await RawClient.connect(gate.target);
      echo.write(`PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n`);
      echo.write(large);
      const back = await echo.readResponse({ milliseconds: 20_000 });
      assert.ok(back.body.equals(large), `${back.body.length} bytes came back`);
      client.write('POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
      await sleep(50);
      client.write('7\r\n, world\r\n0\r\n\r\n');
      assert.equal((await client.readResponse()).text(), '12');
      assert.equal((await client.request(get())).status, 200, 'and the connection goes on');
    });

    blackbox(name('an answer streams as it is written'), OTHER, async () => {
      const { gate } = await start();
      await using client = await RawClient.connect(gate.target);
      const began = performance.now();
      client.write(get('/stream?n=3&ms=800'));
      await client.readUntil('piece 0\n');
      const first = performance.now() - began;
      await client.readUntil('piece 2\n');
      assert.ok(performance.now() - began - first > 450, `the first piece came after ${first} ms, the last soon behind it`);
      await client.readUntil('0\r\n\r\n');
    });

    blackbox(name('each Set-Cookie is a field of its own'), OTHER, async () => {
      const { gate } = await start();
      const response = await exchange(gate.target, get('/cookies'));
      assert.deepEqual(response.headers('set-cookie'), ['a=1; Path=/', 'b=2; Expires=Wed, 21 Oct 2065 07:28:00 GMT']);
    });

    blackbox(name('the app sees the client, whatever the client says of itself'), OTHER, async () => {
      const { gate } = await start();
      await using client = await RawClient.connect({ ...gate.target, localAddress: '127.0.0.9' });
      const own = `127.0.0.9 ${client.localPort}`;
      assert.equal((await me(client)).client, own);
      const forged = 'X-Ugate-Client: 6.6.6.6 66\r\nX-Forwarded-For: 7.7.7.7\r\nX-Other: kept\r\nProxy: http://evil\r\n';
      const { client: seen, headers } = await me(client, forged);
      assert.equal(seen, own);
      const names = headers.map(([field]) => field.toLowerCase());
      assert.ok(names.includes('x-other'));
      assert.ok(!names.includes('x-ugate-client'), 'not even to be seen');
      assert.ok(!names.includes('proxy'));
    });
  }
}

const hono = lasting('--module', HONO_APP, ...TREE);

blackbox('hono: routes, forms and errors', OTHER, async () => {
  const { gate } = await hono();
  await using client = await RawClient.connect(gate.target);
  assert.equal((await client.request(get('/hello/Zo%C3%AB'))).body.toString(), 'hello Zoë');
  assert.deepEqual(JSON.parse((await client.request(get('/json?q=1', 'X-Id: 7\r\n'))).text()), { query: '1', id: '7' });
  const form = await client.request(post('/form', 'a=1&b=two', 'Content-Type: application/x-www-form-urlencoded\r\n'));
  assert.deepEqual(JSON.parse(form.text()), { a: '1', b: 'two' });
  assert.equal((await client.request(get('/boom'))).status, 500, 'Hono’s own answer');
  assert.equal((await client.request(get())).status, 200);
});

blackbox('least busy first: no request waits behind a slow one', OTHER, async () => {
  const tree = await hono();
  const { gate } = tree;
  await using slow = await holding(tree, '/held');
  await using slower = await holding(tree, '/held');
  const free = new Set<string>();
  await using client = await RawClient.connect(gate.target);
  for (let i = 0; i < 8; i++) free.add((await client.request(get('/pid'))).text());
  for (const one of [slow, slower]) one.write('x');
  const busy = [(await slow.readResponse()).text(), (await slower.readResponse()).text()].map((text) => text.replace('held ', ''));
  assert.equal(new Set(busy).size, 2, 'the slow ones are with two workers');
  assert.equal(free.size, 1, 'all others with the third');
  assert.ok(!busy.includes([...free][0]!));
});

blackbox('all workers get requests, and keep their connections', OTHER, async () => {
  const { gate } = await hono();
  const clients = await Promise.all(Array.from({ length: 6 }, () => RawClient.connect(gate.target)));
  const texts = await Promise.all(clients.map((client) => client.request(get('/slow?ms=100'))));
  assert.equal(new Set(texts.map((response) => response.text())).size, 3);
  for (const client of clients) client.destroy();
});

blackbox('http-processes: two routers accept', OTHER, async () => {
  await using tree = await Tree.start(['--module', FETCH_APP, '--processes', '2', '--http-processes', '2']);
  assert.equal(tree.childrenOf().length, 4);
  // The kernel gives each connection to whoever is awake first.
  await using load = new Load(tree.gate.target, { keeping: 0, posting: 0, closing: 12 });
  await waitFor('many requests', () => load.answered > 300, 20_000);
  const { answered, failures } = await load.stop();
  assert.deepEqual(failures, []);
  await tree.after(() => tree.gate.process.kill('SIGUSR1'), /worker 2 /);
  const served = tree.gate.stderrLines.filter((line) => /router \d/.test(line)).map((line) => Number(/(\d+) requests?/.exec(line)?.[1]));
  assert.equal(served.length, 2);
  assert.equal(
    served.reduce((sum, count) => sum + count),
    answered,
  );
  assert.ok(
    served.every((count) => count > 0),
    `of ${answered}: ${served.join(' and ')}`,
  );
});

for (const [where, args] of [
  ['in the router’s process', []],
  ['in workers', TREE],
] as const) {
  blackbox(`--chdir and --env ${where}: the app is there, relative sockets count from where ugate was started`, OTHER, async () => {
    await using folder = temporaryFolder();
    await using other = temporaryFolder();
    const words = ['--http', 'front.sock', '--module', FETCH_APP, '--chdir', other.path, '--env', 'UGATE_TEST_VARIABLE=a=b c', ...args];
    await using tree = await Tree.start(words, { cwd: folder.path });
    assert.ok(readdirSync(folder.path).includes('front.sock'));
    await using client = await RawClient.connect({ path: folder.file('front.sock') });
    const { cwd, variable, client: seen } = await me(client);
    assert.equal(cwd, other.path);
    assert.equal(variable, 'a=b c');
    assert.equal(seen, ' 0', 'nobody in particular on a unix socket');
    await tree.end();
    assert.deepEqual(readdirSync(folder.path), [], 'the socket is gone');
  });
}

blackbox('--chdir: a relative --module is looked for there', OTHER, async () => {
  await using tree = await Tree.start(['--module', 'fetch_app.ts', '--chdir', 'tests/peers', ...TREE]);
  assert.equal((await exchange(tree.gate.target, get())).status, 200);
});

blackbox('a file that is no app, or is not there: exit code 1, and why', OTHER, async () => {
  for (const args of [[], TREE]) {
    const missing = await runUgate(['--http', '127.0.0.1:0', '--module', '/nowhere/app.ts', ...args]);
    assert.equal(missing.code, 1, missing.stderr);
    assert.match(missing.stderr, /\/nowhere\/app\.ts/);
    const wrong = await runUgate(['--http', '127.0.0.1:0', '--module', new URL('./front.ts', import.meta.url).pathname, ...args]);
    assert.equal(wrong.code, 1, wrong.stderr);
    assert.doesNotMatch(wrong.stderr, /^\s+at /m, 'no stack trace');
  }
});
