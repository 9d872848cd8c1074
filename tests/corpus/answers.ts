/** Plays the answers of a theme: a backend gives them byte for byte, and the client sees what is allowed or a 502. */

import assert from 'node:assert/strict';
import type { HttpResponse } from '../support/http-message.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate, type UnderTest } from '../support/ugate.ts';
import { type RecordedRequest, type Reply, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep } from '../support/wait.ts';
import { type AnswerCase, cuts, expand, type Seen, type Theme } from './corpus.ts';
import { type CaseResult, PATIENCE, runTrials, type Trial } from './play.ts';

const CUTS_PER_CONNECTION = 16;
const GOOD = 'GET /good HTTP/1.1\r\nHost: good.example\r\n\r\n';
const GOOD_SEEN: Seen = { status: 200, body: 'good', framing: 'length' };
const REQUEST = 'GET TARGET HTTP/1.1\r\n\r\n';

export async function playAnswers(theme: Theme<AnswerCase>, under: UnderTest): Promise<CaseResult[]> {
  await using backend = await UwsgiBackend.listen((request, reply) => give(theme, request, reply));
  await using gate = await startUgate(['--http-to', backend.address, ...theme.args], { under });
  const results = await runTrials(theme.cases.map((one, index) => ({ name: one.name, trials: trialsOf(one, index, gate) })));
  assert.ok(gate.process.running, 'ugate is still there');
  assert.deepEqual(backend.errors, [], 'breaches of the uwsgi protocol');
  return results;
}

/** The target says which answer is wanted and where it is cut in two: `/case/INDEX/BYTE`. */
async function give(theme: Theme<AnswerCase>, request: RecordedRequest, reply: Reply): Promise<void> {
  await request.complete();
  const [, , index, cut] = (request.vars.get('PATH_INFO') ?? '').split('/');
  const one = index === undefined ? null : theme.cases[Number(index)]!;
  const bytes = one === null ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood' : expand(one.answer);
  // A router that has seen enough is free to go: then writing fails.
  try {
    const at = Number(cut ?? 0);
    if (at > 0) {
      await reply.write(bytes.slice(0, at));
      await sleep(1);
    }
    if (at < bytes.length) await reply.write(bytes.slice(at));
    if (one?.end === 'hold') await waitForEnd(request);
    if (one?.end === 'reset') {
      await sleep(20);
      reply.reset();
    }
  } catch {
    // Gone.
  }
}

/** ugate knows where an answer ends: it must not wait for a backend that keeps its connection. */
async function waitForEnd(request: RecordedRequest): Promise<void> {
  for (let waited = 0; waited < PATIENCE && !request.ended && !request.closed; waited += 5) await sleep(5);
}

function trialsOf(one: AnswerCase, index: number, gate: Ugate): Trial[] {
  const { length } = expand(one.answer);
  const closes = one.expect === 'cut' || (typeof one.expect === 'object' && one.expect.closes === true);
  const ask = (cut: number): string => (one.request ?? REQUEST).replace('TARGET', `/case/${index}/${cut}`).replace('\r\n', '\r\nHost: a.example\r\n');
  const play = (about: string, requests: readonly string[], seen: readonly (string | Seen)[], ends: boolean, pipelined: boolean): Trial => ({
    about,
    run: () => playConnection(gate, requests, seen, ends, pipelined),
  });
  const trials = [
    play('whole', [ask(0)], [one.expect], closes, false),
    play('behind a good request', [GOOD, ask(0)], [GOOD_SEEN, one.expect], closes, true),
    play('before a good request', [ask(0), GOOD], closes ? [one.expect] : [one.expect, GOOD_SEEN], closes, true),
  ];
  const all = cuts(length);
  const perConnection = closes ? 1 : CUTS_PER_CONNECTION;
  for (let i = 0; i < all.length; i += perConnection) {
    const some = all.slice(i, i + perConnection);
    const about = `cut at byte ${some[0]}${some.length > 1 ? ' and on' : ''}`;
    trials.push(play(about, some.map(ask), Array<string | Seen>(some.length).fill(one.expect), closes, false));
  }
  return trials;
}

async function playConnection(
  gate: Ugate,
  requests: readonly string[],
  seen: readonly (string | Seen)[],
  closes: boolean,
  pipelined: boolean,
): Promise<void> {
  await using client = await RawClient.connect(gate.target);
  if (pipelined) client.write(requests.join(''));
  for (const [index, expected] of seen.entries()) {
    const request = requests[index]!;
    if (!pipelined) client.write(request);
    await assertSeen(client, request, expected);
  }
  if (!closes) client.end();
  assert.equal((await client.readToEnd(PATIENCE)).toString('latin1'), '', 'nothing more for the client');
}

async function assertSeen(client: RawClient, request: string, expected: string | Seen): Promise<void> {
  const method = request.split(' ', 1)[0] ?? '';
  if (expected === 'cut') {
    await assert.rejects(client.readResponse({ method, milliseconds: PATIENCE }), /closed (inside|after|before)|closed without a response/);
    // What came is not a whole answer, which is all that the client may learn.
    await client.readToEnd(PATIENCE);
    return;
  }
  const interims: number[] = [];
  let response = await client.readResponse({ method, milliseconds: PATIENCE, interim: true });
  while (response.status < 200 && response.status !== 101) {
    interims.push(response.status);
    response = await client.readResponse({ method, milliseconds: PATIENCE, interim: true });
  }
  if (typeof expected === 'string') {
    const code = /: ([a-z0-9.-]+)\n$/.exec(response.text())?.[1] ?? '';
    const said = method === 'HEAD' ? `${response.status} ${expected.slice(4)}` : `${response.status} ${code}`;
    assert.ok(expected.split('|').includes(said), `${said || response.text()} instead of ${expected}`);
    return;
  }
  assertAnswer(response, expected);
  assert.deepEqual(interims, expected.interims ?? [], 'interim answers');
}

function assertAnswer(response: HttpResponse, expected: Seen): void {
  const { status, reason, headers = {}, body, framing, trailers = {}, closes = false } = expected;
  assert.equal(response.status, status);
  if (reason !== undefined) assert.equal(response.reason, reason);
  if (body !== undefined) assert.equal(response.body.toString('latin1'), expand(body), 'the body');
  if (framing !== undefined) assert.equal(response.framing, framing, 'the framing');
  for (const [name, value] of Object.entries(headers)) {
    assert.deepEqual(response.headers(name), value === null ? [] : [value].flat(), name);
  }
  assert.deepEqual(Object.fromEntries(response.trailers), trailers, 'trailers');
  if (status !== 101) assert.equal(response.headers('connection').includes('close'), closes, 'Connection: close');
}
