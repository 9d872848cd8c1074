/** How nodes share requests, and what they get of each, through the running router. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../src/options/read-config.ts';
import { temporaryFolder } from '../support/paths.ts';
import type { RawClient } from '../support/raw-client.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { type Gate, get, raw, startGate } from './support.ts';

/** Backends that answer their names, one a letter. */
async function named(
  names: string,
  script: (name: string) => Script = (name) => answer(name),
): Promise<{ backends: UwsgiBackend[] } & AsyncDisposable> {
  const backends = await Promise.all([...names].map((name) => UwsgiBackend.listen(script(name))));
  return {
    backends,
    async [Symbol.asyncDispose]() {
      for (const backend of backends) await backend.stop();
    },
  };
}

/** Each backend with its options, as `http-to` wants them. */
function nodes(backends: readonly UwsgiBackend[], ...options: string[]): string[] {
  return backends.map(({ address }, i) => `${address}${options[i] ? `,${options[i]}` : ''}`);
}

async function ask(gate: Gate, count: number): Promise<string> {
  await using client = await gate.connect();
  let bodies = '';
  for (let i = 0; i < count; i++) bodies += (await client.request(get())).text();
  return bodies;
}

/** How often each letter occurs: `a3 b1`. */
function shares(bodies: string): string {
  return [...new Set(bodies)]
    .sort()
    .map((name) => name + bodies.split('').filter((one) => one === name).length)
    .join(' ');
}

/** Requests that are in service until `release`: as many open connections. */
async function held(gate: Gate, backends: readonly UwsgiBackend[], count: number): Promise<{ clients: RawClient[]; bodies(): Promise<string> }> {
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await gate.connect();
    client.write(get('/hold'));
    clients.push(client);
    const asked = (): number => backends.flatMap(({ requests }) => requests).length;
    await waitFor(`request ${i} at a node`, () => asked() > i);
  }
  const bodies = async (): Promise<string> => {
    const texts = await Promise.all(clients.map(async (client) => (await client.readResponse()).text()));
    for (const client of clients) client.destroy();
    return texts.join('');
  };
  return { clients, bodies };
}

/** Answers its name; what is asked for `/hold` only when `until` resolves. */
function holding(until: () => Promise<void>): (name: string) => Script {
  return (name) => async (request, reply) => {
    if (request.vars.get('PATH_INFO') === '/hold') await until();
    await answer(name)(request, reply);
  };
}

/** A door that opens once. */
function door(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('wrr: by weight, well mixed; a backup gets nothing', async () => {
  await using it = await named('abc');
  await using gate = await startGate({ 'http-to': nodes(it.backends, 'weight=3', '', 'backup=1') });
  const bodies = await ask(gate, 8);
  assert.equal(shares(bodies), 'a6 b2');
  assert.ok(!bodies.includes('aaaa'), bodies);
});

for (const [algorithm, running, quiet] of [
  ['lrc', 'a3 b3', 'a4 b4'],
  ['wlrc', 'a4 b2', 'a6 b2'],
] as const) {
  test(`${algorithm}: by running requests, in quiet times in turn`, async () => {
    const { opened, open } = door();
    await using it = await named(
      'ab',
      holding(() => opened),
    );
    const weights = algorithm === 'lrc' ? ['weight=9'] : ['weight=2'];
    await using gate = await startGate({ 'http-to': nodes(it.backends, ...weights), 'http-algo': algorithm });
    const { bodies } = await held(gate, it.backends, 6);
    assert.equal([it.backends[0].requests.length, it.backends[1].requests.length].join(), running.replace(/[ab]/g, '').replace(' ', ','));
    open();
    assert.equal(shares(await bodies()), running);
    await using again = await named('ab');
    await using idle = await startGate({
      'http-to': nodes(again.backends, ...(algorithm === 'lrc' ? weights : ['weight=3'])),
      'http-algo': algorithm,
    });
    assert.equal(shares(await ask(idle, 8)), quiet);
  });
}

test('iphash: one client one node, and with http-trusted-proxies it is the client that counts', async () => {
  await using it = await named('abcd');
  const settings = { 'http-to': nodes(it.backends), 'http-algo': 'iphash' };
  await using gate = await startGate(settings);
  assert.match(shares(await ask(gate, 8)), /^[abcd]8$/);
  await using trusting = await startGate({ ...settings, 'http-trusted-proxies': '127.0.0.0/8' });
  const of = async (address: string): Promise<string> => {
    await using client = await trusting.connect();
    return (await client.request(get('/', `X-Forwarded-For: ${address}`))).text();
  };
  const first: string[] = [];
  for (let i = 0; i < 60; i++) first.push(await of(`203.0.113.${i}`));
  assert.equal(new Set(first).size, 4);
  for (let i = 0; i < 60; i += 7) assert.equal(await of(`203.0.113.${i}`), first[i]);
  await it.backends[0].stop();
  // The two refusals that make it dead go elsewhere too; those of the others stay.
  for (let i = 0; i < 60; i++) {
    const now = await of(`203.0.113.${i}`);
    if (first[i] !== 'a') assert.equal(now, first[i]);
    else assert.notEqual(now, 'a');
  }
});

test('backup nodes take over when the others are gone, one after the other by weight', async () => {
  await using folder = temporaryFolder();
  await using it = await named('xy');
  await using gate = await startGate({ 'http-to': [folder.file('gone'), ...nodes(it.backends, 'backup=1,weight=2', 'backup=1')] });
  assert.equal(shares(await ask(gate, 9)), 'x6 y3');
});

test('max-conns: the others take what is too much, then the backup, then 503 nodes-full', async () => {
  const { opened, open } = door();
  await using it = await named(
    'abc',
    holding(() => opened),
  );
  await using gate = await startGate({ 'http-to': nodes(it.backends, 'max-conns=2', 'max-conns=1', 'max-conns=1,backup=1') });
  const { bodies } = await held(gate, it.backends, 4);
  await using client = await gate.connect();
  const full = await client.request(get());
  assert.equal(full.status, 503);
  assert.match(full.text(), /nodes-full/);
  // With a body too, read ahead or not: it is not waited for.
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  assert.match((await client.readResponse()).text(), /nodes-full/);
  open();
  assert.equal(shares(await bodies()), 'a2 b1 c1');
  await gate.logged(/code=nodes-full/);
  assert.equal(shares(await ask(gate, 4)), 'a2 b2');
});

test('a fallback takes what is too much for the nodes', async () => {
  const { opened, open } = door();
  await using it = await named(
    'af',
    holding(() => opened),
  );
  const [a, f] = it.backends;
  await using gate = await startGate({ 'http-to': `${a.address},max-conns=1`, 'http-fallback': f.address });
  const { bodies } = await held(gate, it.backends, 1);
  assert.equal(await ask(gate, 2), 'ff');
  open();
  assert.equal(await bodies(), 'a');
});

test('each node has its own modifiers in the packet; those of the router, unless 0, go before them as in uWSGI', async () => {
  await using it = await named('abc');
  const modifiers = async (settings: Settings): Promise<string> => {
    await using gate = await startGate({ 'http-to': nodes(it.backends, 'modifier1=5,modifier2=6', '9'), ...settings });
    assert.equal(await ask(gate, 3), 'abc');
    return it.backends.map(({ requests }) => `${requests.at(-1)?.modifier1}/${requests.at(-1)?.modifier2}`).join(' ');
  };
  assert.equal(await modifiers({}), '5/6 9/0 0/0');
  assert.equal(await modifiers({ 'http-modifier2': 2 }), '5/2 9/2 0/2');
});

test('a host name keeps the options of its entry', async () => {
  await using it = await named('ab');
  const port = it.backends[0].address.split(':')[1];
  await using gate = await startGate({ 'http-to': [`localhost:${port},weight=3,modifier1=7`, it.backends[1].address] });
  const bodies = await ask(gate, 8);
  // ::1 may be an address of the name as well, where nobody listens.
  assert.equal(it.backends[0].requests[0].modifier1, 7);
  assert.match(shares(bodies), /^a[67] b[12]$/);
});

test('http-slow-start: one that came back gets a part of its share first', async () => {
  await using folder = temporaryFolder();
  await using it = await named('a');
  const path = folder.file('b');
  await using gate = await startGate({ 'http-to': [it.backends[0].address, path], 'http-gracetime': 1, 'http-slow-start': 3 });
  assert.equal(await ask(gate, 4), 'aaaa');
  await using b = await UwsgiBackend.listen(answer('b'), path);
  await waitFor('it to be asked again', async () => (await ask(gate, 1)) === 'b' || b.requests.length > 0);
  const early = await ask(gate, 20);
  const few = early.split('b').length - 1;
  assert.ok(few >= 1 && few <= 5, early);
  await sleep(3_100);
  assert.equal(shares(await ask(gate, 20)), 'a10 b10');
});

test('fails=N: so many broken answers in a row take a node out, until its grace is over and an answer is whole', async () => {
  await using it = await named('ab');
  const [a, b] = it.backends;
  await using gate = await startGate({ 'http-to': nodes([a, b], 'fails=2', ''), 'http-gracetime': 1, 'http-slow-start': 0 });
  a.script = raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab');
  const statuses: string[] = [];
  for (let i = 0; i < 8; i++) {
    await using client = await gate.connect();
    client.write(get());
    const bytes = await client.readToEnd(1000).catch(() => client.unread);
    statuses.push(bytes.toString().endsWith('\r\n\r\nb') ? 'b' : 'broken');
    if (statuses.filter((one) => one === 'broken').length === 2) break;
  }
  assert.equal(await ask(gate, 4), 'bbbb');
  assert.equal(a.requests.length, 2);
  await gate.logged(/code=node-dead/);
  a.script = answer('a');
  await sleep(1_100);
  assert.equal(shares(await ask(gate, 4)), 'a2 b2');
});
