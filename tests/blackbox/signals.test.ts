/** Signals that end a tree of processes: what is in flight is finished, and nobody is left. */

import assert from 'node:assert/strict';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { sleep, within } from '../support/wait.ts';
import { asking, FETCH_APP, get, holding, interrupted, kill, OTHER, Tree, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';

const APP = ['--module', FETCH_APP];
const TREE = [...APP, '--master', '--processes', '2'];
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130, SIGQUIT: 131 };

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
  blackbox(`${signal}: what is in flight is finished, nobody is left`, OTHER, async () => {
    await using tree = await Tree.start(TREE);
    await using idle = await RawClient.connect(tree.gate.target);
    await idle.request(get());
    await using busy = await holding(tree, '/held');
    tree.gate.process.kill(signal);
    assert.equal((await idle.readToEnd()).length, 0);
    assert.ok(!busy.closed && busy.unread.length === 0, 'idle connections are closed at once, and not with the last request');
    busy.write('x');
    const response = await busy.readResponse();
    assert.match(response.text(), /^held /);
    assert.equal(response.header('connection')?.toLowerCase(), 'close');
    assert.deepEqual(await within(3000, 'the end', tree.gate.process.exited), { code: 0, signal: null });
    await tree.gone(500);
    assert.deepEqual(tree.directories, []);
  });
}

blackbox('a signal to the whole group, as a terminal sends it: graceful as well', OTHER, async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    await using tree = await Tree.start(TREE);
    await using busy = await asking(tree, '/slow?ms=600');
    const { pids } = tree;
    const began = performance.now();
    for (const pid of pids) kill(pid, signal);
    // Wrappers such as npm and timeout pass on what has reached ugate already.
    kill(tree.gate.pid, signal);
    await sleep(20);
    // What comes a quarter of a second later is a wish of its own.
    if (performance.now() - began < 150) kill(tree.gate.pid, signal);
    assert.match((await busy.readResponse()).text(), /^slow /);
    assert.deepEqual(await within(3000, 'the end', tree.gate.process.exited), { code: 0, signal: null });
  }
});

blackbox('all other signals to the whole group: nobody dies', OTHER, async () => {
  await using tree = await Tree.start(TREE);
  const before = tree.pids;
  for (const pid of before)
    if (pid !== tree.gate.pid) for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP', 'SIGQUIT'] as const) kill(pid, signal);
  await sleep(200);
  assert.equal((await exchange(tree.gate.target, get())).status, 200);
  assert.deepEqual(tree.pids, before);
});

blackbox('a second signal ends it at once, and the exit code shows it', OTHER, async () => {
  for (const [signal, code] of Object.entries(EXIT_CODES) as [NodeJS.Signals, number][]) {
    await using tree = await Tree.start(signal === 'SIGINT' ? APP : TREE);
    await using _busy = await asking(tree, '/slow?ms=15000');
    tree.gate.process.kill(signal);
    await tree.log(new RegExp(`${signal}: finishing what is in flight`));
    // Sooner it would be an echo of the first.
    await sleep(400);
    assert.ok(tree.gate.process.running, 'it waits for the request');
    tree.gate.process.kill(signal);
    assert.deepEqual(await within(1000, 'the end', tree.gate.process.exited), { code, signal: null });
    await tree.gone(1000);
    assert.deepEqual(tree.directories, []);
  }
});

blackbox('--reload-mercy and --worker-reload-mercy: who takes too long is cut off', OTHER, async () => {
  await using tree = await Tree.start([...TREE, '--reload-mercy', '1', '--worker-reload-mercy', '1']);
  await using _blocked = await asking(tree, '/block');
  const began = performance.now();
  tree.gate.process.kill('SIGTERM');
  await within(6000, 'the end', tree.gate.process.exited);
  assert.ok(performance.now() - began > 900);
  await tree.gone(200);
});

blackbox('signals while the app still loads: those that end it do, and leave nothing; a reload waits for its time', OTHER, async () => {
  await using folder = temporaryFolder();
  const loading = (ms: number): string => {
    const path = folder.file(`app${ms}.ts`);
    writeApp(path, 'one', `console.error("loading"); await new Promise((resolve) => setTimeout(resolve, ${ms}));`);
    return path;
  };
  for (const more of [['--processes', '2'], []]) {
    const args = ['--http', '127.0.0.1:0', ...more, '--module'];
    await interrupted([...args, loading(20_000)], async (started) => {
      await started.said(/loading/);
      started.kill('SIGTERM');
      assert.deepEqual(await within(1000, 'the end', started.exited), { code: 143, signal: null });
    });
    await interrupted([...args, loading(700)], async (started) => {
      await started.said(/loading/);
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP'] as const) started.kill(signal);
      await started.said(/listening/);
      await started.stop();
    });
  }
});

blackbox('SIGTERM during a reload: it ends, with the workers that were about to serve', OTHER, async () => {
  await using folder = temporaryFolder();
  writeApp(folder.file('app.ts'), 'one');
  await using tree = await Tree.start(['--module', folder.file('app.ts'), '--processes', '2']);
  writeApp(folder.file('app.ts'), 'two', 'console.error("loading"); await new Promise((resolve) => setTimeout(resolve, 5000));');
  tree.gate.process.kill('SIGHUP');
  await tree.log(/loading/);
  assert.deepEqual(await tree.end(), { code: 0, signal: null });
});
