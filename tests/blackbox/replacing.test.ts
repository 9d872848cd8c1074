/** Another ugate takes the place of the one there is: what clients notice of it is nothing. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { FETCH_APP, get, isAlive, kill, OTHER, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

const TREE = ['--module', FETCH_APP, '--master', '--processes', '2'];

blackbox('SIGUSR2 and FIFO f under load: another ugate takes over, nothing is lost', OTHER, async () => {
  await using folder = temporaryFolder();
  const { file } = folder;
  await using tree = await Tree.start([...TREE, '--pidfile', file('pid'), '--master-fifo', file('fifo'), '--vacuum']);
  const pidfile = (): number => Number(readFileSync(file('pid'), 'utf8'));
  const load = new Load(tree.gate.target);
  await using slow = await RawClient.connect(tree.gate.target);
  slow.write(get('/slow?ms=1500'));
  await sleep(100);
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
