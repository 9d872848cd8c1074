/** `http-check` against real uWSGI and nginx: who is down gets no requests, and who comes back does. */

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startUwsgi } from '../peers/uwsgi.ts';
import { HttpBackend } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { peerTest } from '../support/peers.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { startNginx } from '../upstream/peers.ts';
import { type Gate, get, startGate } from './support.ts';

/** Requests one after the other; true for each that the standby answered. */
async function standsBy(gate: Gate, count: number): Promise<boolean[]> {
  await using client = await gate.connect();
  const bodies: boolean[] = [];
  for (let i = 0; i < count; i++) bodies.push((await client.request(get())).text() === 'standby');
  return bodies;
}

/** The checked node in front, and one that is there when it is not. */
async function before(node: string, check: string): Promise<{ gate: Gate; standby: UwsgiBackend } & AsyncDisposable> {
  const standby = await UwsgiBackend.listen(answer('standby'));
  const gate = await startGate({ 'http-to': [node, `${standby.address},backup=1`], 'http-check': check });
  return {
    gate,
    standby,
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await standby.stop();
    },
  };
}

const ALL = [true, true, true, true];
const NONE = [false, false, false, false];

peerTest('uWSGI on a unix socket, connected to only: stopped, and started again', { needs: ['uwsgi', 'flask'] }, async () => {
  await using folder = temporaryFolder();
  const socket = folder.file('app.sock');
  const uwsgi = await startUwsgi({ app: 'flask', processes: 1, socket });
  await using it = await before(socket, 'interval=100ms');
  assert.deepEqual(await standsBy(it.gate, 4), NONE);
  await uwsgi.stop();
  rmSync(socket, { force: true });
  const down = await it.gate.logged(/code=node-down/);
  assert.match(down, /warn .*node=\S*app\.sock reason="missing \(ENOENT\)"/);
  assert.deepEqual(await standsBy(it.gate, 4), ALL);
  await using again = await startUwsgi({ app: 'flask', processes: 1, socket });
  assert.ok(again.pid);
  await it.gate.logged(/info .*code=node-up/);
  assert.deepEqual(await standsBy(it.gate, 4), NONE);
  assert.ok(!it.gate.logs.some((line) => line.includes('code=connect-')), 'no request met the dead node');
});

peerTest('uWSGI over TCP, asked for a path: a worker that hangs, an app that is not well', { needs: ['uwsgi', 'flask'] }, async () => {
  await using uwsgi = await startUwsgi({ app: 'flask', processes: 1, socket: 'tcp' });
  const worker = Number(/spawned uWSGI worker 1 \(pid: (\d+)/.exec(uwsgi.stderr)?.[1]);
  await using it = await before(uwsgi.address, 'path=/status/204,interval=100ms,timeout=1s,fails=2,passes=2');
  await using ill = await startGate({ 'http-to': uwsgi.address, 'http-check': 'path=/status/500,interval=100ms' });
  assert.match(await ill.logged(/code=node-down/), /reason="status 500"/);
  await using client = await ill.connect();
  assert.match((await client.request(get())).text(), /^503 .*no-node/);
  await ill.stop();
  assert.deepEqual(await standsBy(it.gate, 4), NONE);
  process.kill(worker, 'SIGSTOP');
  try {
    assert.match(await it.gate.logged(/code=node-down/), /reason="no answer within 1000 ms"/);
    assert.deepEqual(await standsBy(it.gate, 4), ALL);
  } finally {
    process.kill(worker, 'SIGCONT');
  }
  await it.gate.logged(/code=node-up/);
  assert.deepEqual(await standsBy(it.gate, 4), NONE);
});

peerTest('nginx, asked for a file that comes and goes', { needs: ['nginx'] }, async () => {
  await using nginx = await startNginx();
  const health = join(nginx.folder.path, 'files/health');
  writeFileSync(health, 'well');
  await using it = await before(nginx.address, 'path=/files/health,interval=100ms');
  assert.deepEqual(await standsBy(it.gate, 4), NONE);
  rmSync(health);
  assert.match(await it.gate.logged(/code=node-down/), /reason="status 404"/);
  assert.deepEqual(await standsBy(it.gate, 4), ALL);
  writeFileSync(health, 'well');
  await it.gate.logged(/code=node-up/);
  assert.deepEqual(await standsBy(it.gate, 4), NONE);
  // Checks come between requests and must not end the connections that these use.
  const earlier = (await nginx.log(1)).length;
  for (let i = 0; i < 10; i++) {
    await standsBy(it.gate, 1);
    await sleep(50);
  }
  const lines = (await nginx.log(earlier + 10)).slice(earlier);
  const connections = new Set(lines.filter((line) => line.includes(' GET / ')).map((line) => line.split(' ')[0]));
  assert.equal(connections.size, 1, lines.join('\n'));
});

test('an HTTP node that is connected to only: an idle connection from before does not count', async () => {
  await using folder = temporaryFolder();
  const { HttpBackend, reply } = await import('../support/http-backend.ts');
  await using backend = await HttpBackend.listen(reply('ok'), folder.file('h.sock'));
  await using it = await before(backend.address, 'interval=100ms');
  assert.deepEqual(await standsBy(it.gate, 2), [false, false]);
  // It takes no connections any more, as a server does that is about to end; those it has stay.
  rmSync(folder.file('h.sock'));
  await it.gate.logged(/code=node-down/);
});

test('one that is not there from the start is known by the first check, before any request', async () => {
  await using folder = temporaryFolder();
  await using it = await before(folder.file('gone'), 'fails=5,interval=1');
  await it.gate.logged(/code=node-down .*missing/);
  assert.deepEqual(await standsBy(it.gate, 2), [true, true]);
  assert.ok(!it.gate.logs.some((line) => line.includes('code=connect-missing')));
});

test('checks end when the router drains', async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': backend.address, 'http-check': 'path=/health,interval=100ms' });
  await waitFor('checks', () => backend.requests.filter(({ vars }) => vars.get('PATH_INFO') === '/health').length > 2);
  assert.equal(backend.requests[0].vars.get('HTTP_USER_AGENT'), 'ugate-check');
  backend.script = async (request, reply) => {
    await sleep(600);
    await answer('slow')(request, reply);
  };
  await using client = await gate.connect();
  client.write(get('/in-flight'));
  await waitFor('the request', () => backend.requests.some(({ vars }) => vars.get('PATH_INFO') === '/in-flight'));
  const stopped = gate.stop();
  await sleep(30);
  const { connections } = backend;
  assert.equal((await client.readResponse()).text(), 'slow');
  await stopped;
  assert.equal(backend.connections, connections);
});

test('W16: a node that answers to its own name alone is asked by that name', async () => {
  await using node = await HttpBackend.listen(async (request, to) => {
    const isKnown = request.field('host') === 'www.example.test';
    await to.write(`HTTP/1.1 ${isKnown ? '200 OK' : '400 Bad Request'}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const to = { 'http-to': node.address };
  await using deaf = await startGate({ ...to, 'http-check': 'path=/,interval=100ms' });
  await deaf.logged(/code=node-down .*status 400/);
  await using gate = await startGate({ ...to, 'http-check': 'path=/,interval=100ms,host=www.example.test' });
  const isAsked = (): boolean => node.requests.filter((request) => request.field('host') === 'www.example.test').length >= 3;
  await waitFor('checks', isAsked);
  assert.ok(!gate.logs.some((line) => line.includes('code=node-down')));
});
