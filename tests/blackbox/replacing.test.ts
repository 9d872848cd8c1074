/** Another ugate takes the place of the one there is: what clients notice of it is nothing. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange } from '../support/raw-client.ts';
import { waitFor, within } from '../support/wait.ts';
import { asking, FETCH_APP, get, isAlive, kill, OTHER, runUgate, Tree, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

const TREE = ['--module', FETCH_APP, '--master', '--processes', '2'];

blackbox('SIGUSR2 and FIFO f under load: another ugate takes over, nothing is lost', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  await using tree = await Tree.start([...TREE, '--pidfile', file('pid'), '--master-fifo', file('fifo'), '--vacuum']);
  const pidfile = (): number => Number(readFileSync(file('pid'), 'utf8'));
  await using load = new Load(tree.gate.target);
  await using slow = await asking(tree, '/slow?ms=1500');
  let before = tree.gate.pid;
  for (const ask of [() => kill(before, 'SIGUSR2'), () => writeFileSync(file('fifo'), 'f'), () => kill(before, 'SIGUSR2')]) {
    ask();
    await waitFor('another pid in the pidfile', () => pidfile() !== before, 10_000).catch((error) => assert.fail(`${error}:\n${tree.gate.stderr}`));
    await waitFor('the old one to end', () => !isAlive(before));
    before = pidfile();
    await waitFor('its FIFO', () => existsSync(file('fifo')));
  }
  assert.equal((await slow.readResponse()).status, 200);
  const { failures, answered } = await load.stop();
  assert.deepEqual(failures, []);
  assert.ok(answered > 100, `${answered} answers`);
  assert.equal(tree.pids.length, 4, 'one tree');
  assert.equal(tree.directories.length, 1);
  kill(before, 'SIGTERM');
  await tree.gone(3000);
  assert.equal(existsSync(file('pid')), false);
  assert.deepEqual(tree.directories, []);
});

blackbox('SIGUSR2 with a mistake in the ini file: this one goes on', OTHER, async () => {
  await using folder = temporaryFolder();
  const ini = (more: string): void =>
    writeFileSync(folder.file('u.ini'), `[uwsgi]\nhttp = 127.0.0.1:0\nmaster = true\nmodule = ${FETCH_APP}\n${more}\n`);
  ini('');
  await using tree = await Tree.start([folder.file('u.ini'), '--pidfile', folder.file('pid')]);
  for (const fault of ['proceses = 2', 'env = no name', 'chdir = /nowhere']) {
    ini(fault);
    await tree.after(() => tree.gate.process.kill('SIGUSR2'), /replace-failed/);
    assert.equal((await exchange(tree.gate.target, get())).status, 200);
    assert.equal(Number(readFileSync(folder.file('pid'), 'utf8')), tree.gate.pid);
  }
  await waitFor('none but ours', () => tree.pids.length === 3);
});

blackbox('unix sockets are handed on too, and are gone at the end', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  const sockets = ['--http', file('http.sock'), '--http-socket', file('worker.sock'), '--socket', file('uwsgi.sock')];
  await using tree = await Tree.start([...TREE, ...sockets, '--pidfile', file('pid'), '--vacuum']);
  const old = tree.gate.pid;
  kill(old, 'SIGUSR2');
  await waitFor('the old one to end', () => !isAlive(old));
  const [router = '', worker = ''] = await Promise.all(
    ['http.sock', 'worker.sock'].map(async (name) => (await exchange({ path: file(name) }, get('/pid'))).text()),
  );
  const successor = Number(readFileSync(file('pid'), 'utf8'));
  assert.notEqual(successor, old);
  for (const pid of [router, worker]) assert.ok(tree.childrenOf(successor).includes(Number(pid)), pid);
  kill(successor, 'SIGTERM');
  await tree.gone(3000);
  assert.deepEqual(readdirSync(folder.path), []);
});

blackbox('SIGTERM while another is about to take over: both end', OTHER, async () => {
  await using folder = temporaryFolder();
  writeApp(folder.file('app.ts'), 'one');
  await using tree = await Tree.start(['--master', '--module', folder.file('app.ts'), '--pidfile', folder.file('pid'), '--vacuum']);
  await using busy = await asking(tree, '/slow?ms=800');
  writeApp(folder.file('app.ts'), 'two', 'console.error("loading"); await new Promise((resolve) => setTimeout(resolve, 20_000));');
  kill(tree.gate.pid, 'SIGUSR2');
  await tree.log(/loading/);
  kill(tree.gate.pid, 'SIGTERM');
  await busy.readResponse();
  assert.deepEqual(await within(3000, 'the end', tree.gate.process.exited), { code: 0, signal: null });
  await tree.gone();
  assert.deepEqual(tree.directories, []);
  assert.equal(existsSync(folder.file('pid')), false);
});

blackbox('a pidfile or a FIFO that cannot be made: exit code 1, and nothing is left', OTHER, async () => {
  for (const [option, why] of [
    ['--pidfile', /pidfile \/nowhere\/x/],
    ['--master-fifo', /FIFO \/nowhere\/x/],
  ] as const) {
    const { code, stderr } = await runUgate([...TREE, '--http', '127.0.0.1:0', option, '/nowhere/x']);
    assert.equal(code, 1, stderr);
    assert.match(stderr, why);
  }
});
