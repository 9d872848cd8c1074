/** What apps in TypeScript do outside of a request and its answer: work behind the answer, and what nobody catches. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { get, hand, OTHER, runUgate, Tree } from './embedded.ts';
import { blackbox } from './front.ts';

/** `/work?file=F&name=N` says N behind its answer, once there is a file F. */
const APP = `
import { existsSync } from 'node:fs';
const until = async (file) => { while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 20)); };
export default {
  async fetch(request, _context, execution) {
    const { pathname, searchParams } = new URL(request.url);
    if (searchParams.has('tell')) console.error('in hand: ' + searchParams.get('tell'));
    const file = searchParams.get('file');
    if (pathname === '/work') execution.waitUntil(until(file).then(() => console.error('done: ' + searchParams.get('name'))));
    if (pathname === '/fails') execution.waitUntil(Promise.reject(new RangeError('behind the answer')));
    if (pathname === '/rejects') setTimeout(() => void Promise.reject(new RangeError('thrown in vain')), 1);
    if (pathname === '/throws') setTimeout(() => { throw new RangeError('thrown in vain'); }, 1);
    if (pathname === '/held') await until(file);
    return new Response(String(process.pid));
  },
};
`;

async function startWorking(args: readonly string[], http = '--http') {
  const folder = temporaryFolder();
  writeFileSync(folder.file('work.ts'), APP);
  const tree = await Tree.start([http, '127.0.0.1:0', '--module', folder.file('work.ts'), ...args]);
  return {
    tree,
    go: folder.file('go'),
    /** Begins work that ends when `go` is there. */
    async work(name: string): Promise<void> {
      assert.equal((await exchange(tree.gate.target, get(`/work?file=${folder.file('go')}&name=${encodeURIComponent(name)}`))).status, 200);
    },
    async [Symbol.asyncDispose]() {
      await tree[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (const [where, http, args] of [
  ['one process', '--http', []],
  ['a tree', '--http', ['--master', '--processes', '2']],
  ['the runtime’s own server', '--http-socket', ['--http-socket-engine', 'native']],
] as const)
  blackbox(`W2: ${where}: what waitUntil was given is finished before the end`, OTHER, async () => {
    await using started = await startWorking(args, http);
    const { tree, go, work } = started;
    await work('the last');
    assert.equal((await exchange(tree.gate.target, get('/fails'))).status, 200);
    await tree.log(/behind the answer/);
    tree.gate.process.kill('SIGTERM');
    await tree.log(/SIGTERM: finishing/);
    assert.equal(tree.count(/done: /), 0);
    writeFileSync(go, '');
    await tree.log(/done: the last/);
    assert.equal((await tree.gate.process.exited).code, 0);
  });

blackbox('W2: a worker that is replaced, by a reload or for max-requests, finishes what waitUntil was given', OTHER, async () => {
  await using started = await startWorking(['--master', '--max-requests', '4']);
  const { tree, go, work } = started;
  await work('before the reload');
  await tree.after(() => tree.gate.process.kill('SIGHUP'), /reload \(graceful\) is done/);
  await work('before its turn was over');
  await tree.after(async () => {
    for (let i = 0; i < 4; i++) await exchange(tree.gate.target, get());
  }, /worker-replaced/);
  assert.equal(tree.count(/done: /), 0);
  writeFileSync(go, '');
  await tree.log(/done: before the reload/);
  await tree.log(/done: before its turn was over/);
});

blackbox('W2: what takes longer than reload-mercy is given up, and the log says how much', OTHER, async () => {
  for (const args of [
    ['--reload-mercy', '1'],
    ['--master', '--worker-reload-mercy', '1', '--reload-mercy', '2'],
  ]) {
    await using started = await startWorking(args);
    await started.work('one');
    await started.work('two');
    started.tree.gate.process.kill('SIGTERM');
    await started.tree.log(/work-left promises=2/);
    assert.equal((await started.tree.gate.process.exited).code, 0);
    assert.equal(started.tree.count(/done: /), 0);
  }
});

for (const path of ['/rejects', '/throws']) {
  blackbox(`B16, N12: ${path}: what nobody catches is logged, and a single process ends behind what is in flight`, OTHER, async () => {
    await using started = await startWorking([]);
    const { tree, go } = started;
    await using client = await RawClient.connect(tree.gate.target);
    await hand(tree, client, `/held?file=${go}`);
    await exchange(tree.gate.target, get(path));
    await tree.log(/thrown in vain.*app-uncaught/);
    await tree.log(/finishing what is in flight/);
    writeFileSync(go, '');
    assert.equal((await client.readResponse()).status, 200);
    assert.equal((await tree.gate.process.exited).code, 1);
  });

  blackbox(`B16, N12: ${path}: a worker is replaced, and finishes what it has in hand`, OTHER, async () => {
    await using started = await startWorking(['--master']);
    const { tree, go } = started;
    await using client = await RawClient.connect(tree.gate.target);
    await hand(tree, client, `/held?file=${go}`);
    const first = (await exchange(tree.gate.target, get())).text();
    await exchange(tree.gate.target, get(path));
    await tree.log(/thrown in vain.*app-uncaught/);
    await tree.log(/worker-replaced/);
    await waitFor('the successor', async () => (await exchange(tree.gate.target, get())).text() !== first);
    writeFileSync(go, '');
    assert.equal((await client.readResponse()).text(), first);
    assert.equal(tree.count(/worker-died/), 0);
  });
}

blackbox('B16, N12: what is thrown while the app is loaded ends the start, with a line that says what', OTHER, async () => {
  await using folder = temporaryFolder();
  writeFileSync(
    folder.file('early.ts'),
    `void Promise.reject(new RangeError('too early')); await new Promise((resolve) => setTimeout(resolve, 3000)); export default () => new Response();`,
  );
  for (const args of [[], ['--master']]) {
    const { code, stderr } = await runUgate(['--http', '127.0.0.1:0', '--module', folder.file('early.ts'), ...args]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /too early.*app-uncaught/);
  }
});

blackbox('B16: an app that listens for what nobody catches is left alone', OTHER, async () => {
  await using folder = temporaryFolder();
  writeFileSync(folder.file('own.ts'), `process.on('unhandledRejection', (error) => console.error('mine: ' + error));${APP}`);
  await using tree = await Tree.start(['--http', '127.0.0.1:0', '--module', folder.file('own.ts')]);
  await exchange(tree.gate.target, get('/rejects'));
  await tree.log(/mine: RangeError: thrown in vain/);
  assert.equal((await exchange(tree.gate.target, get())).status, 200);
  assert.equal(tree.count(/app-uncaught/), 0);
});
