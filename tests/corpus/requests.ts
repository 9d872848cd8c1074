/** Plays the requests of a theme against a running ugate with a recording backend behind it. */

import assert from 'node:assert/strict';
import { RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate, type UnderTest } from '../support/ugate.ts';
import { type RecordedRequest, type Reply, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { cuts, drip, expand, type Outcome, type Received, type RequestCase, type Theme } from './corpus.ts';
import { type CaseResult, PATIENCE, runTrials, type Trial, writePieces } from './play.ts';

/** Cuts of one accepted message go one after the other over so many requests of a connection. */
const CUTS_PER_CONNECTION = 16;

const BEFORE = {
  bytes: 'GET /good-before HTTP/1.1\r\nHost: good.example\r\n\r\n',
  outcome: { PATH_INFO: '/good-before', HTTP_HOST: 'good.example' },
};
const BEHIND = {
  bytes: 'GET /good-behind HTTP/1.1\r\nHost: good.example\r\n\r\n',
  outcome: { PATH_INFO: '/good-behind', HTTP_HOST: 'good.example' },
};

/** Starts ugate before a backend of its own, plays every case in every way, and stops both. */
export async function playRequests(theme: Theme<RequestCase>, under: UnderTest): Promise<CaseResult[]> {
  await using recorder = await Recorder.start();
  await using gate = await startUgate(['--http-to', recorder.address, ...theme.args], { under });
  const results = await runTrials(theme.cases.map((one) => ({ name: one.name, trials: trialsOf(one, gate, recorder) })));
  assert.ok(gate.process.running, 'ugate is still there');
  // A trial that failed leaves behind what it did not look at.
  if (results.every(({ failure }) => failure === null)) recorder.assertNothingIsLeft();
  return results;
}

/** Tells each client's requests apart by the client's port, which is in their vars, and answers with what it understood. */
class Recorder {
  readonly #backend: UwsgiBackend;
  readonly #byPort = new Map<string, RecordedRequest[]>();
  /** Of clients that were answered before the backend can have seen whether there is a request at all. */
  readonly #late = new Map<string, (request: RecordedRequest) => void>();

  private constructor(backend: UwsgiBackend) {
    this.#backend = backend;
    backend.script = (request, reply) => this.#answer(request, reply);
  }

  static async start(): Promise<Recorder> {
    return new Recorder(await UwsgiBackend.listen(() => {}));
  }

  get address(): string {
    return this.#backend.address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend.stop();
  }

  /** A new client: whatever has come from its port before belongs to another one. */
  begin(port: number): void {
    const [old, ...more] = this.take(port);
    if (old !== undefined) {
      const check = this.#late.get(String(port));
      assert.ok(check !== undefined && more.length === 0, `a request came that nobody sent: ${describe(old)}`);
      check(old);
    }
    this.#late.delete(String(port));
  }

  /** What has come from a client since it was asked last. */
  take(port: number): RecordedRequest[] {
    const taken = this.#byPort.get(String(port)) ?? [];
    this.#byPort.delete(String(port));
    return taken;
  }

  /** A client's request has come with this much of its body. */
  arrived(port: number, body: string): boolean {
    return this.#byPort.get(String(port))?.some((request) => request.received >= body.length) ?? false;
  }

  /** What may still come from this client, and how it must look. */
  expectLate(port: number, check: (request: RecordedRequest) => void): void {
    this.#late.set(String(port), check);
  }

  /** A request that came behind the end of its connection's trial was smuggled. */
  assertNothingIsLeft(): void {
    for (const [port, check] of this.#late) {
      const [late] = this.take(Number(port));
      if (late !== undefined) check(late);
    }
    const left = [...this.#byPort.values()].flat().map((request) => request.packet.toString('latin1').slice(0, 300));
    assert.deepEqual(left, [], 'requests that nobody sent');
    assert.deepEqual(this.#backend.errors, [], 'breaches of the uwsgi protocol');
  }

  async #answer(request: RecordedRequest, reply: Reply): Promise<void> {
    const port = request.vars.get('REMOTE_PORT') ?? '';
    const known = this.#byPort.get(port);
    if (known === undefined) this.#byPort.set(port, [request]);
    else known.push(request);
    this.#backend.requests.length = 0;
    const length = Number(request.vars.get('CONTENT_LENGTH') || 0);
    const isComplete = request.vars.has('HTTP_TRANSFER_ENCODING') ? () => isWhole(request.body) : () => request.received >= length;
    await waitFor('the body or its breaking off', () => isComplete() || request.ended || request.closed, 2 * PATIENCE);
    if (!isComplete()) return;
    const text = echo(request);
    const body = request.vars.get('REQUEST_METHOD') === 'HEAD' ? '' : text;
    await reply.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${body}`).catch(() => {});
  }
}

/** Of a body that comes with its chunks: nothing in the corpus holds an empty line before the last one. */
function isWhole(body: Buffer): boolean {
  return body.toString('latin1').endsWith('\r\n\r\n');
}

/** What the backend says back, so that an answer is seen to belong to its request. */
function echo({ vars, received }: RecordedRequest): string {
  return `${vars.get('REQUEST_METHOD')} ${(vars.get('REQUEST_URI') ?? '').slice(0, 200)} ${received}`;
}

function trialsOf(one: RequestCase, gate: Ugate, recorder: Recorder): Trial[] {
  const bytes = expand(one.send);
  const outcomes = [one.expect].flat() as Outcome[];
  const last = outcomes.at(-1)!;
  const isOpen = one.closes !== true && (typeof last === 'string' ? last.startsWith('keeps ') : last.cut !== true);
  const waits = last === 'incomplete' || (typeof last === 'object' && last.cut === true);
  const play = (about: string, rounds: readonly (readonly string[])[], expected: readonly Outcome[], closes = !isOpen): Trial => ({
    about,
    run: () => playConnection(gate, recorder, rounds, expected, closes && !waits, one),
  });
  const trials = [play('whole', [[bytes]], outcomes), play('dripping', [drip(bytes)], outcomes)];
  trials.push(play('behind a good request', [[BEFORE.bytes + bytes]], [BEFORE.outcome, ...outcomes]));
  if (isOpen) trials.push(play('before a good request', [[bytes + BEHIND.bytes]], [...outcomes, BEHIND.outcome]));
  else if (!waits) trials.push(play('before a good request, which must not get through', [[bytes + BEHIND.bytes]], outcomes));
  const pairs = cuts(bytes.length).map((at) => [bytes.slice(0, at), bytes.slice(at)]);
  const perConnection = isOpen ? CUTS_PER_CONNECTION : 1;
  for (let i = 0; i < pairs.length; i += perConnection) {
    const rounds = pairs.slice(i, i + perConnection);
    trials.push(play(`cut at byte ${i + 1}${perConnection > 1 ? ' and on' : ''}`, rounds, outcomes));
  }
  return trials;
}

/**
 * One connection: each round sends its pieces and sees the outcomes. In the end the backend has received exactly what it
 * should have, and the client not one byte more.
 */
async function playConnection(
  gate: Ugate,
  recorder: Recorder,
  rounds: readonly (readonly string[])[],
  outcomes: readonly Outcome[],
  closes: boolean,
  one: RequestCase,
): Promise<void> {
  await using client = await RawClient.connect(gate.target);
  const port = client.localPort;
  recorder.begin(port);
  const answers: string[] = [];
  for (const pieces of rounds) {
    await writePieces(client, pieces);
    for (const outcome of outcomes) if (isAnswered(outcome)) answers.push(await readAnswer(client, outcome, methodOf(outcome, outcomes, one)));
  }
  const last = outcomes.at(-1)!;
  // What will be cut off has to arrive before the client leaves.
  if (typeof last === 'object' && last.cut === true)
    await waitFor('the part of the body', () => recorder.arrived(port, expand(last.body ?? '')), PATIENCE);
  if (!closes) client.end();
  assert.equal((await client.readToEnd(PATIENCE)).toString('latin1'), '', 'nothing more for the client');
  assert.equal(client.error, null, 'the connection ends in order');

  const received = recorder.take(port);
  const all = rounds.flatMap(() => outcomes.filter((outcome) => typeof outcome === 'object')) as Received[];
  const wanted = received.length < all.length ? all.filter((outcome) => outcome.maybe !== true) : all;
  if (wanted.length < all.length) recorder.expectLate(port, (request) => assertReceived(request, all.at(-1)!));
  assert.equal(received.length, wanted.length, `requests at the backend: ${JSON.stringify(received.map(describe))}`);
  for (const [index, request] of received.entries()) {
    await waitFor('the backend connection to end', () => request.closed, PATIENCE);
    assertReceived(request, wanted[index]!);
  }
  const echoes = received
    .filter((_, index) => wanted[index]!.cut !== true)
    .map((request) => (request.vars.get('REQUEST_METHOD') === 'HEAD' ? '' : echo(request)));
  assert.deepEqual(
    answers.filter((text) => !text.startsWith('refused ')),
    echoes,
    'each answer belongs to its request',
  );
}

function isAnswered(outcome: Outcome): boolean {
  return typeof outcome === 'string' ? outcome !== 'incomplete' : outcome.cut !== true;
}

/** A refused request may be a HEAD too; only the first of the bytes is looked at. */
function methodOf(outcome: Outcome, outcomes: readonly Outcome[], one: RequestCase): string {
  if (typeof outcome === 'object') return String(outcome.REQUEST_METHOD ?? 'GET');
  return outcomes.length === 1 && expand(one.send).startsWith('HEAD ') ? 'HEAD' : 'GET';
}

/** Reads one answer and returns its text, or `refused …`. */
async function readAnswer(client: RawClient, outcome: Outcome, method: string): Promise<string> {
  const response = await client.readResponse({ method, milliseconds: PATIENCE });
  if (typeof outcome === 'object') {
    assert.equal(`${response.status} ${response.status === 200 ? '' : response.text()}`, '200 ');
    return response.body.toString('latin1');
  }
  const keeps = outcome.startsWith('keeps ');
  const allowed = outcome.replace('keeps ', '').split('|');
  const code = /: ([a-z0-9.-]+)\n$/.exec(response.text())?.[1] ?? '';
  assert.ok(allowed.includes(`${response.status} ${code}`), `${response.status} ${code || response.text()} instead of ${outcome}`);
  assert.equal(response.header('connection'), keeps ? null : 'close');
  assert.notEqual(response.header('date'), null);
  return `refused ${code}`;
}

function describe(request: RecordedRequest): string {
  return `${request.vars.get('REQUEST_METHOD')} ${request.vars.get('REQUEST_URI')?.slice(0, 100)} + ${request.body.toString('latin1').slice(0, 100)}`;
}

function assertReceived(request: RecordedRequest, wanted: Received): void {
  const { body = '', cut, maybe, ...vars } = wanted;
  for (const [name, value] of Object.entries(vars))
    assert.equal(request.vars.get(name) ?? null, value === null ? null : expand(value as string), name);
  assert.equal(request.vars.size, request.list.length, 'no var comes twice');
  const text = request.body.toString('latin1');
  if (cut === true) assert.ok(expand(body).startsWith(text), `${JSON.stringify(text)} is no part of the body`);
  else assert.equal(text, expand(body), 'the body');
  assert.equal(request.vars.get('HTTP_CONTENT_LENGTH'), undefined);
  if (cut !== true && !request.vars.has('HTTP_TRANSFER_ENCODING')) {
    assert.equal(Number(request.vars.get('CONTENT_LENGTH') || 0), request.body.length, 'CONTENT_LENGTH is the length of what came');
  }
}
