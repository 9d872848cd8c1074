/** What Python apps start and leave behind: processes that they fork, threads and exit functions that outlive an answer, and the worker's own end. */

import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, type RawClient, type Target } from '../support/raw-client.ts';
import { isWithin, waitFor, within } from '../support/wait.ts';
import { get, isAlive, kill, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { ask, begin, lasting, PEERS, pidsOf, UNLIKE, writeWsgi } from './wsgi.ts';

const KIN = ['--http', '127.0.0.1:0', '--master', '--chdir', PEERS, '--module', 'wsgi_kin', '--env', 'PYTHONDONTWRITEBYTECODE=1'];
const one = lasting([...KIN, '--processes', '1']);
const threaded = lasting([...KIN, '--processes', '1', '--threads', '3']);

async function answerOf(target: Target, path: string): Promise<string> {
  const response = await exchange(target, get(path), { milliseconds: 20_000 });
  assert.equal(response.status, 200, `${path}: ${response.text()}`);
  return response.text();
}

blackbox('W1: what an app forks in a request ends by its own exit code, and the client gets the answer of the worker', UNLIKE, async () => {
  for (const start of [one, threaded]) {
    const tree = await start();
    const { target } = tree.gate;
    const pid = await ask<number>(target, '/pid');
    for (const [path, answer] of [
      ['/fork-exit?code=0', '0'],
      ['/fork-exit?code=3', '3'],
      ['/fork-exit?code=none', '0'],
      ['/fork-exit?code=text', '1'],
      ['/fork-raise', '1'],
      ['/fork-return', '0'],
      ['/fork-stream', '0\nthe end\n'],
      ['/fork-exit-function', '4'],
    ] as const) {
      const before = tree.pids.length;
      assert.equal(await answerOf(target, path), answer, path);
      assert.equal(await ask<number>(target, '/pid'), pid, 'the worker is the same');
      assert.equal(tree.pids.length, before, 'and has no copy');
    }
    await tree.log(/ValueError: in the child/);
    await tree.log(/^enough$/m);
    await tree.log(/the child's own in \d+/);
    assert.equal(tree.count(/^exit function/), 0, "the worker's own exit functions are for its own end");
    assert.equal(tree.count(/app-error|app-worker-exit/), 0, tree.gate.stderr);
  }
});

blackbox('W1: a child that comes back when the answer is out takes no request', UNLIKE, async () => {
  const tree = await one();
  const { target } = tree.gate;
  const pid = await ask<number>(target, '/fork-late');
  const child = Number((await tree.log(/the child ends in (\d+)/))[1]);
  await waitFor('it to go', () => !isAlive(child));
  for (let n = 0; n < 5; n++) assert.equal(await ask<number>(target, '/pid'), pid);
});

blackbox('W1: daemons, multiprocessing and subprocesses work in a request', UNLIKE, async () => {
  const tree = await one();
  const { target } = tree.gate;
  const { status, daemon } = await ask<{ status: number; daemon: { pid: number; handlers: string[] } }>(target, '/daemonize');
  assert.equal(status, 0);
  await waitFor('the daemon to end', () => !isAlive(daemon.pid));
  assert.deepEqual(daemon.handlers, [], 'W7: no handler of the worker');
  for (const method of ['fork', 'spawn', 'forkserver']) {
    assert.deepEqual(await ask<number[]>(target, `/multiprocessing?method=${method}`), [1, 4, 9], method);
  }
  assert.equal(await ask<number>(target, '/subprocess'), 5);
  assert.equal(tree.count(/app-error|app-worker-exit/), 0, tree.gate.stderr);
});

blackbox('W7: terminate() ends a process that the app forked', UNLIKE, async () => {
  const tree = await one();
  assert.deepEqual(await ask(tree.gate.target, '/terminate'), [false, -15]);
});

blackbox('W14: the standard input of workers is /dev/null, whatever ugate has', UNLIKE, async () => {
  await using tree = await Tree.start([...KIN, '--processes', '1'], { input: 'for ugate' });
  assert.deepEqual(await ask(tree.gate.target, '/stdin'), ['/dev/null', '']);
});

blackbox('W2: threads and executor jobs of an answered request are finished before their worker ends', UNLIKE, async () => {
  await using tree = await Tree.start([...KIN, '--processes', '2', '--max-requests', '1']);
  const { target } = tree.gate;
  for (const by of ['thread', 'executor']) {
    const worker = await ask<number>(target, `/thread?s=0.5&by=${by}`);
    await tree.log(new RegExp(`job done in ${worker}`));
    await tree.log(new RegExp(`job done in ${worker}[\\s\\S]*exit function in ${worker}`));
  }
  // A reload just behind the answer, and a stop.
  const reloaded = await ask<number>(target, '/thread?s=0.5');
  kill(tree.gate.pid, 'SIGHUP');
  await tree.log(new RegExp(`job done in ${reloaded}`));
  await tree.log(/reload \(graceful\) is done/);
  const stopped = await ask<number>(target, '/thread?s=0.5&by=executor');
  await tree.end();
  assert.match(tree.gate.stderr, new RegExp(`job done in ${stopped}[\\s\\S]*exit function in ${stopped}`));
  assert.equal(tree.count(/ (warn|error) /), 0, tree.gate.stderr);
});

blackbox('F8: an exit function that hangs holds up nobody, and is ended after the mercy, with its stack', UNLIKE, async () => {
  await using tree = await Tree.start([...KIN, '--processes', '1', '--max-requests', '1', '--worker-reload-mercy', '2']);
  const { target } = tree.gate;
  const began = performance.now();
  const hanging = await ask<number>(target, '/hang-at-exit');
  // The next ones serve on while it hangs: one that is used up waits for its room.
  for (let n = 0; n < 5; n++) assert.notEqual(await ask<number>(target, '/pid'), hanging);
  assert.ok(isWithin(1500, began), `${performance.now() - began} ms`);
  await tree.log(new RegExp(`code=app-mercy-over worker=1 pid=${hanging}`));
  await tree.log(/does not end in:[\s\S]*ugate_own/);
  await waitFor('it to go', () => !isAlive(hanging));
  // And no more are held back.
  const pids = new Set<number>();
  await waitFor('several workers', async () => pids.add(await ask<number>(target, '/pid')).size >= 3, 10_000);
});

blackbox('F8: a worker that retires with a long request in a thread has its successor at once', UNLIKE, async () => {
  await using tree = await Tree.start([...KIN, '--processes', '1', '--threads', '4', '--max-requests', '3']);
  const { target } = tree.gate;
  const file = tree.folder.file('release');
  await using slow = await begin(target, `/hold?file=${file}`);
  const worker = Number((await tree.log(/in hand in (\d+)/))[1]);
  const pids = new Set<number>();
  for (let n = 0; n < 12; n++) pids.add(await ask<number>(target, '/pid'));
  assert.ok(pids.size >= 2, [...pids].join());
  writeFileSync(file, '');
  assert.equal((await slow.readResponse()).text(), String(worker));
  await waitFor('it to go', () => !isAlive(worker));
  assert.equal(tree.count(/ (warn|error) /), 0, tree.gate.stderr);
});

blackbox('F9: a worker that ends by itself is told of whatever its status, and not forked again without a pause', UNLIKE, async () => {
  await using tree = await Tree.start([...KIN, '--processes', '1']);
  const { target } = tree.gate;
  for (let n = 0; n < 3; n++) assert.equal((await exchange(target, get('/end?status=0'), { milliseconds: 20_000 })).status, 502);
  await tree.log(/error a worker died.*code=app-worker-exit.*status=0 request="?GET \/end\?status=0/);
  await waitFor('three lines', () => tree.count(/code=app-worker-exit/) >= 3);
  await tree.log(/app-worker-exit.*pause=0\.25s/);
});

blackbox('B7: an app that ignores SIGCHLD, or waits for all: no request is lost when workers are replaced', UNLIKE, async () => {
  for (const handler of ['signal.SIG_IGN', 'lambda *_: os.waitpid(-1, os.WNOHANG)']) {
    await using folder = temporaryFolder();
    writeWsgi(folder.file('app.py'), 'fine', `import os, signal\nsignal.signal(signal.SIGCHLD, ${handler})`);
    const words = ['--master', '--chdir', folder.path, '--module', 'app', '--processes', '2', '--max-requests', '3'];
    await using tree = await Tree.start(['--http', '127.0.0.1:0', ...words], { folder });
    const { target } = tree.gate;
    await using slow = await begin(target, '/told?s=1.5');
    await tree.log(/in hand/);
    for (let n = 0; n < 8; n++) assert.equal(await answerOf(target, '/'), 'fine');
    assert.equal((await slow.readResponse()).text(), 'fine');
    assert.equal(tree.count(/ (warn|error) /), 0, tree.gate.stderr);
  }
});

blackbox('F9: an app that shuts down the socket of all workers: that is told, and there is another', UNLIKE, async () => {
  await using tree = await Tree.start([...KIN, '--processes', '2']);
  const { target } = tree.gate;
  await ask(target, '/shut');
  await tree.log(/code=app-socket-closed/);
  await tree.log(/code=worker-died.*shut the socket/);
  await tree.log(/Python is there again/);
  assert.equal((await pidsOf(target, 2)).size, 2);
  assert.ok(tree.count(/code=app-socket-closed/) <= 4, tree.gate.stderr);
});

blackbox('F10: a stop behind a reload takes no longer than reload-mercy', UNLIKE, async () => {
  const tree = await Tree.start([...KIN, '--processes', '1', '--reload-mercy', '2']);
  const { target, pid } = tree.gate;
  const slow: RawClient = await begin(target, '/slow?s=100');
  await tree.log(/in hand/);
  await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) is done/);
  // The old generation has been asked to end within a minute.
  await waitFor('the old worker to leave', async () => (await ask<number>(target, '/pid')) > 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  kill(pid, 'SIGTERM');
  const { code } = await within(20_000, 'the end', tree.gate.process.exited);
  assert.equal(code, 0);
  await tree.gone();
  slow.destroy();
  await tree.folder[Symbol.asyncDispose]();
});

blackbox('a worker without a descriptor for another connection says so once, and the other one serves', UNLIKE, async () => {
  await using folder = temporaryFolder();
  // What it has at hand goes on; the next connection finds no number.
  const limit = 'import resource';
  writeWsgi(folder.file('app.py'), 'fine', limit);
  appendFileSync(
    folder.file('app.py'),
    `
inner = application
def application(environ, start_response):
    if environ["PATH_INFO"] == "/limit":
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
    return inner(environ, start_response)
`,
  );
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--chdir', folder.path, '--module', 'app', '--master', '--processes', '2']);
  assert.equal(await answerOf(tree.gate.target, '/limit'), 'fine');
  const deadline = performance.now() + 2_000;
  while (performance.now() < deadline) assert.equal(await answerOf(tree.gate.target, '/'), 'fine');
  await tree.log(/cannot accept: Too many open files code=app-accept-failed/);
  assert.equal(tree.count(/app-accept-failed/), 1);
});
