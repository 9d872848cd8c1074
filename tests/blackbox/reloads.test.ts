/** New code and new configuration take over under load: no request fails, and no tunnel drops. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { asking, DONE, FAILED, get, holding, OTHER, startChanging, Tree, text, writeApp } from './embedded.ts';
import { blackbox } from './front.ts';
import { Load } from './load.ts';

blackbox('ten reloads under load: no request fails, the routers stay, the last code serves', OTHER, async () => {
  await using folder = temporaryFolder();
  // The upload has a byte for each reload, which may take long where much else is done.
  await using tree = await startChanging(folder, ['--http-processes', '2', '--http-min-rate', '0']);
  const first = tree.childrenOf();
  await using load = new Load(tree.gate.target);
  // One that is in flight over several of them.
  await using slow = await asking(tree, '/slow?ms=1500');
  await using upload = await holding(tree, '/', 10);
  for (let number = 1; number <= 10; number++) {
    await waitFor('load on the code there is', () => load.texts.has(number === 1 ? 'one' : `code ${number - 1}`));
    writeApp(folder.file('app.ts'), `code ${number}`);
    await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
    upload.write('x');
  }
  assert.equal((await upload.readResponse()).text(), 'one 10');
  assert.equal((await slow.readResponse()).text(), 'one');
  await sleep(100);
  const { failures, answered, texts, dismissed } = await load.stop();
  assert.deepEqual(failures, []);
  assert.equal(dismissed, 0, 'kept connections are kept');
  assert.ok(answered > 200, `${answered} answers`);
  assert.ok(texts.has('one') && texts.has('code 5'), 'there was load from the first to the last');
  assert.equal(await text(tree), 'code 10');
  await waitFor('the old workers to end', () => tree.childrenOf().length === 4);
  assert.equal(tree.childrenOf().filter((pid) => first.includes(pid)).length, 2, 'the two routers');
  // But for what says that this machine is slow.
  assert.equal(tree.count(/ (error|warn) (?!.*code=(?:app-slow-load|router-slow))/), 0, tree.gate.stderr);
});

blackbox('--http-socket, without a router: reloads under load lose no request', OTHER, async () => {
  await using folder = temporaryFolder();
  writeApp(folder.file('app.ts'), 'one');
  await using tree = await Tree.start([
    '--http-socket',
    '127.0.0.1:0',
    '--processes',
    '2',
    '--module',
    folder.file('app.ts'),
    '--master-fifo',
    folder.file('fifo'),
  ]);
  await using load = new Load(tree.gate.target, { keeping: 0, posting: 0, closing: 8 });
  for (let number = 1; number <= 3; number++) {
    await waitFor('load on the code there is', () => load.texts.has(number === 1 ? 'one' : `code ${number - 1}`));
    writeApp(folder.file('app.ts'), `code ${number}`);
    await tree.after(() => writeFileSync(folder.file('fifo'), number % 2 === 0 ? 'c' : 'r'), DONE);
  }
  await sleep(100);
  const { failures, answered, texts } = await load.stop();
  assert.deepEqual(failures, []);
  assert.ok(answered > 200 && texts.has('one') && texts.has('code 2'), `${answered} answers`);
  await waitFor('the last code alone', async () => (await text(tree)) === 'code 3');
});

blackbox('a chain reload under load: one worker after the other', OTHER, async () => {
  await using folder = temporaryFolder();
  await using tree = await startChanging(folder, ['--master-fifo', folder.file('fifo')]);
  await using load = new Load(tree.gate.target);
  await sleep(200);
  for (let number = 1; number <= 2; number++) {
    writeApp(folder.file('app.ts'), `code ${number}`);
    await tree.after(() => writeFileSync(folder.file('fifo'), 'c'), /reload \(chain\) is done/);
  }
  assert.equal(await text(tree), 'code 2');
  const { failures } = await load.stop();
  assert.deepEqual(failures, []);
  assert.equal(tree.count(/worker-replaced/), 4);
});

blackbox('a router alone: http-to of the ini file is another one after SIGHUP', OTHER, async () => {
  await using folder = temporaryFolder();
  await using one = await UwsgiBackend.listen(answer('from one'));
  await using two = await UwsgiBackend.listen(answer('from two'));
  for (const master of ['false', 'true']) {
    const ini = (to: string): void => writeFileSync(folder.file('u.ini'), `[uwsgi]\nhttp = 127.0.0.1:0\nmaster = ${master}\n${to}\n`);
    ini(`http-to = ${one.address}`);
    await using tree = await Tree.start([folder.file('u.ini')]);
    await using kept = await RawClient.connect(tree.gate.target);
    assert.equal((await kept.request(get())).text(), 'from one');
    await using load = new Load(tree.gate.target);
    await sleep(100);
    ini(`http-to = ${two.address}`);
    await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
    assert.equal((await kept.request(get())).text(), 'from two', 'also on a connection that was there');
    ini(`http-too = ${one.address}`);
    await tree.after(() => tree.gate.process.kill('SIGHUP'), FAILED);
    assert.equal((await kept.request(get())).text(), 'from two');
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
  }
});

blackbox('WebSockets live through ten reloads', { ...OTHER, needs: ['websockets'] }, async () => {
  await using folder = temporaryFolder();
  const server = startProcess([python(), join(ROOT, 'tests/peers/websockets_client.py'), 'serve']);
  await using _server = server;
  const [, port] = await server.said(/port (\d+)/);
  writeApp(folder.file('app.ts'), 'one');
  for (const app of [[], ['--http-use-socket', '--module', folder.file('app.ts'), '--http-processes', '2']]) {
    await using tree = await Tree.start(['--master', '--http-to', `http://127.0.0.1:${port}`, ...app]);
    const sockets = await Promise.all([1, 2, 3].map(() => upgraded(tree)));
    for (let number = 0; number < 10; number++) {
      await tree.after(() => tree.gate.process.kill('SIGHUP'), DONE);
      for (const socket of sockets) await ping(socket, `n${number}`);
    }
    const late = await upgraded(tree);
    await ping(late, 'yo');
    for (const socket of [...sockets, late]) socket.destroy();
  }
});

async function upgraded(tree: Tree): Promise<RawClient> {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  for (let attempt = 0; attempt < 5; attempt++) {
    const client = await RawClient.connect(tree.gate.target);
    if ((await client.request(get('/', upgrade))).status === 101) return client;
    // With --http-use-socket it may have been the app's turn, which knows no WebSockets.
    client.destroy();
  }
  throw new Error('no 101');
}

/** Two bytes there, and back in a pong; masked by zeros. */
async function ping(socket: RawClient, text: string): Promise<void> {
  socket.write(Buffer.from([0x89, 0x82, 0, 0, 0, 0, ...Buffer.from(text)]));
  assert.equal((await socket.readBytes(4)).toString('latin1'), `\x8a\x02${text}`);
}
