/** Clients that are slow, half gone or rude, against ugate in a process of its own: its memory and descriptors stay bounded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, startGate } from '../router/support.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { GET, outcome, residentMiB, restingFiles, tally, untilFiles } from './support.ts';

const BIG = 8 * 1024 * 1024;

/** Sends `BIG` bytes, as fast as they are taken. */
async function bigAnswer(_: unknown, reply: { write(data: string | Uint8Array): Promise<void> }): Promise<void> {
  await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`);
  const piece = new Uint8Array(64 * 1024).fill(0x78);
  for (let sent = 0; sent < BIG; sent += piece.length) await reply.write(piece);
}

test('a hundred readers that stand still: memory is bounded, and each still gets all of its answer', { timeout: 40_000 }, async () => {
  await using backend = await UwsgiBackend.listen(bigAnswer);
  await using gate = await startUgate(['--http-to', backend.address]);
  await using warm = await RawClient.connect(gate.target);
  assert.equal((await warm.request(GET)).body.length, BIG);
  const before = residentMiB(gate.pid);
  const files = await restingFiles(gate.pid);
  const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(gate.target)));
  for (const client of clients) {
    client.pause();
    client.write(GET);
  }
  await waitFor('all requests at the backend', () => backend.requests.length === 101);
  await sleep(500);
  const grown = residentMiB(gate.pid) - before;
  assert.ok(grown < 200, `${grown.toFixed(0)} MiB more for 100 readers of ${BIG >> 20} MiB each`);
  for (const client of clients.slice(8)) client.destroy();
  for (const client of clients.slice(0, 8)) client.resume();
  const bodies = await Promise.all(clients.slice(0, 8).map((client) => client.readResponse({ milliseconds: 20_000 })));
  assert.ok(bodies.every(({ body }) => body.length === BIG));
  for (const client of clients) client.destroy();
  await gate.process.said(/code=client-left/);
  await untilFiles(gate.pid, files);
  assert.deepEqual(
    backend.errors.filter((error) => !/EPIPE|ECONNRESET/.test(error)),
    [],
  );
});

test('a reader that never goes on is cut off after http-timeout, and it is not the node that is blamed', { timeout: 20_000 }, async () => {
  await using backend = await UwsgiBackend.listen(bigAnswer);
  await using gate = await startGate({ 'http-to': backend.address, 'http-timeout': 1 });
  await using client = await gate.connect();
  client.pause();
  client.write(GET);
  await gate.logged(/ info .*code=client-stalled client=.*/);
  assert.ok(!gate.logs.some((line) => line.includes('upstream-timeout')), gate.logs.join('\n'));
  client.resume();
  const got = await client.readToEnd();
  assert.ok(got.length < BIG);
  await waitFor('the backend to be let go', () => backend.requests[0]?.ended || backend.requests[0]?.closed);
});

test('slow writers of heads and bodies get 408, each with its code, and others are served meanwhile', { timeout: 20_000 }, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using gate = await startGate({ 'http-to': backend.address, 'http-headers-timeout': 2, 'http-timeout': 2 });
  const heads = await Promise.all(Array.from({ length: 50 }, () => gate.connect()));
  const bodies = await Promise.all(Array.from({ length: 50 }, () => gate.connect()));
  for (const client of heads) client.write('GET / HTTP/1.1\r\n');
  for (const [i, client] of bodies.entries()) client.write(request('POST', '/', i % 2 === 0 ? 'Content-Length: 10' : 'Transfer-Encoding: chunked'));
  // A byte now and then moves the end of a head no further.
  const dripping = setInterval(() => {
    for (const client of heads) if (!client.closed) client.write('X');
  }, 200);
  await using other = await gate.connect();
  assert.equal(await outcome(other), 'ok');
  const codes = await Promise.all(
    [...heads, ...bodies].map(async (client) => /: ([a-z-]+)\n$/.exec((await client.readResponse()).text())?.[1] ?? ''),
  );
  clearInterval(dripping);
  for (const client of [...heads, ...bodies]) client.destroy();
  assert.deepEqual(tally(codes), { 'head-timeout': 50, 'body-timeout': 50 });
  await gate.logged(/code=head-timeout status=408/);
  await gate.logged(/code=body-timeout status=408/);
});

test('half-open clients: one that has asked gets its answer, one in the middle of a body is let go with a line', { timeout: 20_000 }, async () => {
  await using backend = await UwsgiBackend.listen(async (received, reply) => {
    await received.complete();
    await sleep(100);
    await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await using gate = await startGate({ 'http-to': backend.address });
  const clients = await Promise.all(Array.from({ length: 30 }, () => gate.connect()));
  for (const client of clients) {
    client.write(GET);
    client.end();
  }
  const answers = await Promise.all(clients.map((client) => client.readResponse()));
  assert.ok(answers.every(({ status }) => status === 200));
  for (const client of clients) await client.readToEnd();
  await using half = await gate.connect();
  half.write(`${request('POST', '/', 'Content-Length: 10')}half`);
  half.end();
  assert.equal((await half.readToEnd()).length, 0);
  await gate.logged(/code=client-left .*method=POST/);
  await using headless = await gate.connect();
  headless.write('GET / HTT');
  headless.end();
  assert.equal((await headless.readToEnd()).length, 0);
  await gate.logged(/middle of a head code=client-left/);
  await waitFor('every connection to the backend to be closed', () => backend.requests.every(({ ended, closed }) => ended || closed));
});

test('a storm of resets at every stage leaves nothing behind', { timeout: 40_000 }, async () => {
  await using backend = await UwsgiBackend.listen(async (received, reply) => {
    await received.complete();
    await reply.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
    await sleep(30);
    await reply.write('3\r\ntwo\r\n0\r\n\r\n');
  });
  await using gate = await startUgate(['--http-to', backend.address]);
  await using steady = await RawClient.connect(gate.target);
  assert.equal(await outcome(steady), 'ok');
  const files = await restingFiles(gate.pid);
  const before = residentMiB(gate.pid);
  const stages = [
    '',
    'GET / HT',
    GET,
    GET + GET,
    request('POST', '/', 'Content-Length: 9999'),
    `${request('POST', '/', 'Transfer-Encoding: chunked')}5\r\nhe`,
  ];
  for (let round = 0; round < 8; round++) {
    const clients = await Promise.all(Array.from({ length: 60 }, () => RawClient.connect(gate.target)));
    for (const [i, client] of clients.entries()) client.write(stages[i % stages.length]!);
    await sleep(round * 8);
    for (const client of clients) client.reset();
    assert.equal(await outcome(steady), 'ok');
  }
  await untilFiles(gate.pid, files);
  await waitFor('every connection to the backend to be closed', () => backend.requests.every(({ ended, closed }) => ended || closed), 10_000);
  const grown = residentMiB(gate.pid) - before;
  assert.ok(grown < 120, `${grown.toFixed(0)} MiB more`);
  assert.ok(!gate.stderr.includes('code=internal'), gate.stderr);
  assert.equal(await outcome(steady), 'ok');
});
