/** Every way to ask for a reload, and what becomes of one that does not work: nothing. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { noteSkip } from '../support/peers.ts';
import { run, startProcess } from '../support/process.ts';
import { startUgate, ugateCommand, underTest } from '../support/ugate.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { DONE, FAILED, OTHER, runUgate, startChanging, Tree, text, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

blackbox('every way to ask for a reload', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  for (const name of ['all', 'workers', 'chain']) writeFileSync(file(name), '');
  const touches = ['--touch-reload', file('all'), '--touch-workers-reload', file('workers'), '--touch-chain-reload', file('chain')];
  await using tree = await startChanging(folder, [...touches, '--master-fifo', file('fifo'), '--pidfile', file('pid')]);
  const touch = (name: string) => utimesSync(file(name), new Date(), new Date());
  const ways: [string, string, () => unknown][] = [
    ['SIGHUP', 'graceful', () => tree.gate.process.kill('SIGHUP')],
    ['--reload PIDFILE', 'graceful', async () => assert.equal((await runUgate(['--reload', file('pid')])).code, 0)],
    ['FIFO r', 'graceful', () => writeFileSync(file('fifo'), 'r')],
    ['FIFO R', 'brutal', () => writeFileSync(file('fifo'), 'R')],
    ['FIFO w', 'workers', () => writeFileSync(file('fifo'), 'w\n')],
    ['FIFO W', 'workers-brutal', () => writeFileSync(file('fifo'), 'W')],
    ['FIFO c', 'chain', () => writeFileSync(file('fifo'), 'c')],
    ['touch-reload', 'graceful', () => touch('all')],
    ['touch-workers-reload', 'workers', () => touch('workers')],
    ['touch-chain-reload', 'chain', () => touch('chain')],
  ];
  // uWSGI looks at files once a second; the first look is what later ones are compared with.
  await sleep(200);
  for (const [way, kind, ask] of ways) {
    writeApp(file('app.ts'), way);
    await tree.after(ask, new RegExp(`reload \\(${kind}\\) is done`));
    assert.equal(await text(tree), way);
  }
});

blackbox('--watch: a changed source is served within a second', OTHER, async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('part.ts'), 'export const part = "one";');
  writeApp(folder.file('app.ts'), '$', 'import { part } from "./part.ts";');
  const source = readFileSync(folder.file('app.ts'), 'utf8').replaceAll("'$'", 'part');
  writeFileSync(folder.file('app.ts'), source);
  await using tree = await Tree.start(['--module', folder.file('app.ts'), '--watch']);
  assert.equal(await text(tree), 'one');
  for (const part of ['two', 'three']) {
    const began = performance.now();
    writeFileSync(folder.file('part.ts'), `export const part = "${part}";`);
    await waitFor(`${part} to be served`, async () => (await text(tree)) === part);
    // A second on a machine that has nothing else to do.
    assert.ok(isWithin(2500, began), `after ${performance.now() - began} ms`);
  }
});

blackbox('code that does not load: the old workers go on, and the log says why', OTHER, async () => {
  await using folder = temporaryFolder();
  await using tree = await startChanging(folder, ['--master-fifo', folder.file('fifo')]);
  const before = tree.childrenOf();
  await using load = new Load(tree.gate.target);
  const faults: [string, RegExp][] = [
    ['export default {', /app\.ts/],
    ['throw new Error("no database today");', /no database today/],
    ['import "./nowhere.ts"; export default () => new Response("x");', /nowhere\.ts/],
    ['export const nothing = 1;', /default/],
    ['process.exit(7);', /exit code 7/],
  ];
  for (const [number, [source, why]] of faults.entries()) {
    writeFileSync(folder.file('app.ts'), source);
    for (const letter of number < 2 ? ['r', 'c'] : ['r']) {
      const said = tree.gate.stderr.length;
      await tree.after(() => writeFileSync(folder.file('fifo'), letter), FAILED);
      await waitFor('why', () => why.test(tree.gate.stderr.slice(said)));
    }
  }
  assert.equal(await text(tree), 'one');
  await waitFor('none but the old ones', () => tree.childrenOf().length === before.length);
  assert.deepEqual(tree.childrenOf(), before);
  writeApp(folder.file('app.ts'), 'mended');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  assert.equal(await text(tree), 'mended');
  const { failures } = await load.stop();
  assert.deepEqual(failures, []);
});

blackbox('a mistake in the ini file: the old generation goes on, and the log says where', OTHER, async () => {
  await using folder = temporaryFolder();
  writeApp(folder.file('app.ts'), 'one');
  const ini = (more: string): void =>
    writeFileSync(folder.file('u.ini'), `[uwsgi]\nhttp = 127.0.0.1:0\nmaster = true\nmodule = app.ts\nchdir = ${folder.path}\n${more}\n`);
  ini('processes = 2');
  await using tree = await Tree.start([folder.file('u.ini')]);
  writeApp(folder.file('app.ts'), 'two');
  ini('proceses = 3');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), FAILED);
  await tree.log(/u\.ini:6.*proceses/);
  assert.equal(await text(tree), 'one');
  ini('processes = 3\nenv = A=b');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
  assert.equal(await text(tree), 'two');
  await waitFor('three workers and a router', () => tree.childrenOf().length === 4);
  ini(`processes = 1\nmodule = other.ts`);
  await tree.after(() => tree.gate.process.kill('SIGHUP'), FAILED);
  await tree.log(/other\.ts/);
  assert.equal(await text(tree), 'two');
});

blackbox('F2, B14: a private directory that is gone is made again by the next reload', OTHER, async () => {
  await using folder = temporaryFolder();
  await using tree = await startChanging(folder, []);
  const [directory = ''] = tree.directories;
  rmSync(tree.folder.file(directory), { recursive: true });
  writeApp(folder.file('app.ts'), 'healed');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/);
  assert.equal(await text(tree), 'healed');
  assert.notDeepEqual(tree.directories, [directory]);
  await tree.log(/the directory of the sockets is gone/);
});

const NAMESPACE = 'F2, B14: another ugate, to which this one’s processes do not exist, leaves its private directory alone';
const canUnshare = (await run(['unshare', '--fork', '--pid', '--mount-proc', 'true']).catch(() => null))?.code === 0;
const noNamespace = canUnshare ? null : 'unshare --pid is not permitted here';
if (noNamespace !== null) noteSkip(NAMESPACE, noNamespace);
else
  blackbox(NAMESPACE, OTHER, async () => {
    await using folder = temporaryFolder();
    await using tree = await startChanging(folder, []);
    const before = tree.directories;
    const args = ['--http', '127.0.0.1:0', '--master', '--module', folder.file('app.ts')];
    const command = ['unshare', '--fork', '--pid', '--mount-proc', '--kill-child', ...ugateCommand(underTest(), 'all'), ...args];
    await using stranger = startProcess(command, { cwd: ROOT, env: { TMPDIR: tree.folder.path } });
    await stranger.said(/listening on/, 30_000);
    for (const one of before) assert.ok(tree.directories.includes(one), one);
    assert.equal(await text(tree), 'one');
    await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/);
    // The end of its process 1 is that of all in there. Whoever comes next takes away what it left.
    await stranger.stop('SIGKILL');
    assert.equal(tree.directories.length, before.length + 1);
    await waitFor('a start that takes the leftover away', async () => {
      await using next = await startUgate(args, { rights: 'all', env: { TMPDIR: tree.folder.path } });
      assert.equal((await next.stop()).code, 0);
      return tree.directories.length === before.length;
    });
    assert.deepEqual(tree.directories, before);
  });

blackbox('F21, N15: the pidfile and FIFO of an ugate that lives are its own, and only an ugate is signalled by one', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  const files = ['--pidfile', file('pid'), '--master-fifo', file('fifo')];
  const router = ['--http', '127.0.0.1:0', '--http-to', '127.0.0.1:9'];
  const tree = await startChanging(folder, [...files, '--vacuum']);
  const refused = async (args: readonly string[], why: RegExp): Promise<void> => {
    const { code, stderr } = await runUgate([...router, ...args]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, why);
  };
  await refused(files.slice(0, 2), new RegExp(`pidfile .* is that of an ugate that runs \\(${tree.gate.pid}\\)\n {2}hint: .*--stop`));
  await refused(['--master', '--vacuum', ...files.slice(2)], /FIFO .* is read by another process.*\n {2}hint: /);
  assert.equal(readFileSync(file('pid'), 'utf8'), `${tree.gate.pid}\n`);
  writeApp(file('app.ts'), 'two');
  await tree.after(() => writeFileSync(file('fifo'), 'r'), DONE);
  await tree.after(async () => assert.equal((await runUgate(['--reload', file('pid')])).code, 0), DONE);
  assert.equal(await text(tree), 'two');
  // It dies, leaves its files, and its number goes to another program.
  await tree.end('SIGKILL');
  await using shell = startProcess(['sleep', '60']);
  writeFileSync(file('other'), `${shell.pid}\n`);
  for (const args of [
    ['--stop', file('other')],
    ['--reload', file('pid')],
  ]) {
    const { code, stderr } = await runUgate(args);
    assert.deepEqual([code, /no ugate that runs has written it/.test(stderr)], [1, true], stderr);
  }
  assert.ok(shell.running);
  // What was left is taken over.
  await using next = await startUgate([...router, '--master', ...files, '--vacuum'], { rights: 'all' });
  assert.equal(readFileSync(file('pid'), 'utf8'), `${next.pid}\n`);
  assert.equal((await runUgate(['--stop', file('pid')])).code, 0);
  assert.equal((await next.process.exited).code, 0);
});
