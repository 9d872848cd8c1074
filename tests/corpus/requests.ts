/** Plays the requests of a theme against a running ugate with a recording node behind it. */

import assert from 'node:assert/strict';
import { RawClient } from '../support/raw-client.ts';
import { startUgate, type Ugate, type UnderTest } from '../support/ugate.ts';
import { waitFor } from '../support/wait.ts';
import { cuts, drip, expand, type NodeKind, type Outcome, type Received, type RequestCase, type Theme } from './corpus.ts';
import { type CaseResult, PATIENCE, runTrials, type Trial, writePieces } from './play.ts';
import { describe, echo, type Recorded } from './recorded.ts';
import { Recorder } from './recorder.ts';

/** Cuts of one accepted message go one after the other over so many requests of a connection. */
const CUTS_PER_CONNECTION = 16;
const BREAKS_BODY = /^incomplete$| (bad-chunk|bad-trailer|chunk-extensions-too-large|trailers-too-large|body-too-large)/;
/** A longer message is cut in fewer places before an HTTP node. */
const LONG = 4000;
/** Every so many bytes. */
const SELDOM = 40;

const BEFORE = {
  bytes: 'GET /good-before HTTP/1.1\r\nHost: good.example\r\n\r\n',
  outcome: { PATH_INFO: '/good-before', HTTP_HOST: 'good.example' },
};
const BEHIND = {
  bytes: 'GET /good-behind HTTP/1.1\r\nHost: good.example\r\n\r\n',
  outcome: { PATH_INFO: '/good-behind', HTTP_HOST: 'good.example' },
};

/** What themes are played on: ugate with some options, and the node behind it. */
export interface Stage {
  readonly gate: Ugate;
  readonly recorder: Recorder;
  readonly kind: NodeKind;
  readonly readsProxyHeaders: boolean;
  stop(): Promise<void>;
}

/** Starts ugate before a node of its own. */
export async function setStage(args: readonly string[], under: UnderTest, kind: NodeKind): Promise<Stage> {
  const recorder = await Recorder.start(kind);
  const gate = await startUgate(['--http-to', recorder.address, ...args], { under });
  const stop = async (): Promise<void> => {
    await gate.stop();
    await recorder[Symbol.asyncDispose]();
  };
  return { gate, recorder, kind, readsProxyHeaders: args.includes('--http-enable-proxy-protocol'), stop };
}

/** Plays every case in every way. */
export async function playRequests(theme: Theme<RequestCase>, stage: Stage): Promise<CaseResult[]> {
  const results = await runTrials(theme.cases.map((one) => ({ name: one.name, trials: trialsOf(one, stage) })));
  assert.ok(stage.gate.process.running, 'ugate is still there');
  // A trial that failed leaves behind what it did not look at.
  if (results.every(({ failure }) => failure === null)) await stage.recorder.assertNothingIsLeft();
  return results;
}

function trialsOf(one: RequestCase, stage: Stage): Trial[] {
  const isHttp = stage.kind === 'http';
  const bytes = expand(one.send);
  const outcomes = [(isHttp ? one.http : undefined) ?? one.expect].flat() as Outcome[];
  const last = outcomes.at(-1)!;
  const isOpen = one.closes !== true && (typeof last === 'string' ? last.startsWith('keeps ') : last.cut !== true);
  const waits = last === 'incomplete' || (typeof last === 'object' && last.cut === true);
  const play = (about: string, rounds: readonly (readonly string[])[], expected: readonly Outcome[], closes = !isOpen): Trial => ({
    about,
    run: () => playConnection(stage, rounds, expected, closes && !waits, one),
  });
  const trials = [play('whole', [[bytes]], outcomes), play('dripping', [drip(bytes)], outcomes)];
  trials.push(play('behind a good request', [[BEFORE.bytes + bytes]], [BEFORE.outcome, ...outcomes]));
  if (isOpen) trials.push(play('before a good request', [[bytes + BEHIND.bytes]], [...outcomes, BEHIND.outcome]));
  else if (!waits) trials.push(play('before a good request, which must not get through', [[bytes + BEHIND.bytes]], outcomes));
  const places = cuts(bytes.length).filter(isWorthACut(one, bytes, isHttp, isOpen));
  const pairs = places.map((at) => [bytes.slice(0, at), bytes.slice(at)]);
  const perConnection = isOpen ? CUTS_PER_CONNECTION : 1;
  for (let i = 0; i < pairs.length; i += perConnection) {
    const rounds = pairs.slice(i, i + perConnection);
    trials.push(play(`cut at byte ${i + 1}${perConnection > 1 ? ' and on' : ''}`, rounds, outcomes));
  }
  return trials;
}

/**
 * An HTTP node makes a difference to bodies only: what is refused in a head is so before the node is known. Where nothing new is to be
 * seen one place out of many is enough.
 */
function isWorthACut(one: RequestCase, bytes: string, isHttp: boolean, isOpen: boolean): (at: number, index: number) => boolean {
  const body = bytes.indexOf('\r\n\r\n');
  const isSparse = one.repeats === true || (isHttp && (!isOpen || bytes.length > LONG));
  return (at, index) => (!isSparse && (!isHttp || at >= body)) || index % SELDOM === SELDOM / 2;
}

/** Addresses of clients: one for each connection, for an HTTP node is told no port. */
let clients = 0;

/**
 * One connection: each round sends its pieces and sees the outcomes. In the end the backend has received exactly what it
 * should have, and the client not one byte more.
 */
async function playConnection(
  { gate, recorder, kind, readsProxyHeaders }: Stage,
  rounds: readonly (readonly string[])[],
  outcomes: readonly Outcome[],
  closes: boolean,
  one: RequestCase,
): Promise<void> {
  const address = `127.${1 + ((clients >> 16) & 127)}.${(clients >> 8) & 255}.${clients++ & 255}`;
  await using client = await RawClient.connect(kind === 'http' ? { ...gate.target, localAddress: address } : gate.target);
  const who = kind === 'http' ? address : String(client.localPort);
  recorder.begin(who);
  const answers: string[] = [];
  for (const pieces of rounds) {
    await writePieces(client, readsProxyHeaders ? withPort(pieces, client.localPort) : pieces);
    for (const outcome of outcomes) if (isAnswered(outcome)) answers.push(await readAnswer(client, outcome, methodOf(outcome, outcomes, one)));
  }
  const last = outcomes.at(-1)!;
  // What will be cut off has to arrive before the client leaves.
  if (typeof last === 'object' && last.cut === true)
    await waitFor('the part of the body', () => recorder.arrived(who, expand(last.body ?? '')), PATIENCE);
  if (!closes) client.end();
  assert.equal((await client.readToEnd(PATIENCE)).toString('latin1'), '', 'nothing more for the client');
  assert.equal(client.error, null, 'the connection ends in order');

  const received = recorder.take(who);
  // An HTTP node gets a body as it comes: of one that breaks a rule, or off, a part may have gone through, but never its end.
  const mayBreak = kind === 'http' && typeof last === 'string' && BREAKS_BODY.test(last);
  if (mayBreak) recorder.expectLate(who, (request) => assert.ok(request.isBroken, describe(request)));
  const all = rounds.flatMap(() => outcomes.filter((outcome) => typeof outcome === 'object')) as Received[];
  const wanted = received.length < all.length ? all.filter((outcome) => outcome.maybe !== true) : all;
  if (mayBreak && received.length > wanted.length) {
    const rest = received.pop()!;
    await waitFor('the broken request to be over', () => rest.isOver, PATIENCE);
    assert.ok(rest.isBroken, `a broken request is complete for the node: ${describe(rest)}`);
  }
  if (wanted.length < all.length) recorder.expectLate(who, (request) => assertReceived(request, all.at(-1)!));
  assert.equal(received.length, wanted.length, `requests at the backend: ${JSON.stringify(received.map(describe))}`);
  for (const [index, request] of received.entries()) {
    if (!request.isOver) await waitFor('the request to be over', () => request.isOver, PATIENCE);
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

/** The port that a PROXY header tells is the true one, by which the client is known. */
function withPort(pieces: readonly string[], port: number): string[] {
  const text = pieces
    .join('')
    .replaceAll('@PORT', String(port))
    .replaceAll('@@', String.fromCharCode(port >> 8, port & 255));
  let at = 0;
  return pieces.map(({ length }) => {
    at += length;
    return text.slice(at - length, at);
  });
}

function assertReceived(request: Recorded, wanted: Received): void {
  const { body = '', cut, maybe, ...vars } = wanted;
  for (const [name, value] of Object.entries(vars))
    assert.equal(request.vars.get(name) ?? null, value === null ? null : expand(value as string), name);
  assert.deepEqual(request.faults, []);
  const text = request.body.toString('latin1');
  if (cut === true) assert.ok(expand(body).startsWith(text), `${JSON.stringify(text)} is no part of the body`);
  else assert.equal(text, expand(body), 'the body');
  if (cut !== true && !request.vars.has('HTTP_TRANSFER_ENCODING'))
    assert.equal(Number(request.vars.get('CONTENT_LENGTH') || 0), request.body.length, 'CONTENT_LENGTH is the length of what came');
}
