/** What a master can be told by signals, its FIFO and its pidfile: to stop, to pause, to say how it is. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { sleep, waitFor, within } from '../support/wait.ts';
import { asking, FETCH_APP, get, OTHER, runUgate, Tree, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';

const APP = ['--module', FETCH_APP];
const TREE = [...APP, '--master', '--processes', '2'];

blackbox('SIGTSTP: 503 with Retry-After until it is sent again, whatever is reloaded meanwhile', OTHER, async () => {
  await using folder = temporaryFolder();
  for (const args of [TREE, [...APP, '--http-socket', '127.0.0.1:0', '--http-socket', '127.0.0.1:0', '--processes', '2'], APP]) {
    await using tree = await Tree.start([...args, '--pidfile', folder.file('pid')]);
    await using kept = await RawClient.connect(tree.gate.target);
    const status = async (): Promise<number> => (await exchange(tree.gate.target, get())).status;
    /** Each process is told by itself. */
    const isEverywhere = async (wanted: number): Promise<boolean> => {
      for (let i = 0; i < 6; i++) if ((await status()) !== wanted) return false;
      return true;
    };
    assert.equal(await status(), 200);
    await tree.after(() => tree.gate.process.kill('SIGTSTP'), /paused/);
    await waitFor('503', () => isEverywhere(503));
    const refused = await kept.request(get());
    assert.equal(refused.status, 503);
    assert.match(refused.header('retry-after') ?? '', /^\d+$/);
    await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/);
    for (let i = 0; i < 6; i++) assert.equal(await status(), 503, 'new workers are paused too');
    await tree.after(async () => assert.equal((await runUgate(['--pause', folder.file('pid')])).code, 0), /resumed/);
    await waitFor('200', () => isEverywhere(200));
  }
});

blackbox('SIGUSR1 and FIFO s: a line for each process', OTHER, async () => {
  await using folder = temporaryFolder();
  await using tree = await Tree.start([...TREE, '--master-fifo', folder.file('fifo')]);
  for (let i = 0; i < 3; i++) await exchange(tree.gate.target, get());
  await tree.after(() => tree.gate.process.kill('SIGUSR1'), /worker 2 /);
  const lines = tree.gate.stderrLines.filter((line) => /router 1|worker [12]|generation/.test(line));
  assert.match(lines[0] ?? '', new RegExp(`ugate .*pid ${tree.gate.pid}, up .*generation 1$`));
  assert.match(lines[1] ?? '', /router 1 +pid \d+ +3 requests/);
  assert.equal(lines.length, 4);
  for (const line of lines.slice(1)) assert.ok(tree.childrenOf().includes(Number(/pid (\d+)/.exec(line)?.[1])), line);
  await tree.after(() => writeFileSync(folder.file('fifo'), 's'), /worker 2 /);
  assert.equal(tree.count(/generation 1$/), 2);
});

blackbox('--stop and the FIFO’s q and Q; pidfiles are removed with --vacuum', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  const stops: [string, string[], () => unknown][] = [
    ['--stop', ['--vacuum'], async () => assert.equal((await runUgate(['--stop', file('pid')])).code, 0)],
    ['q', [], () => writeFileSync(file('fifo'), 'q')],
    ['Q', ['--vacuum'], () => writeFileSync(file('fifo'), 'Q')],
  ];
  for (const [how, args, stop] of stops) {
    await using tree = await Tree.start([...TREE, '--pidfile', file('pid'), '--master-fifo', file('fifo'), ...args]);
    assert.equal(readFileSync(file('pid'), 'utf8'), `${tree.gate.pid}\n`);
    await using busy = await asking(tree, '/slow?ms=500');
    await stop();
    if (how !== 'Q') assert.equal((await busy.readResponse()).status, 200, how);
    assert.deepEqual(await within(3000, 'the end', tree.gate.process.exited), { code: 0, signal: null });
    await tree.gone(500);
    assert.equal(existsSync(file('pid')), !args.includes('--vacuum'), `${how}: the pidfile`);
    assert.equal(existsSync(file('fifo')), false, 'the FIFO');
    assert.deepEqual(tree.directories, []);
  }
  const stale = await runUgate(['--stop', file('pid')]);
  assert.equal(stale.code, 1);
  assert.match(stale.stderr, /pid/);
});

blackbox('relative paths count from where ugate was started, and --chdir is for the app', OTHER, async () => {
  for (const master of ['true', 'false']) {
    await using folder = temporaryFolder();
    const { file } = folder;
    mkdirSync(file('site'));
    writeApp(file('site/app.ts'), 'one');
    const files = 'pidfile = u.pid\nmaster-fifo = fifo\ntouch-reload = touched\nvacuum = true';
    writeFileSync(file('u.ini'), `[uwsgi]\nhttp = front.sock\nmaster = ${master}\nmodule = app.ts\nchdir = site\n${files}\n`);
    await using tree = await Tree.start(['u.ini'], { cwd: folder.path });
    assert.equal(Number(readFileSync(file('u.pid'), 'utf8')), tree.gate.pid);
    await tree.after(() => writeFileSync(file('fifo'), 'r'), /reload \(graceful\) is done/);
    await sleep(200);
    await tree.after(() => writeFileSync(file('touched'), ''), /reload \(graceful\) is done/);
    assert.equal((await exchange({ path: file('front.sock') }, get())).text(), 'one');
    await tree.end();
    assert.deepEqual(readdirSync(folder.path).toSorted(), ['site', 'touched', 'u.ini']);
  }
});
