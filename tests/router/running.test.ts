/**
 * However a request ends, its node has it no more. Seen from outside: with `max-conns=1` one that is not given back shuts the node
 * for ever, and one that is given back twice lets two in at a time.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../src/options/read-config.ts';
import { freePort, temporaryFolder } from '../support/paths.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { type Gate, get, raw, request, startGate } from './support.ts';

const never: Script = async (received) => {
  await waitFor('the router to give up', () => received.closed || received.ended, 10_000);
};

interface End {
  readonly script: Script;
  /** What the client sends, or does. */
  readonly client: string | ((gate: Gate) => Promise<void>);
  /** What comes back then. */
  readonly says?: RegExp;
  readonly settings?: Settings;
}

const PART = 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n';
const UPGRADE = get('/', 'Connection: Upgrade', 'Upgrade: x');

/** Sends, waits until the backend has it and for `mark` if there is one, then does the rest. */
function leaving(text: string, mark: string | null, how: 'reset' | 'end'): (gate: Gate) => Promise<void> {
  return async (gate) => {
    await using client = await gate.connect();
    client.write(text);
    if (mark === null) await sleep(50);
    else await client.readUntil(mark);
    client[how]();
    await sleep(20);
  };
}

const ENDS: Readonly<Record<string, End>> = {
  'an answer': { script: answer('ok'), client: get(), says: /ok$/ },
  'an answer without a body': { script: answer('ok'), client: request('HEAD', '/'), says: /200 OK/ },
  'an answer by close': { script: raw('HTTP/1.1 200 OK\r\n\r\nabc'), client: get(), says: /abc/ },
  'a client that leaves before its answer': { script: never, client: leaving(get(), null, 'reset') },
  'a client that leaves in its answer': {
    script: async (received, reply) => {
      await reply.write(`${PART}x`);
      await never(received, reply);
    },
    client: leaving(get(), '\r\n\r\nx', 'reset'),
  },
  'a client that leaves in its body': { script: never, client: leaving(request('POST', '/', 'Content-Length: 10'), null, 'end') },
  'a body in wrong chunks': {
    script: never,
    client: `${request('POST', '/', 'Transfer-Encoding: chunked')}zz\r\n`,
    says: /400 Bad Request/,
    settings: { 'http-chunked-input': true },
  },
  'an answer to half a body': {
    script: raw('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'),
    client: leaving(`${request('POST', '/', 'Content-Length: 10')}1234567890`, '413', 'end'),
  },
  'no answer in time': { script: never, client: get(), says: /upstream-timeout/, settings: { 'http-timeout': 1 } },
  'no body in time': {
    script: never,
    client: request('POST', '/', 'Content-Length: 10'),
    says: /body-timeout/,
    settings: { 'http-timeout': 1 },
  },
  'an empty answer': { script: () => {}, client: get(), says: /upstream-empty/ },
  'a reset': { script: (_, reply) => reply.reset(), client: get(), says: /upstream-(reset|empty)/ },
  'an answer that is none': { script: raw('220 smtp\r\n\r\n'), client: get(), says: /502 Bad Gateway/ },
  'half an answer': { script: raw(`${PART}half`), client: get(), says: /half$/ },
  'a 101 that nobody asked for': { script: raw(SWITCHED), client: get(), says: /upstream-unexpected-101/ },
  'a tunnel that the node ends': { script: raw(`${SWITCHED}bye`), client: leaving(UPGRADE, 'bye', 'end') },
  'a tunnel that the client ends': {
    script: async (received, reply) => {
      await reply.write(SWITCHED);
      await never(received, reply);
    },
    client: leaving(UPGRADE, '\r\n\r\n', 'end'),
  },
  'a tunnel that breaks': {
    script: async (received, reply) => {
      await reply.write(SWITCHED);
      await never(received, reply);
    },
    client: leaving(UPGRADE, '\r\n\r\n', 'reset'),
  },
  'a path that uwsgi cannot say': { script: answer('ok'), client: get('/%zz'), says: /400|ok/ },
};

/** Some are about what comes late. */
const isSlow = ({ settings }: End): boolean => settings?.['http-timeout'] !== undefined;

async function provoke(gate: Gate, { client: does, says }: End): Promise<void> {
  if (typeof does !== 'string') return await does(gate);
  await using client = await gate.connect();
  client.write(does);
  await waitFor(`${says} in the answer`, () => says?.test(client.unread.toString('latin1')));
}

/** One request at a time, and not two. */
async function isWhole(gate: Gate, backend: UwsgiBackend, name: string, otherwise = /nodes-full/): Promise<void> {
  backend.script = answer('held');
  await waitFor(`the node to be free behind: ${name}`, async () => {
    await using client = await gate.connect();
    return (await client.request(get())).text() === 'held';
  });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  backend.script = async (received, reply) => {
    await released;
    await answer('held')(received, reply);
  };
  await using first = await gate.connect();
  await using second = await gate.connect();
  const before = backend.requests.length;
  first.write(get());
  await backend.request(before);
  assert.match((await second.request(get())).text(), otherwise, `two at a time behind: ${name}`);
  release();
  assert.equal((await first.readResponse()).text(), 'held', name);
}

async function play(ends: readonly (readonly [string, End])[]): Promise<void> {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  const settings = Object.assign({}, ...ends.map(([, end]) => end.settings));
  await using gate = await startGate({ 'http-to': `${backend.address},max-conns=1`, ...settings });
  for (const [name, end] of ends) {
    backend.script = end.script;
    await provoke(gate, end).catch((error) => assert.fail(`${name}: ${error}`));
    await isWhole(gate, backend, name);
  }
}

test('a node is free behind every kind of end', { timeout: 20_000 }, async () => {
  await play(Object.entries(ENDS).filter(([, end]) => !isSlow(end) && end.settings === undefined));
  await play(Object.entries(ENDS).filter(([, end]) => !isSlow(end) && end.settings !== undefined));
});

test('a node is free behind what came too late', { timeout: 20_000 }, async () => {
  await Promise.all(
    Object.entries(ENDS)
      .filter(([, end]) => isSlow(end))
      .map((end) => play([end])),
  );
});

test('a node that refuses, and one that others are tried instead of, are free again', { timeout: 20_000 }, async () => {
  await using folder = temporaryFolder();
  const port = await freePort();
  await using fallback = await UwsgiBackend.listen(answer('fallback'));
  const places = [`127.0.0.1:${port},max-conns=1`, `${folder.file('app.sock')},max-conns=1`];
  await using gate = await startGate({ 'http-to': places, 'http-fallback': fallback.address, 'http-gracetime': 1 });
  await using client = await gate.connect();
  for (let i = 0; i < 6; i++) assert.equal((await client.request(get())).text(), 'fallback');
  await using missing = await UwsgiBackend.listen(answer('ok'), folder.file('app.sock'));
  await sleep(1_100);
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push((await client.request(get())).text());
  assert.deepEqual(bodies, ['ok', 'ok', 'ok', 'ok']);
  await isWhole(gate, missing, 'a retry', /^fallback$/);
});
