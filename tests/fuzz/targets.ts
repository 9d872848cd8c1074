/**
 * What is fuzzed. A target takes any bytes, throws when something is wrong with what ugate makes of them, and otherwise says in a word
 * what came of them, so that inputs with a new outcome can be told from more of the same.
 */

import assert from 'node:assert/strict';
import { PacketError, readPacket } from '../../src/uwsgi/packet.ts';
import { bytesOf, type Dechunked, dechunkPieces, parseRequestAt, parseResponseAt } from '../http1/support.ts';
import { makePacket } from '../uwsgi/support.ts';
import { checkAnswer, checkSession } from './gate.ts';
import { checkReader, checkWriter } from './hop.ts';
import { modelChunked, modelRequest, modelResponse, type Verdict } from './model.ts';
import { modelPacket, modelVars } from './packet-model.ts';
import { checkForwarded, checkGzip, checkProxy } from './proxies.ts';
import { type Random, show } from './random.ts';

export type Target = (text: string, random: Random) => string;

/** Behind what has come stands something that a parser which reads on would stumble over. */
const POISONS = [0x0a, 0x0d, 0x31, 0x61, 0x3a, 0x00];
const ENDINGS = [
  '\r\n\r\n',
  '\n\n',
  'a: b\r\n\r\n',
  ':\r\n\r\n',
  ' / HTTP/1.1\r\nHost: a\r\n\r\n',
  '0\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
  '"\r\n\r\n',
];

type Outcome =
  | { readonly state: 'complete'; readonly head: object }
  | { readonly state: 'incomplete' }
  | { readonly state: 'refused'; readonly code: string };

/** A parser of heads against its model: whole, in random pieces, with other poison behind. */
function checkHead(
  text: string,
  random: Random,
  parse: (text: string, cuts: readonly number[], poison: number) => Outcome,
  model: typeof modelRequest | typeof modelResponse,
): string {
  const verdict: Verdict<object> = model(text);
  const outcome = parse(text, [], random.pick(POISONS));
  for (const most of [1, 4]) {
    const cuts = random.cuts(text.length, most);
    const other = parse(text, cuts, random.pick(POISONS));
    if (!isLater(other.state, outcome.state, verdict)) assert.deepEqual(other, outcome, `cut at ${cuts.join()}: ${show(text)}`);
  }
  agree(text, outcome.state, verdict, model);
  if (outcome.state === 'complete' && verdict.kind === 'complete') {
    const head = outcome.head as Record<string, unknown>;
    const says = Object.fromEntries(Object.keys(verdict.message).map((key) => [key, head[key]]));
    assert.deepEqual(says, verdict.message, show(text));
    return `complete ${Object.entries(head)
      .map(([key, value]) => (typeof value === 'boolean' && value ? key : ''))
      .join('')}`;
  }
  return outcome.state === 'refused' ? outcome.code : outcome.state;
}

/** A line that came in pieces is looked at once it has its end: that it is broken may be seen later then than when it came whole. */
function isLater(inPieces: string, whole: string, verdict: Verdict<unknown>): boolean {
  return inPieces === 'incomplete' && whole === 'refused' && verdict.kind === 'incomplete';
}

/** Both say the same; only that a message is broken a parser may see earlier, when nothing that could follow would mend it. */
function agree(text: string, state: string, verdict: Verdict<unknown>, model: (text: string) => Verdict<unknown>): void {
  if (state === verdict.kind) return;
  if (state !== 'refused' || verdict.kind !== 'incomplete') assert.fail(`the parser says ${state}, the model ${verdict.kind}: ${show(text)}`);
  for (const ending of ENDINGS)
    assert.notEqual(model(text + ending).kind, 'complete', `refused though ${JSON.stringify(ending)} completes it: ${show(text)}`);
}

function checkChunked(text: string, random: Random): string {
  const message = bytesOf(text);
  const verdict = modelChunked(text);
  const outcome = dechunkPieces(message, [text.length], random.pick(POISONS));
  const state = stateOf(outcome);
  for (const most of [1, 8]) {
    const ends = [...random.cuts(text.length, most), text.length];
    const other = dechunkPieces(message, ends, random.pick(POISONS));
    if (!isLater(stateOf(other), state, verdict)) assert.deepEqual(other, outcome, `ends at ${ends.join()}: ${show(text)}`);
  }
  agree(text, state, verdict, modelChunked);
  if (verdict.kind === 'complete') {
    const { data, length, trailers } = outcome;
    assert.deepEqual({ data, length, trailers }, verdict.message, show(text));
  }
  return outcome.code ?? `${state} ${Math.min(outcome.data.length, 20)} ${outcome.trailers === '' ? '' : 'trailers'}`;
}

function stateOf({ code, isDone }: Dechunked): 'refused' | 'complete' | 'incomplete' {
  if (code !== null) return 'refused';
  return isDone ? 'complete' : 'incomplete';
}

function checkPacket(text: string): string {
  const expected = modelPacket(text);
  let got: ReturnType<typeof modelPacket>;
  try {
    const packet = readPacket(bytesOf(text));
    got = packet === null ? null : { vars: packet.vars.map(([key, value]) => [key, value] as const), end: packet.end };
    if (packet !== null) assert.deepEqual([packet.modifier1, packet.modifier2], [text.charCodeAt(0), text.charCodeAt(3)]);
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    got = 'broken';
  }
  assert.deepEqual(got, expected, show(text));
  return expected === null ? 'incomplete' : expected === 'broken' ? expected : `complete ${Math.min(expected.vars.length, 5)}`;
}

/** The vars of a request that is well-formed, against those of the model. */
function checkVars(text: string): string {
  const verdict = modelRequest(text);
  if (verdict.kind !== 'complete') return verdict.kind;
  const vars = modelVars(verdict.message);
  const packet = makePacket(text.slice(0, verdict.message.end));
  if (typeof packet === 'string') {
    if (packet === 'bad-path') assert.equal(vars, null, show(text));
    else assert.ok(packet === 'packet-too-large' && text.length > 15_000, `${packet}: ${show(text)}`);
    return packet;
  }
  const sent = readPacket(packet)!.vars;
  // Both are sorted: uWSGI's order has tests of its own.
  const own = /^(SCRIPT_NAME|SERVER_NAME|SERVER_PORT|UWSGI_ROUTER|REMOTE_ADDR|REMOTE_PORT)$/;
  const sort = (list: readonly (readonly [string, string])[]): string[] => list.map((pair) => pair.join('=')).sort();
  assert.deepEqual(sort(sent.filter(([key]) => !own.test(key))), sort(vars ?? []), show(text));
  return `complete ${sent.length}`;
}

export const TARGETS: Readonly<Record<string, Target>> = {
  request: (text, random) => checkHead(text, random, parseRequestAt, modelRequest),
  response: (text, random) => checkHead(text, random, parseResponseAt, modelResponse),
  chunked: checkChunked,
  packet: checkPacket,
  vars: checkVars,
  session: checkSession,
  answer: checkAnswer,
  proxy: checkProxy,
  forwarded: checkForwarded,
  gzip: checkGzip,
  writer: checkWriter,
  reader: checkReader,
};
