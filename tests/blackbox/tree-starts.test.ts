/** What comes while ugate or one of its processes starts, and what it was started in that is there no more. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { freePort, temporaryFolder } from '../support/paths.ts';
import { exchange } from '../support/raw-client.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { DONE, get, interrupted, isAlive, kill, OTHER, Tree, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';

blackbox('B1: routers that are told something while they start do not die of it', OTHER, async () => {
  await using folder = temporaryFolder();
  const front = folder.file('http.sock');
  const node = `127.0.0.1:${await freePort()}`;
  for (let round = 0; round < 3; round++) {
    let isOver = false;
    const knock = async (): Promise<void> => {
      while (!isOver) await exchange({ path: front }, get('/', 'Connection: close\r\n')).catch(() => sleep(5));
    };
    const knocking = Array.from({ length: 6 }, knock);
    try {
      await using tree = await Tree.start(['--http', front, '--http-processes', '3', '--http-to', node]);
      await waitFor('a refusal', () => tree.count(/code=(connect-refused|node-dead)/) > 0, 10_000);
      tree.gate.process.kill('SIGTSTP');
      await sleep(300);
      assert.equal(tree.count(/router-died|Cannot read/), 0, tree.gate.stderr);
      assert.equal(tree.childrenOf().length, 3);
      isOver = true;
      await Promise.all(knocking);
    } finally {
      isOver = true;
    }
  }
});

/** Whether the process has a handler for `signal` (1 to 31), from its status in /proc. */
function catches(pid: number, signal: number): boolean {
  try {
    const mask = /^SigCgt:\s*([\da-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

const SIGHUP = 1;

blackbox('F13, W10: what is asked for while the app loads is done when everything serves', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  const app = (word: string): void =>
    writeApp(file('app.ts'), word, `console.error('loading ${word}'); await new Promise((resolve) => setTimeout(resolve, 700));`);
  for (const more of [['--master'], []]) {
    const isTree = more.length > 0;
    app('one');
    await interrupted(['--http', file('http.sock'), '--pidfile', file('pid'), ...more, '--module', file('app.ts')], async (started, pids) => {
      // As soon as it can: the runtime itself is not loaded at once.
      await waitFor('a handler', () => catches(started.pid, SIGHUP), 20_000);
      for (const signal of ['SIGUSR1', 'SIGTSTP'] as const) started.kill(signal);
      await started.said(/loading one/);
      app('two');
      for (const signal of ['SIGHUP', 'SIGHUP', 'SIGUSR1', 'SIGTSTP'] as const) started.kill(signal);
      await started.said(/SIGHUP: it is done when everything serves/);
      await started.said(/SIGUSR1: still starting/);
      await started.said(/reload \(graceful\) is done/, 20_000);
      assert.match(started.stderr, /paused[\s\S]*resumed[\s\S]*listening/);
      const response = await exchange({ path: file('http.sock') }, get());
      assert.equal(response.status === 200 ? response.text() : response.status, isTree ? 'two' : 'one');
      if (isTree) {
        // One that is asked for a successor while it starts has one.
        assert.equal(started.stderr.match(/reload \(graceful\) begins/g)?.length, 1);
      }
      assert.ok(pids().length >= (isTree ? 3 : 1));
      await started.stop();
    });
  }
  app('three');
  await interrupted(['--http', file('http.sock'), '--pidfile', file('pid'), '--master', '--module', file('app.ts')], async (started) => {
    await started.said(/loading three/);
    started.kill('SIGUSR2');
    await waitFor('a successor', () => Number(readFileSync(file('pid'), 'utf8')) !== started.pid && !isAlive(started.pid), 30_000);
    assert.equal((await exchange({ path: file('http.sock') }, get())).text(), 'three');
    const successor = Number(readFileSync(file('pid'), 'utf8'));
    kill(successor, 'SIGTERM');
    await waitFor('its end', () => !isAlive(successor), 20_000);
  });
});

blackbox('F6: the directory it was started in is gone: reloads, new processes and a successor come all the same', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  for (const release of ['one', 'two']) {
    mkdirSync(file(release));
    writeApp(file(`${release}/app.ts`), release);
  }
  symlinkSync(file('one'), file('current'));
  await using tree = await Tree.start(
    ['--http', file('http.sock'), '--module', 'app.ts', '--processes', '2', '--chdir', file('current'), '--pidfile', file('pid')],
    { cwd: file('current') },
  );
  const served = async (): Promise<string> => (await exchange({ path: file('http.sock') }, get('/', 'Connection: close\r\n'))).text();
  assert.equal(await served(), 'one');
  symlinkSync(file('two'), file('next'));
  renameSync(file('next'), file('current'));
  rmSync(file('one'), { recursive: true });
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  assert.equal(await served(), 'two');
  for (const [role, again] of [
    ['router 1', /router-started/],
    ['worker 1', /worker-started/],
    ['worker 2', /worker-started/],
  ] as const) {
    const pid = (await tree.roles()).get(role)!;
    await tree.after(() => kill(pid, 'SIGKILL'), again);
  }
  assert.equal(await served(), 'two');
  const old = tree.gate.pid;
  kill(old, 'SIGUSR2');
  await waitFor('a successor', () => Number(readFileSync(file('pid'), 'utf8')) !== old && !isAlive(old), 30_000);
  assert.equal(await served(), 'two');
  assert.equal(tree.count(/ error /), 3, tree.gate.stderr);
});
