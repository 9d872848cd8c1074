/** Processes that are killed: what is lost is what was inside, and nobody stays behind. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { asking, FETCH_APP, get, interrupted, kill, OTHER, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

const TREE = ['--module', FETCH_APP, '--master', '--processes', '3'];

blackbox('kill -9 of a worker: its requests get 502, the others never notice', OTHER, async () => {
  await using tree = await Tree.start(TREE);
  const go = tree.folder.file('go');
  const clients: RawClient[] = [];
  for (let number = 1; number <= 3; number++) clients.push(await asking(tree, `/held?until=${go}`));
  const victim = (await tree.roles()).get('worker 2')!;
  kill(victim, 'SIGKILL');
  await tree.log(/worker-died.*signal SIGKILL|signal SIGKILL.*worker-died/);
  writeFileSync(go, '');
  const answers = await Promise.all(clients.map((client) => client.readResponse()));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 200, 502]);
  const pids = answers.filter(({ status }) => status === 200).map((response) => Number(response.text().replace('held ', '')));
  assert.ok(!pids.includes(victim));
  await tree.log(/worker-started/);
  for (const client of clients) assert.equal((await client.request(get())).status, 200, 'the connection is kept behind a 502 too');
  assert.equal(tree.childrenOf().length, 4);
});

blackbox('kill -9 of workers under load: at most what was inside them fails', OTHER, async () => {
  await using tree = await Tree.start(TREE);
  await using load = new Load(tree.gate.target);
  await sleep(200);
  for (let number = 1; number <= 3; number++) {
    const victim = (await tree.roles()).get(`worker ${number}`)!;
    await tree.after(() => kill(victim, 'SIGKILL'), /worker-started/);
    await sleep(100);
  }
  const { failures, answered } = await load.stop();
  assert.ok(answered > 100);
  for (const failure of failures) assert.match(failure, /status 502/);
  // Eight may come at once, and three of them to the one that is killed.
  assert.ok(failures.length <= 9, failures.join('\n'));
});

blackbox('kill -9 of the master while its processes start: none of them stays', OTHER, async () => {
  for (let round = 0; round < 6; round++) {
    await interrupted(['--http', '127.0.0.1:0', ...TREE], async (started, pids) => {
      await waitFor('a first child', () => pids().length > 1 || !started.running);
      await sleep(round * 35);
      kill(started.pid, 'SIGKILL');
    });
  }
});

blackbox('kill -9 of a router: the other one goes on, and a new one comes', OTHER, async () => {
  await using tree = await Tree.start([...TREE, '--http-processes', '2']);
  const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.connect(tree.gate.target)));
  for (const client of clients) assert.equal((await client.request(get())).status, 200);
  const victim = (await tree.roles()).get('router 1')!;
  // The kernel may give one of them all.
  const connections = [...tree.gate.stderr.matchAll(/router \d.*?(\d+) connections?,/g)].map(([, count]) => Number(count));
  assert.equal(connections.length, 2);
  await tree.after(() => kill(victim, 'SIGKILL'), /router-started/);
  await tree.log(/router-died/);
  const alive = (): RawClient[] => clients.filter((client) => !client.closed);
  await waitFor('those of the first to be closed', () => alive().length <= connections[1]!);
  assert.equal(alive().length, connections[1]);
  for (const client of alive()) assert.equal((await client.request(get())).status, 200);
  await using load = new Load(tree.gate.target);
  await sleep(300);
  assert.deepEqual((await load.stop()).failures, []);
  assert.equal((await tree.roles()).size, 5);
});

blackbox('kill -9 of the master: all its processes end within a second, also a blocked one; the next start sweeps up', OTHER, async () => {
  await using folder = temporaryFolder();
  for (const more of [[], ['--http-processes', '2', '--http-socket', '127.0.0.1:0']]) {
    const tree = await Tree.start([...TREE, '--http', '127.0.0.1:0', ...more], { folder });
    const blocked = await asking(tree, '/block');
    // Another router than the first client's may give it to the blocked worker too.
    const busy = await RawClient.connect(tree.gate.target);
    busy.write(get('/slow?ms=5000'));
    await using load = new Load(tree.gate.target);
    await sleep(200);
    kill(tree.gate.pid, 'SIGKILL');
    await tree.gone(1100);
    await load.stop();
    blocked.destroy();
    busy.destroy();
    assert.equal(tree.directories.length, 1, 'nobody was there to remove it');
    await using next = await Tree.start(TREE, { folder });
    assert.equal(next.directories.length, 1);
    assert.equal((await exchange(next.gate.target, get())).status, 200);
  }
});
