/** The transaction: whatever becomes of a request, its record ends exactly once and says what happened. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Front } from '../../src/router/front.ts';
import type { Transaction, TransactionSink } from '../../src/router/transaction.ts';
import type { RawClient } from '../support/raw-client.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { get, request } from './support.ts';
import { type Given, nodeAt, Wired } from './wired.ts';

/** What a record said when it ended: the record itself is used again. */
interface Ended {
  readonly line: string;
  readonly client: string;
  readonly front: number;
  readonly node: string | undefined;
  readonly handler: string | undefined;
  readonly tries: number;
  readonly status: number;
  readonly code: string | null;
  readonly received: readonly [head: number, body: number];
  readonly sent: readonly [all: number, body: number];
  readonly times: readonly number[];
}

/** Counts ends, and takes copies. */
class Sink implements TransactionSink {
  readonly isTimed = true;
  readonly ends: Ended[] = [];

  ended(of: Transaction): void {
    const { request: head, client } = of;
    this.ends.push({
      line: head?.hasLine ? Buffer.from(head.bytes.subarray(head.methodStart, head.targetEnd)).toString('latin1') : '',
      client: 'address' in client!.remote ? client!.remote.address : '',
      front: client!.front.index,
      node: of.node?.name,
      handler: of.handler?.name,
      tries: of.tries,
      status: of.status,
      code: of.code,
      received: [of.receivedHead, of.receivedBody],
      sent: [of.sent, of.sentBody],
      times: [of.begunAt, of.headAt, of.routedAt, of.connectedAt, of.passedOnAt, of.answeredAt, of.endedAt],
    });
  }
}

class Rig implements AsyncDisposable {
  readonly sink = new Sink();
  readonly #backend: UwsgiBackend;
  #wired: Wired | null = null;

  private constructor(backend: UwsgiBackend) {
    this.#backend = backend;
  }

  static async start(script: Script, given: Given = {}, maxConnections = 1000, ...before: string[]): Promise<Rig> {
    const rig = new Rig(await UwsgiBackend.listen(script));
    const nodes = [...before, rig.#backend.address].map((address) => nodeAt('uwsgi', address));
    rig.#wired = await Wired.start(nodes, { transactions: rig.sink, ...given }, maxConnections);
    return rig;
  }

  get wired(): Wired {
    return this.#wired!;
  }

  get backend(): UwsgiBackend {
    return this.#backend;
  }

  connect(front?: Partial<Front>): Promise<RawClient> {
    return this.wired.connect(front);
  }

  /** The record of the one request there was: no more than one comes, and it is closed down to be sure. */
  async only(): Promise<Ended> {
    const [ended] = await this.all(1);
    return ended!;
  }

  async all(count: number): Promise<readonly Ended[]> {
    await waitFor(`${count} ends`, () => this.sink.ends.length >= count, 15_000);
    this.wired.router.destroy();
    await waitFor('the connections to be gone', () => this.wired.router.connections === 0, 15_000);
    assert.equal(this.sink.ends.length, count, JSON.stringify(this.sink.ends));
    return this.sink.ends;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#wired?.[Symbol.asyncDispose]();
    await this.#backend.stop();
  }
}

const hang: Script = () => new Promise(() => {});
/** Phases that were reached, by their letters, in the order of the clock. */
function reached({ times }: Ended): string {
  const marks = times.map((time, i) => ({ time, name: 'bhrcpae'[i] })).filter(({ time }) => !Number.isNaN(time));
  return [...marks]
    .sort((a, b) => a.time - b.time)
    .map(({ name }) => name)
    .join('');
}

test('an answer: bytes as they went over the wire, times of each phase in their order, node and client', async () => {
  await using it = await Rig.start(answer('hello'));
  await using client = await it.connect();
  const head = request('POST', '/a?b', 'Content-Length: 4');
  client.write(`${head}body`);
  const bytes = await client.readUntil('hello');
  const ended = await it.only();
  assert.equal(ended.line, 'POST /a?b');
  assert.deepEqual(ended.received, [head.length, 4]);
  assert.deepEqual(ended.sent, [bytes.length, 5]);
  assert.deepEqual([ended.status, ended.code, ended.tries, ended.client, ended.front], [200, null, 1, '127.0.0.1', 0]);
  assert.equal(ended.node, it.backend.address);
  assert.equal(reached(ended), 'bhrcpae');
});

test('requests of one connection, pipelined and in turn, have a record each, and nothing of the one before', async () => {
  await using it = await Rig.start(answer('ok'));
  await using client = await it.connect();
  client.write(`${get('/1') + get('/22') + request('POST', '/3', 'Content-Length: 2')}ab${get('bad target')}`);
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await client.readResponse()).status);
  assert.deepEqual(statuses, [200, 200, 200, 400]);
  const all = await it.all(4);
  assert.deepEqual(
    all.map(({ line, received, code }) => [line, received[1], code]),
    [
      ['GET /1', 0, null],
      ['GET /22', 0, null],
      ['POST /3', 2, null],
      [all[3]!.line, 0, all[3]!.code],
    ],
  );
  assert.equal(all[3]!.node, undefined);
  assert.equal(
    all.reduce((sum, { received }) => sum + received[0], 0),
    get('/1').length + get('/22').length + request('POST', '/3', 'Content-Length: 2').length + get('bad target').length,
  );
});

interface End {
  readonly title: string;
  readonly script?: Script;
  readonly given?: Given;
  readonly maxConnections?: number;
  readonly front?: Partial<Front>;
  /** Nodes that are asked first. */
  readonly before?: readonly string[];
  /** What the client does. */
  act(client: RawClient, rig: Rig): Promise<void> | void;
  readonly line: string;
  readonly status: number;
  readonly code: string | null;
  readonly tries?: number;
  /** As `reached` has it. */
  readonly phases: string;
}

const ask =
  (text: string, answers = true) =>
  async (client: RawClient): Promise<void> => {
    client.write(text);
    if (answers) await client.readResponse();
  };

const ENDS: readonly End[] = [
  { title: 'a refused head', act: ask('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), line: 'GET /', status: 400, code: 'many-hosts', phases: 'be' },
  {
    title: 'a head that does not come in time',
    given: { settings: { headersTimeout: 100 } },
    act: ask('GET /late HTTP/1.1\r\nHo'),
    line: 'GET /late',
    status: 408,
    code: 'head-timeout',
    phases: 'be',
  },
  {
    title: 'a client that leaves in the middle of a head',
    act: async (client, { wired }) => {
      await client.flush('GET /half HTTP/1.1\r\nHo');
      client.destroy();
      await wired.logged(/middle of a head code=client-left/);
    },
    line: 'GET /half',
    status: 499,
    code: 'client-left',
    phases: 'be',
  },
  {
    title: 'a client that leaves before its answer',
    script: hang,
    act: async (client, { backend }) => {
      client.write(get('/left'));
      await backend.request();
      client.reset();
    },
    line: 'GET /left',
    status: 499,
    code: 'client-left',
    phases: 'bhrcpe',
    tries: 1,
  },
  {
    title: 'a client that leaves in the middle of its answer',
    script: async (_, reply) => {
      await reply.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      await hang(_, reply);
    },
    act: async (client) => {
      client.write(get('/half'));
      await client.readUntil('half');
      client.reset();
    },
    line: 'GET /half',
    status: 200,
    code: 'client-left',
    phases: 'bhrcpae',
    tries: 1,
  },
  {
    title: 'a connection over the limit',
    maxConnections: 0,
    act: async (client) => void (await client.readResponse()),
    line: '',
    status: 503,
    code: 'too-many-connections',
    phases: 'be',
  },
  {
    title: 'a pause',
    act: async (client, { wired }) => {
      wired.router.pause();
      await ask(get('/paused'))(client);
    },
    line: 'GET /paused',
    status: 503,
    code: 'paused',
    phases: 'bhe',
  },
  { title: 'a redirect', front: { redirect: { port: null } }, act: ask(get('/to')), line: 'GET /to', status: 301, code: null, phases: 'bhrae' },
  {
    title: 'a body that is too large',
    given: { settings: { maxBody: 3 } },
    act: ask(request('POST', '/large', 'Content-Length: 4')),
    line: 'POST /large',
    status: 413,
    code: 'body-too-large',
    phases: 'bhe',
  },
  {
    title: 'a broken chunk',
    given: { settings: { chunkedInput: true } },
    act: ask(`${request('POST', '/chunk', 'Transfer-Encoding: chunked')}nonsense\r\n`),
    line: 'POST /chunk',
    status: 400,
    code: 'bad-chunk',
    phases: 'bhre',
    tries: 1,
  },
  {
    title: 'a body that does not come',
    given: { settings: { timeout: 100 } },
    act: ask(`${request('POST', '/waits', 'Content-Length: 4')}ab`),
    script: hang,
    line: 'POST /waits',
    status: 408,
    code: 'body-timeout',
    phases: 'bhrce',
    tries: 1,
  },
  {
    title: 'a node that does not answer in time',
    given: { settings: { timeout: 100 } },
    act: ask(get('/late')),
    script: hang,
    line: 'GET /late',
    status: 504,
    code: 'upstream-timeout',
    phases: 'bhrcpe',
    tries: 1,
  },
  {
    title: 'a node that breaks off behind its head',
    script: (_, reply) => reply.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
    act: async (client) => {
      client.write(get('/short'));
      await client.readToEnd();
    },
    line: 'GET /short',
    status: 200,
    code: 'upstream-short',
    phases: 'bhrcpae',
    tries: 1,
  },
  {
    title: 'an answer that is none',
    script: (_, reply) => reply.write('nonsense\r\n\r\n'),
    act: ask(get('/none')),
    line: 'GET /none',
    status: 502,
    code: 'upstream-bad-status-line',
    phases: 'bhrcpe',
    tries: 1,
  },
  { title: 'a second try', before: ['127.0.0.1:1'], act: ask(get('/two')), line: 'GET /two', status: 200, code: null, phases: 'bhrcpae', tries: 2 },
  {
    title: 'a tunnel',
    script: async (received, reply) => {
      await reply.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      await waitFor('the end of the tunnel', () => received.ended, 20_000);
      await reply.write('bye');
    },
    act: async (client) => {
      client.write(get('/chat', 'Connection: Upgrade', 'Upgrade: echo'));
      await client.readResponse();
      client.write('hello');
      client.end();
      assert.equal((await client.readToEnd()).toString(), 'bye');
    },
    line: 'GET /chat',
    status: 101,
    code: null,
    phases: 'bhrcpae',
    tries: 1,
  },
  {
    title: 'a tunnel that idles',
    given: { settings: { tunnelTimeout: 100 } },
    script: async (received, reply) => {
      await reply.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      await hang(received, reply);
    },
    act: async (client) => {
      client.write(get('/idle', 'Connection: Upgrade', 'Upgrade: echo'));
      await client.readToEnd();
    },
    line: 'GET /idle',
    status: 101,
    code: 'tunnel-idle',
    phases: 'bhrcpae',
    tries: 1,
  },
  {
    title: 'the end of ugate',
    script: hang,
    act: async (client, { backend, wired }) => {
      client.write(get('/cut'));
      await backend.request();
      wired.router.destroy();
    },
    line: 'GET /cut',
    status: 0,
    code: 'shut-down',
    phases: 'bhrcpe',
    tries: 1,
  },
  {
    title: 'a handler that throws',
    given: {
      open: () => {
        throw new Error('on purpose');
      },
    },
    act: ask(get('/crash')),
    line: 'GET /crash',
    status: 500,
    code: 'internal',
    phases: 'bhre',
    tries: 1,
  },
  {
    title: 'no packet on a uwsgi socket',
    front: { kind: 'uwsgi' },
    act: async (client) => {
      client.write(Buffer.from([0, 2, 0, 0, 9, 9]));
      await client.readToEnd();
    },
    line: '',
    status: 400,
    code: 'bad-uwsgi-packet',
    phases: 'be',
  },
];

for (const { title, script = answer('ok'), given, maxConnections, front, before = [], act, line, status, code, tries = 0, phases } of ENDS) {
  test(`ends once: ${title}`, { timeout: 60_000 }, async () => {
    await using it = await Rig.start(script, given, maxConnections, ...before);
    await using client = await it.connect(front);
    await act(client, it);
    const ended = await it.only();
    assert.deepEqual([ended.line, ended.status, ended.code, ended.tries], [line, status, code, tries]);
    assert.equal(reached(ended), phases);
    assert.equal(ended.handler, phases.includes('r') ? (title === 'a redirect' ? 'https' : 'nodes') : undefined);
  });
}

test('both ways of a tunnel are counted', async () => {
  await using it = await Rig.start(async (received, reply) => {
    await reply.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
    await waitFor('the end of the tunnel', () => received.ended, 20_000);
    await reply.write('byebye');
  });
  await using client = await it.connect();
  const head = get('/chat', 'Connection: Upgrade', 'Upgrade: echo');
  client.write(`${head}early`);
  await client.readResponse();
  client.write('late');
  client.end();
  await client.readToEnd();
  const ended = await it.only();
  assert.deepEqual([ended.received, ended.sent[1]], [[head.length, 9], 6]);
});

test('what is no request has no record: a silent connection, a ping, and requests of a router of ours', async () => {
  await using it = await Rig.start(answer('ok'));
  const silent = await it.connect();
  await using pinging = await it.connect({ kind: 'uwsgi' });
  await using hop = await it.connect({ isPrivate: true });
  pinging.write(Buffer.from([100, 0, 0, 0]));
  await pinging.readToEnd();
  assert.equal((await hop.request(get('/hop'))).status, 200);
  silent.destroy();
  await using last = await it.connect();
  await last.request(get('/last'));
  assert.equal((await it.only()).line, 'GET /last');
});
