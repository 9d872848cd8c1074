/** ugate as process 1, as in a container: who else would wait for orphans? */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { ugateCommand, underTest } from '../support/ugate.ts';
import { waitFor } from '../support/wait.ts';
import { get, kill } from './embedded.ts';
import { ask, PEERS } from './wsgi.ts';

const NAMESPACE = ['unshare', '-Urpf', '--mount-proc', '--kill-child'];

function whyNot(): string | false {
  if (underTest() === 'uwsgi') return 'uWSGI differs: only ugate is asked how it runs apps';
  const [program = '', ...words] = NAMESPACE;
  return spawnSync(program, [...words, 'true']).status !== 0 && 'this machine lets nobody make a PID namespace (unshare -Urpf)';
}

/** Those that `pid` started, from whichever of its threads. */
function childrenOf(pid: number): number[] {
  const lists = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'));
  return lists.join(' ').split(' ').filter(Boolean).map(Number);
}

peerTest('W5: as process 1 ugate waits for orphans, and hears of its own children', { needs: [], skip: whyNot(), timeout: 120_000 }, async () => {
  await using folder = temporaryFolder();
  const words = ['--http', '127.0.0.1:0', '--master', '--processes', '2', '--chdir', PEERS, '--module', 'wsgi_kin'];
  const env = { TMPDIR: folder.path, PYTHONDONTWRITEBYTECODE: '1' };
  await using started = startProcess([...NAMESPACE, ...ugateCommand(undefined, 'all'), ...words], { cwd: ROOT, env });
  const [, port] = await started.said(/listening on 127\.0\.0\.1:(\d+)/, 30_000);
  const target = { port: Number(port) };
  const orphans: number[] = [];
  for (let n = 0; n < 10; n++) orphans.push(await ask<number>(target, '/orphan'));
  // They end a little later, and are looked for every second.
  await waitFor('nothing to be left of them', async () => (await ask<number[]>(target, `/there?pids=[${orphans}]`)).length === 0, 15_000);
  const [ugate = 0] = childrenOf(started.pid);
  const pythons = childrenOf(ugate).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('python3\0-c'));
  assert.equal(pythons.length, 1);
  kill(pythons[0]!, 'SIGKILL');
  await started.said(/code=worker-died reason="?signal SIGKILL/);
  await started.said(/Python is there again/);
  assert.equal((await exchange(target, get('/pid'), { milliseconds: 20_000 })).status, 200);
  kill(ugate, 'SIGTERM');
  assert.equal((await started.exited).code, 0);
});
