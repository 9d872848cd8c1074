/** Python apps and processes that fail: what is lost is what was inside, it is answered 502 or 504, and the rest goes on. */

import assert from 'node:assert/strict';
import { packet } from '../app/wsgi-support.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient, type Target } from '../support/raw-client.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { get, isAlive, kill, post, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';
import { ask, begin, lasting, PEERS, PROBE, pidsOf, UNLIKE } from './wsgi.ts';

const three = lasting(['--http', '127.0.0.1:0', '--processes', '3', '--harakiri', '30', ...PROBE]);

const WRONG = ['--chdir', PEERS, '--module', 'wsgi_wrong', '--env', 'PYTHONDONTWRITEBYTECODE=1'];

async function statusOf(target: Target, path: string, milliseconds = 10_000): Promise<number> {
  return (await exchange(target, get(path), { milliseconds })).status;
}

/** The Python process that forks the workers. */
function pythonOf(tree: Tree, worker: number): number {
  return tree.pids.find((pid) => tree.childrenOf(pid).includes(worker))!;
}

blackbox('workers are killed under load: each takes at most its own request along', UNLIKE, async () => {
  const tree = await three();
  const { target } = tree.gate;
  await using load = new Load(target, { path: '/sleep?s=0.005' });
  const { pid } = await ask(target);
  const python = pythonOf(tree, pid);
  for (let round = 0; round < 6; round++) {
    const victim = tree.childrenOf(python)[0]!;
    kill(victim, 'SIGKILL');
    await waitFor('another worker', () => !isAlive(victim) && tree.childrenOf(python).length === 3);
    await sleep(100);
  }
  await load.stop();
  assert.ok(load.failures.length <= 6, load.failures.join('\n'));
  for (const failure of load.failures) assert.match(failure, /status 502/);
  assert.ok(load.answered > 50, `${load.answered}`);
  await waitFor('six lines', () => tree.count(/app-worker-exit.*signal=SIGKILL/) >= 6);
});

blackbox('Python itself is killed under load: what waits in the queue is served by the next one', UNLIKE, async () => {
  const tree = await three();
  const { target } = tree.gate;
  await using load = new Load(target, { path: '/sleep?s=0.005' });
  const { pid } = await ask(target);
  await sleep(200);
  await tree.after(() => kill(pythonOf(tree, pid), 'SIGKILL'), /Python is there again/);
  await waitFor('its workers to go with it', () => !isAlive(pid));
  await sleep(200);
  await load.stop();
  assert.ok(load.failures.length <= 3, load.failures.join('\n'));
  for (const failure of load.failures) assert.match(failure, /status 502/);
  assert.equal((await pidsOf(target, 3)).size, 3);
});

blackbox('a router is killed under load: its connections end, others do not, and there is another', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--processes', '2', '--http-processes', '2', ...PROBE]);
  const { target, pid } = tree.gate;
  await using load = new Load(target);
  await sleep(300);
  const { pid: worker } = await ask(target);
  const python = pythonOf(tree, worker);
  const [router] = tree.childrenOf(pid).filter((one) => one !== python);
  await tree.after(() => kill(router!, 'SIGKILL'), /router is there again|router-started/);
  await sleep(200);
  await load.stop();
  assert.ok(load.failures.length <= 8, load.failures.join('\n'));
  for (const failure of load.failures) assert.match(failure, /closed|ECONNRESET|EPIPE/);
  assert.equal(tree.pids.length, 6);
});

blackbox('the master is killed: a second later nothing is left, whatever workers are doing', UNLIKE, async () => {
  const tree = await Tree.start(['--http', '127.0.0.1:0', '--processes', '5', ...PROBE]);
  const { target } = tree.gate;
  const clients = await Promise.all(['/loop', '/sum', '/hash', '/sleep?s=60'].map((path) => begin(target, path)));
  await sleep(300);
  kill(tree.gate.pid, 'SIGKILL');
  await tree.gone(1500);
  for (const client of clients) client.destroy();
  await tree.folder[Symbol.asyncDispose]();
});

blackbox('harakiri: 504 for the one that is stuck, its name in the log, and the others serve on', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--processes', '3', '--harakiri', '1', ...PROBE]);
  const { target } = tree.gate;
  await using load = new Load(target, { keeping: 1, posting: 1, closing: 1 });
  const began = performance.now();
  const statuses = await Promise.all(['/loop?why=not', '/sum'].map((path) => statusOf(target, path)));
  assert.deepEqual(statuses, [504, 504]);
  assert.ok(isWithin(4000, began), `${performance.now() - began} ms`);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await tree.log(/app-harakiri.*GET \/loop\?why=not/);
  await tree.log(/wsgi_probe\.py", line \d+ in do_loop/);
  assert.equal((await pidsOf(target, 3)).size, 3);
});

blackbox('apps that end their process, or close its sockets: 502, and another worker', UNLIKE, async () => {
  const tree = await three();
  const { target } = tree.gate;
  for (const path of ['/die', '/abort', '/closeall']) {
    assert.equal(await statusOf(target, path), 502, path);
    assert.equal(await statusOf(target, '/'), 200);
  }
  await tree.log(/app-worker-exit.*status=3/);
  await tree.log(/app-worker-exit.*signal=SIGABRT/);
  // Exceptions end nothing, not even SystemExit.
  for (const path of ['/exit', '/raise']) assert.equal(await statusOf(target, path), 500, path);
  await tree.log(/the app failed: ValueError: not this time code=app-error/);
  await tree.log(/wsgi_probe\.py", line \d+, in do_raise/);
  const deaf = await ask<number>(target, '/deaf');
  await waitFor('it to go', () => !isAlive(deaf));
  await tree.log(/app-socket-closed/);
  assert.doesNotMatch(tree.gate.stderr, /<ugate/);
  const pids = await pidsOf(target, 3);
  assert.equal(pids.size, 3);
  assert.ok(!pids.has(deaf));
});

blackbox('an app that dies at each request: every client hears of it, and who asks for another page gets it', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--processes', '2', ...PROBE]);
  const { target } = tree.gate;
  const began = performance.now();
  const dying = await Promise.all(Array.from({ length: 6 }, () => statusOf(target, '/die', 15_000)));
  assert.deepEqual(dying, Array(6).fill(502));
  assert.equal(await statusOf(target, '/', 15_000), 200);
  assert.ok(isWithin(10_000, began));
  await waitFor('six lines', () => tree.count(/app-worker-exit/) >= 6);
  assert.ok(tree.count(/app-worker-exit/) < 12, tree.gate.stderr);
  await tree.log(/app-worker-exit.*pause=/);
});

blackbox('floods of output, and memory that max-requests gives back: nothing is lost', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--processes', '2', '--max-requests', '4', ...PROBE]);
  const { target } = tree.gate;
  await using load = new Load(target, { keeping: 1, posting: 1, closing: 1 });
  await using client = await begin(target, '/flood?lines=3000');
  await sleep(20);
  // Nobody reads meanwhile: the pipe is full, and what is printed has to wait.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
  assert.equal((await client.readResponse()).status, 200);
  await waitFor('all of it', () => tree.count(/^e{100}$/) >= 3000, 10_000);
  const pids = new Set<number>();
  for (let n = 0; n < 16; n++) pids.add(await ask<number>(target, '/hoard?bytes=30000000'));
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(pids.size >= 4, `${pids.size} processes`);
  assert.equal(tree.count(/ error /), 0, tree.gate.stderr.slice(-2000));
});

blackbox('workers that are used up in quick succession, and a stop among them: none of them counts as dead', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--processes', '3', '--max-requests', '2', ...PROBE]);
  const load = new Load(tree.gate.target, { keeping: 6, posting: 2, closing: 2 });
  await sleep(3_000);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await tree.end();
  assert.equal(tree.count(/code=app-(worker-exit|socket-closed)/), 0, tree.gate.stderr.slice(-2000));
});

blackbox('F18, F24: what a client or an exception says begins no line of the log, and steers no terminal', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const socket = folder.file('app.sock');
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--socket', socket, '--harakiri', '1', '--log-level', 'debug', ...WRONG]);
  const { gate } = tree;
  const forged = 'x\r\n2026-01-01T00:00:00.000Z error FORGED code=forged\x1b[2J\x9b2J\x85';
  const uwsgi = async (vars: Record<string, string>): Promise<void> => {
    await using client = await RawClient.connect({ path: socket });
    client.write(packet(Object.entries({ REQUEST_METHOD: 'GET', PATH_INFO: '/breaks', ...vars })));
    await client.readToEnd();
  };
  await uwsgi({ REQUEST_URI: `/${forged}` });
  await uwsgi({ REQUEST_METHOD: forged, REQUEST_URI: '/' });
  await uwsgi({ REQUEST_METHOD: '2026-01-01T00:00:00.000Z error FORGED' });
  await uwsgi({ PATH_INFO: `/${forged}` });
  await uwsgi({ CONTENT_LENGTH: forged });
  await uwsgi({ PATH_INFO: '/sleep', REQUEST_URI: `/${forged}` });
  assert.equal(await statusOf(gate.target, '/breaks'), 500);
  assert.equal(await statusOf(gate.target, '/notes'), 500);
  await tree.log(/app-harakiri/);
  await waitFor('the errors', () => tree.count(/ error the app failed: .*code=app-error/) >= 6);
  await tree.log(/ error the app failed: ValueError: first\\x0a2026-01-01T00:00:00\.000Z error FAKE code=fake\\x1b\[2J code=app-error/);
  await tree.log(/^ {2}ValueError: first$/m);
  for (const line of gate.stderrLines) assert.doesNotMatch(line, /^2026-01-01|[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
});

blackbox('B8: an answer in 50,000 pieces arrives, and a body of as many lines; a client that leaves closes the iterable', UNLIKE, async () => {
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--log-level', 'debug', ...WRONG]);
  const { target } = tree.gate;
  const pieces = await exchange(target, get('/pieces?50000'), { milliseconds: 60_000 });
  assert.deepEqual([pieces.status, pieces.body.length], [200, 50_000]);
  const lines = await exchange(target, post('/lines', '\n'.repeat(300_000)), { milliseconds: 60_000 });
  assert.deepEqual([lines.status, lines.text()], [200, '300000']);

  const client = await begin(target, '/endless');
  await client.readUntil('piece\n');
  client.destroy();
  await waitFor('the app to hear of it', async () => (await ask<{ closed: string[] }>(target, '/facts')).closed.length === 1);
  await tree.log(/ debug the client went away.* code=client-left request="GET \/endless"/);
  assert.doesNotMatch(tree.gate.stderr, /Traceback|app-error/);
});
