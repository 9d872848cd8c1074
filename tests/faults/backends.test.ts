/** Backends that die, vanish, are overrun and come back: every client is answered or cut off, and the log says why. */

import assert from 'node:assert/strict';
import { existsSync, unlinkSync } from 'node:fs';
import { test } from 'node:test';
import { request, startGate } from '../router/support.ts';
import { findTool, temporaryFolder } from '../support/paths.ts';
import { type StartedProcess, startProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { GET, outcome, tally } from './support.ts';

/** A backend in a process of its own on a unix socket: `each` is what it does with a connection once something has come. */
async function startBackend(path: string, each: string, options = ''): Promise<StartedProcess> {
  const source = `require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => { ${each} });
  }).listen({ path: ${JSON.stringify(path)} ${options} }, () => console.error('ready'))`;
  if (existsSync(path)) unlinkSync(path);
  const backend = startProcess([findTool('node') ?? 'node', '-e', source]);
  // The file is there before anybody listens on it.
  await backend.said(/ready/);
  return backend;
}

const OK = "socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok');";
const BEGIN = "socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 1000000\\r\\n\\r\\nbegin');";

test('a backend killed in the middle of its answer: the client is cut off, and the log says why', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  await using first = await startBackend(path, BEGIN);
  await using gate = await startGate({ 'http-to': path });
  await using client = await gate.connect();
  client.write(GET);
  await client.readUntil('begin');
  first.kill('SIGKILL');
  assert.equal((await client.readToEnd()).length, 0);
  await gate.logged(/code=upstream-(short|reset) status=502 .*node=/);
  await using second = await startBackend(path, OK);
  assert.ok(second.running);
  await using again = await gate.connect();
  assert.equal(await outcome(again), 'ok');
});

test('a backend killed in the middle of an upload: 502 with a code, and the connection ends behind it', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  await using first = await startBackend(path, "console.error('something came');");
  await using gate = await startGate({ 'http-to': path });
  await using client = await gate.connect();
  client.write(request('POST', '/', 'Content-Length: 50000000'));
  client.write('x'.repeat(5_000_000));
  await first.said(/something came/);
  first.kill('SIGKILL');
  const response = await client.readResponse();
  assert.match(response.text(), /^502 .*: upstream-(reset|empty)\n$/);
  assert.equal(response.header('connection'), 'close');
  await gate.logged(/code=upstream-(reset|empty) status=502/);
});

test('a backend killed between requests: 502 until it is back, then 200 at once, on one connection', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  await using gate = await startGate({ 'http-to': path });
  await using client = await gate.connect();
  for (let round = 0; round < 2; round++) {
    await using backend = await startBackend(path, OK);
    assert.equal(await outcome(client), 'ok');
    await backend.stop('SIGKILL');
    for (let i = 0; i < 3; i++) assert.equal(await outcome(client), '502 upstream-unreachable');
  }
  await gate.logged(/code=connect-refused/);
});

test('a socket file that is removed and comes back', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  await using first = await UwsgiBackend.listen(answer('ok'), path);
  await using gate = await startGate({ 'http-to': path });
  await using client = await gate.connect();
  assert.equal(await outcome(client), 'ok');
  unlinkSync(path);
  for (let i = 0; i < 3; i++) assert.equal(await outcome(client), '502 upstream-unreachable');
  await gate.logged(/code=connect-missing .*node=/);
  await using second = await UwsgiBackend.listen(answer('ok'), path);
  assert.equal(await outcome(client), 'ok');
  assert.deepEqual([first.requests.length, second.requests.length], [1, 1]);
});

test('a backlog of one and 200 clients: each gets 200 or 503 upstream-busy, and no node is called dead', { timeout: 30_000 }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  // Blocks its loop for each request: most connections meet a full queue.
  await using backend = await startBackend(path, `const end = Date.now() + 2; while (Date.now() < end); ${OK}`, ', backlog: 1');
  await using gate = await startGate({ 'http-to': path });
  const clients = await Promise.all(Array.from({ length: 200 }, () => gate.connect()));
  const outcomes = (await Promise.all(clients.map(async (client) => [await outcome(client), await outcome(client)]))).flat();
  for (const client of clients) client.destroy();
  const counts = tally(outcomes);
  const said = JSON.stringify(counts);
  assert.equal((counts.ok ?? 0) + (counts['503 upstream-busy'] ?? 0), 400, said);
  assert.ok((counts.ok ?? 0) >= 50, said);
  assert.ok(
    gate.logs.some((line) => line.includes('code=connect-busy')),
    'the queue was full at least once',
  );
  assert.ok(!gate.logs.some((line) => line.includes('code=node-dead')));
  await using late = await gate.connect();
  await waitFor('it to serve on', async () => (await outcome(late)) === 'ok');
  assert.ok(backend.running);
});

test('nodes that come and go under load: whoever does not get 200 gets a code, and the log has it', { timeout: 30_000 }, async () => {
  await using folder = temporaryFolder();
  const path = folder.file('app.sock');
  await using steady = await UwsgiBackend.listen(answer('ok'), folder.file('steady.sock'));
  await using gate = await startGate({ 'http-to': [path, steady.address], 'http-gracetime': 1 });
  let isOver = false;
  const flapping = (async () => {
    while (!isOver) {
      const backend = await UwsgiBackend.listen(answer('ok'), path);
      await sleep(40);
      await backend.stop();
      await sleep(20);
    }
  })();
  const ask = async (): Promise<string[]> => {
    const outcomes: string[] = [];
    let client = await gate.connect();
    for (const end = performance.now() + 2500; performance.now() < end; ) {
      try {
        outcomes.push(await outcome(client));
      } catch (error) {
        assert.match(String(error), /closed/);
        outcomes.push('cut off');
        client.destroy();
        client = await gate.connect();
      }
    }
    client.destroy();
    return outcomes;
  };
  const outcomes = (await Promise.all(Array.from({ length: 8 }, ask))).flat();
  isOver = true;
  await flapping;
  const counts = tally(outcomes);
  const known = ['ok', 'cut off', '502 upstream-reset', '502 upstream-empty'];
  assert.deepEqual(
    Object.keys(counts).filter((each) => !known.includes(each)),
    [],
    JSON.stringify(counts),
  );
  assert.ok((counts.ok ?? 0) > 0.8 * outcomes.length, JSON.stringify(counts));
  for (const code of Object.keys(counts).flatMap((each) => (each.startsWith('502 ') ? [each.slice(4)] : [])))
    await gate.logged(new RegExp(`code=${code} `));
  await using client = await RawClient.connect({ port: gate.port });
  for (let i = 0; i < 4; i++) assert.equal(await outcome(client), 'ok');
});
