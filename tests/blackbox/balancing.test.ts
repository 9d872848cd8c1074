/** Which node gets a request, by the running server: the four algorithms, what a node may say of itself, and checks of real peers. */

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { startUwsgi } from '../peers/uwsgi.ts';
import { temporaryFolder } from '../support/paths.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { startNginx } from '../upstream/peers.ts';
import { blackbox } from './front.ts';

const OURS = { differs: 'its router knows plain addresses only, in turn' };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface Named extends AsyncDisposable {
  readonly backends: readonly UwsgiBackend[];
  /** `--http-to` for each, with the options given for it. */
  args(...options: string[]): string[];
  /** Sends `count` requests for `/hold`, each once the one before has reached a node, and says how many each node holds. */
  hold(gate: Ugate, count: number): Promise<string>;
  /** Lets go what is held; all bodies together. */
  release(): Promise<string>;
}

/** Backends that answer their names, one a letter, and `/hold` when they are told to. */
async function named(letters: string): Promise<Named> {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const clients: RawClient[] = [];
  const backends = await Promise.all(
    [...letters].map((name) =>
      UwsgiBackend.listen(async (request, reply) => {
        if (request.vars.get('PATH_INFO') === '/hold') await opened;
        await answer(name)(request, reply);
      }),
    ),
  );
  const held = (): number[] => backends.map(({ requests }) => requests.filter(({ vars }) => vars.get('PATH_INFO') === '/hold').length);
  return {
    backends,
    args: (...options) => backends.flatMap(({ address }, i) => ['--http-to', options[i] ? `${address},${options[i]}` : address]),
    async hold(gate, count) {
      for (let i = 0; i < count; i++) {
        const client = await RawClient.connect(gate.target);
        clients.push(client);
        client.write(GET.replace('/', '/hold'));
        await waitFor(`request ${i} at a node`, () => held().reduce((a, b) => a + b) === clients.length);
      }
      return held().join(' ');
    },
    async release() {
      open();
      const responses = await Promise.all(clients.map((client) => client.readResponse()));
      return responses.map((response) => response.text()).join('');
    },
    async [Symbol.asyncDispose]() {
      open();
      for (const client of clients) client.destroy();
      for (const backend of backends) await backend.stop();
    },
  };
}

/** The bodies of so many requests on one connection. */
async function ask(gate: Ugate, count: number): Promise<string> {
  await using client = await RawClient.connect(gate.target);
  let bodies = '';
  for (let i = 0; i < count; i++) bodies += (await client.request(GET)).text();
  return bodies;
}

/** How often each letter occurs: `a3 b1`. */
function shares(bodies: string): string {
  const names = [...new Set(bodies)].sort();
  return names.map((name) => name + (bodies.split(name).length - 1)).join(' ');
}

blackbox('wrr: by weight, well mixed; then the backups, then the fallbacks', OURS, async () => {
  await using it = await named('abxyf');
  const [a, b, x, y, f] = it.backends;
  const args = it.args('weight=3,modifier1=5', '', 'backup=1,weight=2', 'backup=1').slice(0, -2);
  await using gate = await startUgate([...args, '--http-fallback', f!.address]);
  const bodies = await ask(gate, 8);
  assert.equal(shares(bodies), 'a6 b2');
  assert.ok(!bodies.includes('aaaa'), bodies);
  assert.deepEqual([a!.requests[0]?.modifier1, b!.requests[0]?.modifier1], [5, 0]);
  await a!.stop();
  await b!.stop();
  assert.equal(shares(await ask(gate, 9)), 'x6 y3');
  await x!.stop();
  await y!.stop();
  assert.equal(await ask(gate, 3), 'fff');
  await gate.process.said(/(code=node-dead[\s\S]*){4}/);
});

for (const [algorithm, options, running, quiet] of [
  ['lrc', ['weight=9'], '3 3', 'a4 b4'],
  ['wlrc', ['weight=2'], '4 2', 'a6 b3'],
] as const) {
  blackbox(`${algorithm}: by running requests, in quiet times in turn`, OURS, async () => {
    await using it = await named('ab');
    await using gate = await startUgate([...it.args(...options), '--http-algo', algorithm]);
    assert.equal(shares(await ask(gate, algorithm === 'lrc' ? 8 : 9)), quiet);
    const idle = (await it.hold(gate, 1)) === '1 0' ? 'b' : 'a';
    assert.equal(await ask(gate, 4), idle.repeat(4));
    assert.equal(await it.hold(gate, 5), running);
    assert.equal(shares(await it.release()), running.replace(/(\d) (\d)/, 'a$1 b$2'));
  });
}

blackbox('iphash: one client one node, and those of the others keep theirs when one is gone', OURS, async () => {
  await using it = await named('abcd');
  await using gate = await startUgate([...it.args(), '--http-algo', 'iphash']);
  const all = async (): Promise<string[]> => {
    const bodies: string[] = [];
    for (let i = 1; i <= 40; i++) bodies.push((await exchange({ ...gate.target, localAddress: `127.0.0.${i}` }, GET)).text());
    return bodies;
  };
  const first = await all();
  assert.equal(new Set(first).size, 4, first.join(''));
  assert.deepEqual(await all(), first);
  await it.backends[0]!.stop();
  for (const [i, now] of (await all()).entries()) {
    if (first[i] === 'a') assert.notEqual(now, 'a');
    else assert.equal(now, first[i]);
  }
});

blackbox('max-conns: the others take what is too much, then the backup, then 503', OURS, async () => {
  await using it = await named('abc');
  await using gate = await startUgate(it.args('max-conns=2', 'max-conns=1', 'max-conns=1,backup=1'));
  assert.equal(await it.hold(gate, 4), '2 1 1');
  const full = await exchange(gate.target, GET);
  assert.equal(full.text(), '503 Service Unavailable: nodes-full\n');
  await gate.process.said(/code=nodes-full/);
  assert.equal(shares(await it.release()), 'a2 b1 c1');
  assert.equal(shares(await ask(gate, 4)), 'a2 b2');
});

blackbox('a node that comes back gets a part of its share first', OURS, async () => {
  await using folder = temporaryFolder();
  await using it = await named('a');
  const path = folder.file('b');
  await using gate = await startUgate([...it.args(), '--http-to', path, '--http-gracetime', '500ms', '--http-slow-start', '4']);
  assert.equal(await ask(gate, 4), 'aaaa');
  await using b = await UwsgiBackend.listen(answer('b'), path);
  await waitFor('it to be asked again', async () => (await ask(gate, 1)) === 'b' || b.requests.length > 0);
  const early = (await ask(gate, 20)).split('b').length - 1;
  assert.ok(early <= 7, `${early} of 20`);
  await waitFor('its whole share', async () => shares(await ask(gate, 20)) === 'a10 b10', 10_000);
});

const standingBy = (): Promise<UwsgiBackend> => UwsgiBackend.listen(answer('standby'));

/** ugate before a node that it checks, and one that stands by. */
function startChecking(node: string, check: string, standby: UwsgiBackend): Promise<Ugate> {
  return startUgate(['--http-to', node, '--http-to', `${standby.address},backup=1`, `--http-check=${check}`]);
}

/** Whether four requests went to the one that stands by, or none of them. */
async function standsBy(gate: Ugate): Promise<boolean> {
  const bodies = await ask(gate, 4);
  const isStandby = bodies.includes('standby');
  if (isStandby) assert.equal(bodies, 'standby'.repeat(4));
  return isStandby;
}

const NO_CHECKS = 'it has no checks';

blackbox('http-check: real uWSGI, connected to only: stopped, and another in its place', { needs: ['uwsgi'], differs: NO_CHECKS }, async () => {
  await using folder = temporaryFolder();
  const socket = folder.file('app.sock');
  await using uwsgi = await startUwsgi({ app: 'uwsgi', processes: 1, socket });
  await using standby = await standingBy();
  await using gate = await startChecking(socket, 'interval=100ms', standby);
  assert.equal(await standsBy(gate), false);
  await uwsgi.stop();
  rmSync(socket, { force: true });
  // A check may have come between the end of uWSGI and that of its socket.
  await gate.process.said(/warn .*code=node-down .*node=\S*app\.sock reason="(?:missing \(ENOENT\)|refused \(ECONNREFUSED\))"/);
  assert.equal(await standsBy(gate), true);
  await using _ = await UwsgiBackend.listen(answer('again'), socket);
  await gate.process.said(/info .*code=node-up/);
  assert.equal(await standsBy(gate), false);
  assert.doesNotMatch(gate.stderr, /code=connect-/, 'no request met the dead node');
});

blackbox('http-check: a real uWSGI worker that hangs, and goes on', { needs: ['uwsgi', 'flask'], differs: NO_CHECKS }, async () => {
  await using uwsgi = await startUwsgi({ app: 'flask', processes: 1, socket: 'tcp' });
  const worker = Number(/spawned uWSGI worker 1 \(pid: (\d+)/.exec(uwsgi.stderr)?.[1]);
  await using standby = await standingBy();
  await using gate = await startChecking(uwsgi.address, 'path=/status/204,interval=100ms,timeout=1s,fails=2,passes=2', standby);
  assert.equal(await standsBy(gate), false);
  process.kill(worker, 'SIGSTOP');
  try {
    await gate.process.said(/code=node-down .*reason="no answer within 1000 ms"/);
    assert.equal(await standsBy(gate), true);
  } finally {
    process.kill(worker, 'SIGCONT');
  }
  await gate.process.said(/code=node-up/);
  assert.equal(await standsBy(gate), false);
});

blackbox('http-check: nginx, asked for a file that comes and goes', { needs: ['nginx'], differs: NO_CHECKS }, async () => {
  await using nginx = await startNginx();
  const health = nginx.folder.file('files/health');
  writeFileSync(health, 'well');
  await using standby = await standingBy();
  await using gate = await startChecking(nginx.address, 'path=/files/health,interval=100ms', standby);
  assert.equal(await standsBy(gate), false);
  rmSync(health);
  await gate.process.said(/code=node-down .*reason="status 404"/);
  assert.equal(await standsBy(gate), true);
  writeFileSync(health, 'well');
  await gate.process.said(/code=node-up/);
  assert.equal(await standsBy(gate), false);
  // Checks keep no process alive.
  assert.deepEqual(await gate.stop(), { code: 0, signal: null });
});
