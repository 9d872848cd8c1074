/** Plays the answers of a theme: a node gives them byte for byte, and the client sees what is allowed or a 502. */

import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { HttpResponse } from '../support/http-message.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate, type UnderTest } from '../support/ugate.ts';
import { waitFor } from '../support/wait.ts';
import { AnsweringNode, GOOD_BODY } from './answering-node.ts';
import { type AnswerCase, cuts, expand, type NodeKind, type Seen, type Theme } from './corpus.ts';
import { type CaseResult, PATIENCE, runTrials, type Trial } from './play.ts';

const CUTS_PER_CONNECTION = 16;
/** Every so many bytes an HTTP node's answer is cut, and at each of its last so many. */
const SELDOM = 16;
const ENDING = 16;
const GOOD = 'GET /good HTTP/1.1\r\nHost: good.example\r\n\r\n';
const GOOD_SEEN: Seen = { status: 200, body: GOOD_BODY, framing: 'length' };
const REQUEST = 'GET TARGET HTTP/1.1\r\n\r\n';

export async function playAnswers(theme: Theme<AnswerCase>, under: UnderTest, kind: NodeKind): Promise<CaseResult[]> {
  await using node = await AnsweringNode.start(kind, theme.cases);
  await using gate = await startUgate(['--http-to', node.address, ...theme.args], { under });
  const named = (trials: (one: AnswerCase, index: number) => Trial[]) =>
    theme.cases.map((one, index) => ({ name: one.name, trials: trials(one, index) }));
  const results = await runTrials(named((one, index) => trialsOf(one, index, gate, kind)));
  // One after the other: bytes that come while another client's request is on its way nobody can tell from an answer.
  const late =
    kind === 'http'
      ? await runTrials(
          named((one, index) => (one.behind === undefined ? [] : [lateTrial(one, index, gate, node)])),
          1,
        )
      : [];
  assert.ok(gate.process.running, 'ugate is still there');
  assert.deepEqual(node.errors, [], 'breaches of the protocol');
  return results.map((result, i) => ({
    ...result,
    trials: result.trials + (late[i]?.trials ?? 0),
    failure: result.failure ?? late[i]?.failure ?? null,
  }));
}

function asker(one: AnswerCase, index: number): (how: number | 'late') => string {
  return (how) => (one.request ?? REQUEST).replace('TARGET', `/case/${index}/${how}`).replace('\r\n', '\r\nHost: a.example\r\n');
}

function endsConnection({ expect }: AnswerCase): boolean {
  return expect === 'cut' || (typeof expect === 'object' && (expect.closes === true || expect.status === 101));
}

function trialsOf(one: AnswerCase, index: number, gate: Ugate, kind: NodeKind): Trial[] {
  // What stands behind an answer comes with it, and not later.
  const length = expand(one.answer).length + (kind === 'http' ? 0 : expand(one.behind ?? '').length);
  const closes = endsConnection(one);
  const ask = asker(one, index);
  const play = (about: string, requests: readonly string[], seen: readonly (string | Seen)[], ends: boolean, pipelined: boolean): Trial => ({
    about,
    run: () => playConnection(gate, requests, seen, ends, pipelined),
  });
  const trials = [
    play('whole', [ask(0)], [one.expect], closes, false),
    play('behind a good request', [GOOD, ask(0)], [GOOD_SEEN, one.expect], closes, true),
    play('before a good request', [ask(0), GOOD], closes ? [one.expect] : [one.expect, GOOD_SEEN], closes, true),
  ];
  // The reader of answers is the same for both kinds: what an HTTP node adds is at the end, where the connection is used again.
  const all = cuts(length).filter((at) => kind === 'uwsgi' || at % SELDOM === 0 || at >= length - ENDING);
  const perConnection = closes ? 1 : CUTS_PER_CONNECTION;
  for (let i = 0; i < all.length; i += perConnection) {
    const some = all.slice(i, i + perConnection);
    const about = `cut at byte ${some[0]}${some.length > 1 ? ' and on' : ''}`;
    trials.push(play(about, some.map(ask), Array<string | Seen>(some.length).fill(one.expect), closes, false));
  }
  return trials;
}

/** The node says more once the answer is complete and its connection waits for the next request, which is another client's. */
function lateTrial(one: AnswerCase, index: number, gate: Ugate, node: AnsweringNode): Trial {
  const run = async (): Promise<void> => {
    await playConnection(gate, [asker(one, index)('late')], [one.expect], endsConnection(one), false);
    await waitFor('the connection to be given up', () => node.isRidOfSpoiled, PATIENCE);
    await playConnection(gate, [GOOD], [GOOD_SEEN], false, false);
  };
  return { about: 'bytes behind the answer that come later', run };
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
  const follows = response.status === 101 ? (await client.readToEnd(PATIENCE)).toString('latin1') : null;
  assertAnswer(response, expected, follows);
  assert.deepEqual(interims, expected.interims ?? [], 'interim answers');
}

/** @param follows what came behind a 101 */
function assertAnswer(response: HttpResponse, expected: Seen, follows: string | null): void {
  const { status, reason, headers = {}, body, gunzipped, framing, trailers = {}, closes = false } = expected;
  assert.equal(response.status, status);
  if (reason !== undefined) assert.equal(response.reason, reason);
  if (body !== undefined) assert.equal(follows ?? response.body.toString('latin1'), expand(body), 'the body');
  if (gunzipped !== undefined) assert.equal(gunzipSync(response.body).toString('latin1'), expand(gunzipped), 'the body behind gzip');
  if (framing !== undefined) assert.equal(response.framing, framing, 'the framing');
  for (const [name, value] of Object.entries(headers)) {
    assert.deepEqual(response.headers(name), value === null ? [] : [value].flat(), name);
  }
  assert.deepEqual(Object.fromEntries(response.trailers), trailers, 'trailers');
  if (status !== 101) assert.equal(response.headers('connection').includes('close'), closes, 'Connection: close');
}
