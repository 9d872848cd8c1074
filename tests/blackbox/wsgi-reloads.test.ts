/** Reloads of Python apps: no request is lost, and code that does not load changes nothing. */

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, utimesSync, writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange } from '../support/raw-client.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { get, kill, Tree } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';
import { begin, UNLIKE, writeWsgi } from './wsgi.ts';

// Python takes what it compiled before for the same source when that has the same size and second.
const ENV = { PYTHONDONTWRITEBYTECODE: '1' };

blackbox('ten reloads under load, by signal, file and FIFO: no request fails, and new code serves', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const [app, touched, fifo] = [folder.file('app.py'), folder.file('touched'), folder.file('fifo')];
  writeWsgi(app, 'version 0');
  writeFileSync(touched, '');
  const words = ['--master', '--processes', '4', '--module', 'app', '--chdir', folder.path, '--touch-reload', touched, '--master-fifo', fifo];
  await using tree = await Tree.start(['--http', '127.0.0.1:0', ...words], { folder, env: ENV });
  const { target, pid } = tree.gate;
  const routers = tree.childrenOf(pid).length;
  // Long enough that some are in flight at any time.
  await using load = new Load(target, { path: '/slow?s=0.02' });
  const ways: [name: string, ask: () => void][] = [
    ['SIGHUP', () => kill(pid, 'SIGHUP')],
    ['touch-reload', () => utimesSync(touched, new Date(), new Date(Date.now() + 5000 * ++touches))],
    ['FIFO w', () => appendFileSync(fifo, 'w')],
    ['FIFO c', () => appendFileSync(fifo, 'c')],
    ['FIFO r', () => appendFileSync(fifo, 'r')],
  ];
  let touches = 0;
  for (let round = 1; round <= 10; round++) {
    const [name, ask] = ways[round % ways.length]!;
    writeWsgi(app, `version ${round}`);
    await tree.after(ask, /reload \(.*\) is done/);
    assert.equal((await exchange(target, get())).text(), `version ${round}`, name);
    await waitFor('load on it', () => load.texts.has(`version ${round}`));
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.answered > 100, `${load.answered} requests`);
  assert.ok(load.texts.size >= 8, [...load.texts.keys()].join());
  await waitFor('the old Pythons to end', () => tree.childrenOf(pid).length === routers);
});

blackbox('a file that is touched while the app loads: what is there then serves', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const [app, touched, loading] = [folder.file('app.py'), folder.file('touched'), folder.file('loading')];
  writeFileSync(touched, '');
  writeWsgi(app, 'old', `import time\nopen(${JSON.stringify(loading)}, 'w').close()\ntime.sleep(1)`);
  const starts = Tree.start(['--master', '--module', 'app', '--chdir', folder.path, '--touch-reload', touched], { folder, env: ENV });
  await waitFor('the app to load', () => existsSync(loading), 20_000);
  writeWsgi(app, 'new');
  utimesSync(touched, new Date(), new Date());
  await using tree = await starts;
  await tree.log(/reload \(graceful\) is done/);
  assert.equal((await exchange(tree.gate.target, get())).text(), 'new');
});

blackbox('code that does not load: the old code goes on, and the log says why', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const app = folder.file('app.py');
  writeWsgi(app, 'good');
  await using tree = await Tree.start(['--master', '--processes', '2', '--module', 'app', '--chdir', folder.path, '--lazy-apps'], {
    folder,
    env: ENV,
  });
  const { target, pid } = tree.gate;
  await using load = new Load(target);
  writeFileSync(app, 'def connect():\n    raise RuntimeError("no database")\nconnect()\n');
  await tree.after(() => kill(pid, 'SIGHUP'), /reload-failed/);
  await tree.log(/the old generation goes on: .*RuntimeError: no database/);
  await tree.log(/app\.py", line 2, in connect/);
  assert.equal((await exchange(target, get())).text(), 'good');
  writeWsgi(app, 'better');
  await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) is done/);
  assert.equal((await exchange(target, get())).text(), 'better');
  await load.stop();
  assert.deepEqual(load.failures, []);
});

blackbox('code that never finishes to load: the next reload does not wait for it', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const app = folder.file('app.py');
  writeWsgi(app, 'good');
  await using tree = await Tree.start(['--master', '--module', 'app', '--chdir', folder.path], { folder, env: ENV });
  const { target, pid } = tree.gate;
  writeFileSync(app, 'import time\ntime.sleep(1000)\n');
  await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) begins/);
  await sleep(300);
  writeWsgi(app, 'mended');
  await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) is done/);
  assert.equal((await exchange(target, get())).text(), 'mended');
});

blackbox('a slow request finishes with the old code; worker-reload-mercy ends one that takes too long', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const app = folder.file('app.py');
  writeWsgi(app, 'old');
  await using tree = await Tree.start(['--master', '--processes', '3', '--module', 'app', '--chdir', folder.path, '--worker-reload-mercy', '2'], {
    folder,
    env: ENV,
  });
  const { target, pid } = tree.gate;
  await using slow = await begin(target, '/told?s=0.9');
  await using stuck = await begin(target, '/told?s=20');
  await tree.log(/in hand[\s\S]*in hand/);
  writeWsgi(app, 'new');
  const began = performance.now();
  await tree.after(() => kill(pid, 'SIGHUP'), /reload \(graceful\) is done/);
  assert.equal((await exchange(target, get())).text(), 'new');
  assert.equal((await slow.readResponse()).text(), 'old');
  assert.equal((await stuck.readResponse()).status, 502);
  const took = performance.now() - began;
  assert.ok(took > 1900 && isWithin(5000, began), `${took} ms`);
});

blackbox('--watch: changed code serves within two seconds, and a mistake is told', UNLIKE, async () => {
  await using folder = temporaryFolder();
  const app = folder.file('app.py');
  writeWsgi(app, 'first');
  writeFileSync(folder.file('helper.py'), 'WORD = "one"\n');
  await using tree = await Tree.start(['--watch', '--module', 'app', '--chdir', folder.path], { folder, env: ENV });
  const { target } = tree.gate;
  assert.equal((await exchange(target, get())).text(), 'first');
  const began = performance.now();
  writeWsgi(app, 'second');
  await waitFor('the new code', async () => (await exchange(target, get())).text() === 'second', 4000);
  assert.ok(isWithin(2000, began), `${performance.now() - began} ms`);
  await tree.after(() => writeFileSync(app, 'def application(:\n'), /SyntaxError.*reload-failed/);
  assert.equal((await exchange(target, get())).text(), 'second');
  writeWsgi(app, 'third', 'import helper');
  await waitFor('the new code', async () => (await exchange(target, get())).text() === 'third', 4000);
  assert.ok(existsSync(folder.file('helper.py')));
});
