/** Workers that hang, leak, or never come up: the others serve on, and the log says why. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange } from '../support/raw-client.ts';
import { isWithin, sleep, waitFor, within } from '../support/wait.ts';
import { asking, FETCH_APP, get, hand, isAlive, kill, OTHER, post, runUgate, Tree, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

const TREE = ['--module', FETCH_APP, '--master', '--processes', '3'];

blackbox('a worker that cannot start: ugate ends with 1 and says why', OTHER, async () => {
  await using folder = temporaryFolder();
  const faults: [string, RegExp][] = [
    ['process.exit(5);', /exit code 5/],
    ['throw new Error("no database today");', /no database today/],
    ['export default {', /app\.ts/],
    ['process.kill(process.pid, "SIGKILL"); await new Promise(() => {});', /SIGKILL/],
  ];
  for (const [source, why] of faults) {
    writeFileSync(folder.file('app.ts'), source);
    const began = performance.now();
    const { code, stderr } = await runUgate(['--http', '127.0.0.1:0', '--module', folder.file('app.ts'), '--processes', '2']);
    assert.equal(code, 1, stderr);
    assert.match(stderr, why);
    assert.doesNotMatch(stderr, /listening/);
    assert.ok(isWithin(6000, began));
  }
});

blackbox('a worker that stops starting: longer and longer waits, the others serve, and it comes back when it can', OTHER, async () => {
  await using folder = temporaryFolder();
  writeApp(folder.file('app.ts'), 'one');
  await using tree = await Tree.start(['--module', folder.file('app.ts'), '--processes', '2']);
  await sleep(1100);
  const victim = (await tree.roles()).get('worker 1')!;
  writeFileSync(folder.file('app.ts'), 'throw new Error("no database today");');
  await using load = new Load(tree.gate.target);
  kill(victim, 'SIGKILL');
  await tree.log(/again-in-ms[=:]1000/);
  const waits = [...tree.gate.stderr.matchAll(/again-in-ms[=:](\d+)/g)].map(([, ms]) => Number(ms));
  assert.deepEqual(waits.slice(0, 5), [0, 0, 250, 500, 1000]);
  await tree.log(/no database today/);
  writeApp(folder.file('app.ts'), 'mended');
  await tree.log(/worker-started/);
  await waitFor('what it answers', () => load.texts.has('mended'));
  const { failures } = await load.stop();
  // Eight may come at once, and half of them to the one that is killed.
  assert.ok(failures.length <= 4, failures.join('\n'));
  for (const failure of failures) assert.match(failure, /status 502/);
});

blackbox('an app that ends its process in every request: 502 each, and the master keeps its head', OTHER, async () => {
  await using tree = await Tree.start(TREE);
  for (let i = 0; i < 4; i++) assert.equal((await exchange(tree.gate.target, get('/exit'), { milliseconds: 8000 })).status, 502);
  await tree.log(/exit code 3/);
  assert.equal((await exchange(tree.gate.target, get())).status, 200);
});

blackbox('a worker that floods its output is served on', OTHER, async () => {
  await using tree = await Tree.start(TREE);
  await using load = new Load(tree.gate.target);
  const answers = await Promise.all([1, 2].map(() => exchange(tree.gate.target, get('/flood?kb=8192'), { milliseconds: 15_000 })));
  for (const response of answers) assert.equal(response.text(), 'flooded');
  assert.deepEqual((await load.stop()).failures, []);
});

blackbox('a blocked worker: the others serve, and a reload gets rid of it', OTHER, async () => {
  await using tree = await Tree.start([...TREE, '--worker-reload-mercy', '1']);
  await using blocked = await asking(tree, '/block');
  const before = tree.childrenOf();
  await using load = new Load(tree.gate.target);
  await sleep(200);
  await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/);
  const workers = before.slice(0, 3);
  await waitFor('the old ones to end', () => tree.childrenOf().length === 4 && workers.filter(isAlive).length <= 1, 5000);
  assert.equal((await blocked.readResponse()).status, 502);
  // Eight come at once, and the fewest requests are nowhere less than one: some may be with the blocked one, and wait there.
  const { failures, answered } = await load.stop();
  assert.ok(failures.length <= 3 && answered > 50, failures.join('\n'));
  for (const failure of failures) assert.match(failure, /status 502/);
});

blackbox('--max-requests and --max-worker-lifetime under load: workers are renewed, no request fails', OTHER, async () => {
  for (const limit of [
    ['--max-requests', '60'],
    ['--max-worker-lifetime', '1'],
  ]) {
    await using tree = await Tree.start([...TREE, ...limit]);
    const before = tree.childrenOf();
    await using load = new Load(tree.gate.target);
    await waitFor('all workers to be renewed', () => tree.count(/worker-replaced/) >= 3, 10_000);
    await sleep(200);
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    await tree.log(new RegExp(limit[0]!.slice(2)));
    await waitFor('four processes', () => tree.childrenOf().length === 4, 8000);
    assert.equal(tree.childrenOf().filter((pid) => before.includes(pid)).length, 1, 'the router');
    assert.equal(tree.count(/ (error|warn) /), 0, tree.gate.stderr);
  }
});

blackbox('a large upload to a worker that dies: 502, and not a hang', OTHER, async () => {
  await using tree = await Tree.start(TREE);
  const client = await asking(tree, '/slow?ms=10');
  await client.readResponse();
  await hand(tree, client, '/count', (path) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nxxxx`);
  for (const [role, pid] of await tree.roles()) if (role.startsWith('worker')) kill(pid, 'SIGKILL');
  assert.equal((await client.readResponse({ milliseconds: 5000 })).status, 502);
  client.destroy();
  await tree.log(/worker-started[\s\S]*worker-started[\s\S]*worker-started/);
  assert.equal((await exchange(tree.gate.target, post('/count', 'abc'))).text(), '3');
  await within(3000, 'the end', tree.gate.stop());
});

blackbox('W14: the standard input of workers is /dev/null, whatever ugate has', OTHER, async () => {
  await using folder = temporaryFolder();
  const file = folder.file('app.ts');
  writeFileSync(file, "import { readlinkSync } from 'node:fs';\nexport default { fetch: () => new Response(readlinkSync('/proc/self/fd/0')) };\n");
  await using tree = await Tree.start(['--module', file, '--master'], { input: 'for ugate' });
  assert.equal((await exchange(tree.gate.target, get())).text(), '/dev/null');
});
