/** `Router.use`: what a reload does to connections that are there, and when the generation before is done with. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CidrSet } from '../../src/net/cidr.ts';
import { UNIX_PEER } from '../../src/net/peer.ts';
import type { ClientSession } from '../../src/router/client-session.ts';
import { makeFront } from '../../src/router/front.ts';
import { Peer } from '../../src/router/peer.ts';
import { ServedRequest } from '../../src/router/served-request.ts';
import type { Service } from '../../src/router/service.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { get, request } from './support.ts';
import { nodeAt, Wired } from './wired.ts';

interface Rig extends AsyncDisposable {
  readonly wired: Wired;
  readonly first: UwsgiBackend;
  readonly second: UwsgiBackend;
}

/** A router that was started with one backend, and another backend. */
async function rig(firstScript: Script = answer('first')): Promise<Rig> {
  const first = await UwsgiBackend.listen(firstScript);
  const second = await UwsgiBackend.listen(answer('second'));
  const wired = await Wired.start([nodeAt('uwsgi', first.address)]);
  return {
    wired,
    first,
    second,
    async [Symbol.asyncDispose]() {
      await wired[Symbol.asyncDispose]();
      await Promise.all([first.stop(), second.stop()]);
    },
  };
}

/** Answers when it is told to. */
function onCall(body: string): { script: Script; go: () => void } {
  let go = (): void => {};
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  return {
    script: async (received, to) => {
      await told;
      await answer(body)(received, to);
    },
    go,
  };
}

test('new connections, and the next request on those that are there, begin with the new generation', async () => {
  await using it = await rig();
  const { wired, second } = it;
  const target = await wired.listen();
  await using old = await RawClient.connect(target);
  await using halfway = await RawClient.connect(target);
  assert.equal((await old.request(get())).text(), 'first');
  halfway.write('GET / HTTP/1.1\r\nHo');
  await sleep(30);
  let isUnused = false;
  wired.router.use(wired.generation([nodeAt('uwsgi', second.address)]), () => {
    isUnused = true;
  });
  assert.ok(isUnused, 'no request was in flight');
  await using fresh = await RawClient.connect(target);
  assert.equal((await fresh.request(get())).text(), 'second');
  assert.equal((await old.request(get())).text(), 'second');
  assert.equal((await halfway.request('st: test\r\n\r\n')).text(), 'second');
  assert.equal(it.first.requests.length, 1);
});

test('a request in flight finishes with the generation it began with, and that is told to be unused behind it', async () => {
  const { script, go } = onCall('first');
  await using it = await rig(script);
  const { wired, first, second } = it;
  const target = await wired.listen();
  await using busy = await RawClient.connect(target);
  await using other = await RawClient.connect(target);
  // Pipelined behind it: the next request on the connection.
  busy.write(get('/a') + get('/b'));
  other.write(get('/c'));
  await first.request(1);
  const unused: number[] = [];
  wired.router.use(wired.generation([nodeAt('uwsgi', second.address)]), () => unused.push(1));
  // Nobody ever used this one.
  wired.router.use(wired.generation([nodeAt('uwsgi', second.address)]), () => unused.push(2));
  assert.deepEqual(unused, [2]);
  other.destroy();
  await sleep(30);
  assert.deepEqual(unused, [2]);
  go();
  assert.equal((await busy.readResponse()).text(), 'first');
  assert.equal((await busy.readResponse()).text(), 'second');
  assert.deepEqual(unused, [2, 1]);
  assert.equal(second.requests[0]?.vars.get('PATH_INFO'), '/b');
});

test('a tunnel keeps its generation, and none that came later', async () => {
  await using it = await rig(async (received, to) => {
    await to.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
    await waitFor('a byte', () => received.received > 0);
    await to.write(`got ${received.body.toString()}`);
  });
  const { wired, second } = it;
  await using client = await wired.connect();
  client.write(get('/', 'Connection: Upgrade', 'Upgrade: x'));
  await client.readUntil('\r\n\r\n');
  const unused: number[] = [];
  for (let turn = 0; turn < 5; turn++) wired.router.use(wired.generation([nodeAt('uwsgi', second.address)]), () => unused.push(turn));
  assert.deepEqual(unused, [1, 2, 3, 4]);
  client.write('x');
  await client.readUntil('got x');
  client.end();
  await waitFor('the first generation to be unused', () => unused.includes(0));
});

test('settings hold from the next request on', async () => {
  await using it = await rig();
  const { wired, first } = it;
  await using client = await wired.connect();
  const post = `${request('POST', '/', 'Content-Length: 3', 'X-Forwarded-For: 192.0.2.9')}abc`;
  assert.equal((await client.request(post)).status, 200);
  const nodes = [nodeAt('uwsgi', first.address)];
  wired.router.use(wired.generation(nodes, { trustedProxies: new CidrSet(['127.0.0.0/8']) }));
  assert.equal((await client.request(post)).status, 200);
  wired.router.use(wired.generation(nodes, { settings: { maxBody: 2, keepalive: 0 } }));
  const response = await client.request(post);
  assert.equal(response.status, 413);
  assert.deepEqual(
    first.requests.map(({ vars }) => vars.get('REMOTE_ADDR')),
    ['127.0.0.1', '192.0.2.9'],
  );
});

test('a session that is being answered is counted as running, and each request once', async () => {
  const { script, go } = onCall('first');
  await using it = await rig(script);
  const { wired, first } = it;
  const target = await wired.listen();
  await using client = await RawClient.connect(target);
  await using idle = await RawClient.connect(target);
  assert.equal(wired.router.running, 0);
  client.write(get());
  await first.request(0);
  assert.equal(wired.router.running, 1);
  go();
  await client.readResponse();
  assert.equal(wired.router.running, 0);
  await idle.request(get());
  assert.equal(wired.router.requests, 2);
});

test('a connection may have requests of two generations at a time: each waits for its own', async () => {
  await using it = await rig();
  const { router } = it.wired;
  const front = makeFront(0);
  router.handlers(front);
  const services = [1, 2, 3].map(() => it.wired.generation([nodeAt('uwsgi', it.first.address)]));
  router.use(services[0]!);
  const served = { front, service: services[0]! };
  const peer = new Peer(front, { remote: UNIX_PEER, local: UNIX_PEER, tls: null });
  const requests: ServedRequest[] = [];
  // As HTTP/2 has it: many streams on one connection.
  const session = {
    get running() {
      return requests.filter(({ exchange }) => exchange !== null).length;
    },
    renew: (before: ReadonlySet<Service>) => requests.reduce((sum, request) => sum + request.renew(before), 0),
    destroy: () => {},
  } as unknown as ClientSession;
  router.sessionOpened(session);
  const start = (): ServedRequest => {
    const request = new ServedRequest(served, router, peer);
    requests.push(request);
    request.begin();
    request.exchange = {} as never;
    return request;
  };
  const unused: number[] = [];
  const renew = (generation: number): void => {
    served.service = services[generation]!;
    router.use(served.service, () => unused.push(generation - 1));
  };
  const [a, b] = [start(), start()];
  renew(1);
  const c = start();
  renew(2);
  assert.equal(router.running, 3);
  assert.deepEqual([a.service, c.service], [services[0], services[1]]);
  a.end(0, 0);
  assert.deepEqual(unused, []);
  c.end(0, 0);
  assert.deepEqual(unused, [1], 'the younger one is done with first');
  b.end(0, 0);
  assert.deepEqual(unused, [1, 0]);
  assert.equal(b.service, services[2]);
  assert.equal(router.running, 0);
  router.sessionClosed(session);
});
