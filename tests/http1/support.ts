/** Parsers fed in every way bytes can arrive: in one piece, in two at every border, one by one, with poison behind what has come. */

import assert from 'node:assert/strict';
import { latin1 } from '../../src/http1/bytes.ts';
import { ChunkedReader } from '../../src/http1/chunked-reader.ts';
import { type Fields, PARSE, type ParseState } from '../../src/http1/fields.ts';
import { type ForeignProtocols, RequestHead } from '../../src/http1/request-head.ts';
import { ResponseHead } from '../../src/http1/response-head.ts';

/** One character, one byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** What a careless parser would stumble over when it reads on behind what has come: line ends, digits, tokens, colons, NUL. */
const POISONS = [0x0a, 0x0d, 0x31, 0x61, 0x3a, 0x00];
const MARGIN = 64;
/** Longer messages are not cut in two at every byte. */
const SHORT = 600;

/** A parser, as the ways of feeding see it. */
interface Subject {
  parse(bytes: Uint8Array, length: number): ParseState;
  outcome(state: ParseState): unknown;
}

export interface Line {
  readonly name: string;
  readonly value: string;
  readonly dropped: boolean;
}

export type Outcome<Head> = { readonly state: 'complete'; readonly head: Head } | { readonly state: 'incomplete' } | Refused;
export interface Refused {
  readonly state: 'refused';
  readonly code: string;
}

export type RequestSummary = ReturnType<typeof summarizeRequest>;
export type ResponseSummary = ReturnType<typeof summarizeResponse>;

/** Parses a request in every way and returns what came of all of them. */
export function parseRequest(text: string, manageExpect = true): Outcome<RequestSummary> {
  return everyWay(text, () => requestSubject(manageExpect)) as Outcome<RequestSummary>;
}

/** Parses a request in these pieces only. */
export function parseRequestAt(text: string, cuts: readonly number[], poison: number): Outcome<RequestSummary> {
  return inPieces(bytesOf(text), cuts, () => requestSubject(true), poison) as Outcome<RequestSummary>;
}

/** Parses a response in every way and returns what came of all of them. */
export function parseResponse(text: string): Outcome<ResponseSummary> {
  return everyWay(text, responseSubject) as Outcome<ResponseSummary>;
}

/** Parses a response in these pieces only. */
export function parseResponseAt(text: string, cuts: readonly number[], poison: number): Outcome<ResponseSummary> {
  return inPieces(bytesOf(text), cuts, responseSubject, poison) as Outcome<ResponseSummary>;
}

function requestSubject(manageExpect: boolean): Subject {
  const head = new RequestHead();
  return {
    parse: (bytes, length) => head.parse(bytes, length, manageExpect),
    outcome: (state) => outcomeOf(state, head.refusal?.code, () => summarizeRequest(head)),
  };
}

function responseSubject(): Subject {
  const head = new ResponseHead();
  return {
    parse: (bytes, length) => head.parse(bytes, length),
    outcome: (state) => outcomeOf(state, head.fault?.code, () => summarizeResponse(head)),
  };
}

/** The request, which must be accepted. */
export function acceptRequest(text: string, manageExpect = true): RequestSummary {
  const outcome = parseRequest(text, manageExpect);
  assert.equal(outcome.state, 'complete', `${JSON.stringify(text.slice(0, 200))}: ${JSON.stringify(outcome)}`);
  return (outcome as { head: RequestSummary }).head;
}

/** The response, which must be accepted. */
export function acceptResponse(text: string): ResponseSummary {
  const outcome = parseResponse(text);
  assert.equal(outcome.state, 'complete', `${JSON.stringify(text.slice(0, 200))}: ${JSON.stringify(outcome)}`);
  return (outcome as { head: ResponseSummary }).head;
}

/** A parsed head, for what is made from one. */
export function requestHead(text: string, foreign?: ForeignProtocols): RequestHead {
  const head = new RequestHead();
  const bytes = bytesOf(text);
  const state = head.parse(bytes, bytes.length, true, foreign);
  assert.equal(state, PARSE.complete, `${JSON.stringify(text.slice(0, 200))}: ${head.refusal?.code}`);
  return head;
}

/** A parsed response head. */
export function responseHead(text: string): ResponseHead {
  const head = new ResponseHead();
  const bytes = bytesOf(text);
  const state = head.parse(bytes, bytes.length);
  assert.equal(state, PARSE.complete, `${JSON.stringify(text.slice(0, 200))}: ${head.fault?.code}`);
  return head;
}

function everyWay(text: string, make: () => Subject): unknown {
  const message = bytesOf(text);
  const expected = inPieces(message, [], make, 0x0a);
  const about = JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
  for (const poison of POISONS.slice(1)) assert.deepEqual(inPieces(message, [], make, poison), expected, `poison ${poison} behind ${about}`);
  assert.deepEqual(oneByOne(message, make), expected, `byte by byte: ${about}`);
  for (let cut = 1; cut < message.length && message.length <= SHORT; cut++) {
    const poison = POISONS[cut % POISONS.length];
    assert.deepEqual(inPieces(message, [cut], make, poison), expected, `cut at ${cut}, poison ${poison}: ${about}`);
  }
  return expected;
}

function inPieces(message: Uint8Array, cuts: readonly number[], make: () => Subject, poison: number): unknown {
  const subject = make();
  let state: ParseState = PARSE.incomplete;
  for (const length of [...cuts, message.length]) {
    // Each piece in a buffer of its own: what was kept are offsets.
    const buffer = new Uint8Array(length + MARGIN).fill(poison);
    buffer.set(message.subarray(0, length));
    state = subject.parse(buffer, length);
    if (state !== PARSE.incomplete) break;
  }
  return subject.outcome(state);
}

/** Two parsers side by side, each with other poison: after every byte both must say the same. */
function oneByOne(message: Uint8Array, make: () => Subject): unknown {
  const one = { subject: make(), buffer: new Uint8Array(message.length + MARGIN).fill(0x0a) };
  const two = { subject: make(), buffer: new Uint8Array(message.length + MARGIN).fill(0x61) };
  let state: ParseState = PARSE.incomplete;
  for (let i = 0; i < message.length && state === PARSE.incomplete; i++) {
    one.buffer[i] = message[i];
    two.buffer[i] = message[i];
    state = one.subject.parse(one.buffer, i + 1);
    const other = two.subject.parse(two.buffer, i + 1);
    if (other !== state) assert.fail(`after ${i + 1} bytes one says ${state}, the other ${other}: it depends on what lies behind`);
  }
  return one.subject.outcome(state);
}

function outcomeOf<Head>(state: ParseState, code: string | undefined, summarize: () => Head): Outcome<Head> {
  if (state === PARSE.complete) return { state: 'complete', head: summarize() };
  return state === PARSE.refused ? { state: 'refused', code: code ?? 'no code' } : { state: 'incomplete' };
}

function lines(bytes: Uint8Array, fields: Fields): Line[] {
  return Array.from({ length: fields.count }, (_, i) => ({
    name: latin1(bytes, fields.nameStart(i), fields.nameEnd(i)),
    value: latin1(bytes, fields.valueStart(i), fields.valueEnd(i)),
    dropped: fields.isDropped(i),
  }));
}

function summarizeRequest(head: RequestHead) {
  const { bytes } = head;
  return {
    end: head.end,
    method: latin1(bytes, head.methodStart, head.methodEnd),
    target: latin1(bytes, head.targetStart, head.targetEnd),
    path: latin1(bytes, head.pathStart, head.pathEnd),
    query: head.hasQuery ? latin1(bytes, head.queryStart, head.queryEnd) : null,
    host: latin1(bytes, head.hostStart, head.hostEnd),
    isAsterisk: head.isAsterisk,
    isAbsolute: head.isAbsolute,
    minor: head.isHttp10 ? 0 : 1,
    isGet: head.isGet,
    isHead: head.isHead,
    contentLength: head.contentLength,
    isChunked: head.isChunked,
    hasBody: head.hasBody,
    wantsClose: head.wantsClose,
    wantsKeepAlive: head.wantsKeepAlive,
    wantsUpgrade: head.wantsUpgrade,
    expectsContinue: head.expectsContinue,
    acceptsTrailers: head.acceptsTrailers,
    lines: lines(bytes, head.fields),
  };
}

function summarizeResponse(head: ResponseHead) {
  const { bytes } = head;
  return {
    end: head.end,
    status: head.status,
    reason: latin1(bytes, head.statusStart + 3, head.statusEnd),
    contentLength: head.contentLength,
    isChunked: head.isChunked,
    wantsClose: head.wantsClose,
    wantsKeepAlive: head.wantsKeepAlive,
    wantsUpgrade: head.wantsUpgrade,
    hasDate: head.hasDate,
    hasUpgrade: head.hasUpgrade,
    isClean: head.isClean,
    lines: lines(bytes, head.fields),
  };
}

export interface Dechunked {
  readonly data: string;
  readonly code: string | null;
  readonly isDone: boolean;
  /** How many bytes belonged to the body. */
  readonly length: number;
  readonly trailers: string;
}

/** Takes the chunked coding off in every way and returns what came of all of them. */
export function dechunk(text: string): Dechunked {
  const message = bytesOf(text);
  const expected = dechunkPieces(message, [message.length], 0x0a);
  const about = JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
  assert.deepEqual(dechunkPieces(message, [message.length], 0x61), expected, about);
  const single = Array.from({ length: message.length }, (_, i) => i + 1);
  const poisons = message.length <= SHORT ? POISONS : POISONS.slice(0, 1);
  for (const poison of poisons) assert.deepEqual(dechunkPieces(message, single, poison), expected, `byte by byte: ${about}`);
  for (let cut = 1; cut < message.length && message.length <= SHORT; cut++) {
    assert.deepEqual(dechunkPieces(message, [cut, message.length], POISONS[cut % POISONS.length]), expected, `cut at ${cut}: ${about}`);
  }
  return expected;
}

/** Takes it off in these pieces only; the last end is the message's length. */
export function dechunkPieces(message: Uint8Array, ends: readonly number[], poison: number): Dechunked {
  const reader = new ChunkedReader();
  let data = '';
  let start = 0;
  for (const end of ends) {
    // Pieces come at any offset of a read buffer that holds other bytes before and behind.
    const buffer = new Uint8Array(end - start + 2 * MARGIN).fill(poison);
    buffer.set(message.subarray(start, end), MARGIN);
    const stop = MARGIN + end - start;
    let at = MARGIN;
    while (at < stop && !reader.isDone && reader.refusal === null) {
      const next = reader.read(buffer, at, stop);
      assert.ok(reader.refusal !== null || next > at, 'a call that reads nothing');
      assert.ok(next <= stop, 'read past the end');
      data += latin1(buffer, reader.dataStart, reader.dataEnd);
      at = next;
    }
    if (reader.refusal !== null) return { data, code: reader.refusal.code, isDone: reader.isDone, length: -1, trailers: '' };
    start += at - MARGIN;
    if (reader.isDone) break;
  }
  const trailers = reader.isDone ? latin1(reader.trailers, 0, reader.trailers.length) : '';
  return { data, code: null, isDone: reader.isDone, length: start, trailers };
}
