/** The hop to an HTTP node: what is written is the request that was read and no other, and answers are read off a connection one by one. */

import assert from 'node:assert/strict';
import { ascii } from '../../src/http1/bytes.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import { type Hop, MAX_ADDED_BYTES, writeRequestHead } from '../../src/http1/request-writer.ts';
import { ResponseHead } from '../../src/http1/response-head.ts';
import type { UpstreamExchange } from '../../src/router/upstream.ts';
import { ResponseReader } from '../../src/upstream/response-reader.ts';
import { bytesOf, requestHead } from '../http1/support.ts';
import { type ModelRequest, modelChunked, modelRequest, modelResponse } from './model.ts';
import { pieces, type Random, show } from './random.ts';

/** Neither goes on as it came: what a node may hear of these is ugate's own. */
const OURS = /^(host|proxy|content-length|connection|te|upgrade|transfer-encoding|forwarded|x-forwarded-(for|proto|host)|x-ugate-client)$/;

const KNOWN =
  /^(keep-alive|trailer|proxy-connection|expect|content-(type|encoding|range)|cookie|authorization|date|vary|etag|cache-control|accept-encoding|uwsgi-encoding)$/i;

/** A request that is read, written for a node and read again is the same request, and nothing stands behind it. */
export function checkWriter(text: string, random: Random): string {
  const verdict = modelRequest(text);
  if (verdict.kind !== 'complete') return verdict.kind;
  const asked = verdict.message;
  const head = requestHead(text);
  const hop: Hop = {
    host: ascii('node.example:80'),
    persists: random.below(2) === 0,
    trustsForwarded: random.below(2) === 0,
    sendsForwarded: random.below(2) === 0,
    isSilent: random.below(4) === 0,
  };
  const bodyLength = head.isChunked && random.below(2) === 0 ? random.below(1000) : -1;
  const out = new Uint8Array(head.end + MAX_ADDED_BYTES);
  const address = random.pick(['', '192.0.2.1', '2001:db8::1']);
  const peer = { address, port: random.below(65536) };
  const end = writeRequestHead(out, 0, head, bodyLength, { peer, isSecure: random.below(2) === 0 }, hop);
  const written = Buffer.from(out.subarray(0, end)).toString('latin1');
  const about = `${show(text)} → ${show(written)}`;
  assert.ok(end <= out.length, `more than there is room for: ${about}`);
  const again = modelRequest(written);
  assert.ok(again.kind === 'complete' && again.message.end === written.length, `not one request: ${about}`);
  assertSame(asked, again.message, bodyLength, about);
  // Our own parser, too, for the next ugate in line.
  const next = new RequestHead();
  assert.equal(next.parse(bytesOf(written), written.length, true), PARSE.complete, about);
  return `complete ${again.message.lines.length - asked.lines.length} ${asked.isAbsolute} ${asked.wantsUpgrade} ${bodyLength >= 0}`;
}

function assertSame(asked: ModelRequest, got: ModelRequest, bodyLength: number, about: string): void {
  const target = asked.isAsterisk ? '*' : `${asked.path || '/'}${asked.query === null ? '' : `?${asked.query}`}`;
  const isFramedAnew = bodyLength >= 0;
  assert.deepEqual(
    { method: got.method, target: got.target, minor: got.minor, isAbsolute: got.isAbsolute, host: got.host },
    { method: asked.method, target, minor: 1, isAbsolute: false, host: asked.host === '' ? 'node.example:80' : asked.host },
    about,
  );
  assert.deepEqual(
    [got.contentLength, got.isChunked, got.wantsUpgrade, got.acceptsTrailers],
    [isFramedAnew ? bodyLength : asked.contentLength, asked.isChunked && !isFramedAnew, asked.wantsUpgrade, asked.acceptsTrailers],
    about,
  );
  const others = ({ lines }: ModelRequest): string[] =>
    lines
      .filter(({ name, dropped }) => !dropped && !OURS.test(name.toLowerCase().replaceAll('_', '-')))
      .map(({ name, value }) => `${name}: ${value}`);
  // With an underscore they are disguises, and go no further.
  const wanted = others(asked).filter((line) => {
    const name = line.slice(0, line.indexOf(':'));
    return !(name.includes('_') && KNOWN.test(name.replaceAll('_', '-')));
  });
  assert.deepEqual(others(got), wanted, about);
}

// Answers

interface Told {
  readonly interims: number[];
  status: number;
  body: string;
  end: 'complete' | 'failed' | 'open';
}

class Teller {
  readonly told: Told = { interims: [], status: 0, body: '', end: 'open' };
  readonly request: RequestHead;
  readonly client = null;
  readonly bodyLength = -1;
  isDone = false;

  constructor(request: RequestHead) {
    this.request = request;
  }

  interim(head: ResponseHead): void {
    this.#live();
    this.told.interims.push(head.status);
  }

  head(head: ResponseHead): void {
    this.#live();
    assert.equal(this.told.status, 0, 'a second head');
    if (head.status === 101 && !this.request.wantsUpgrade) return this.failed();
    this.told.status = head.status;
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    this.#live();
    assert.ok(this.told.status > 0, 'a body before its head');
    this.told.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
  }

  trailers(): void {
    this.#live();
  }

  end(): void {
    this.#live();
    this.told.end = 'complete';
    this.isDone = true;
  }

  failed(): void {
    this.#live();
    this.told.end = 'failed';
    this.isDone = true;
  }

  #live(): void {
    assert.ok(!this.isDone, 'something is told behind the end');
  }
}

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
];
const SHARED_HEAD = new ResponseHead();

/** The answer at the start of `text`, and where it ends; −1 for one that ends with its connection, or is broken. */
function modelAnswer(text: string, request: RequestHead): Told & { length: number } {
  const interims: number[] = [];
  const failed = { interims, status: 0, body: '', end: 'failed' as const, length: -1 };
  for (let at = 0; ; ) {
    const verdict = modelResponse(text.slice(at));
    if (verdict.kind !== 'complete') return failed;
    const { status, end, contentLength, isChunked } = verdict.message;
    at += end;
    if (status < 200 && status !== 101) {
      if (interims.length === 32) return failed;
      interims.push(status);
      continue;
    }
    const rest = text.slice(at);
    if (status === 101) return request.wantsUpgrade ? { interims, status, body: rest, end: 'complete', length: -1 } : failed;
    if (request.isHead || status === 204 || status === 304) return { interims, status, body: '', end: 'complete', length: at };
    if (isChunked) {
      const chunked = modelChunked(rest);
      if (chunked.kind !== 'complete') return { ...failed, status };
      return { interims, status, body: chunked.message.data, end: 'complete', length: at + chunked.message.length };
    }
    if (contentLength < 0) return { interims, status, body: rest, end: 'complete', length: -1 };
    if (rest.length < contentLength) return { ...failed, status };
    return { interims, status, body: rest.slice(0, contentLength), end: 'complete', length: at + contentLength };
  }
}

/** Answer after answer on one connection, one reader for all: each is the model's, and what stands behind it ends the connection. */
export function checkReader(text: string, random: Random): string {
  const reader = new ResponseReader(null, SHARED_HEAD);
  let at = 0;
  let turns = 0;
  for (; turns < 5; turns++) {
    const request = requestHead(random.pick(REQUESTS));
    const rest = text.slice(at);
    const expected = modelAnswer(rest, request);
    const teller = new Teller(request);
    reader.begin(teller as unknown as UpstreamExchange);
    const isAlone = expected.length >= 0 && random.below(2) === 0;
    const given = isAlone ? rest.slice(0, expected.length) : rest;
    const cuts = random.cuts(given.length, 5);
    for (const piece of pieces(given, cuts)) if (!reader.isDone) reader.read(bytesOf(piece));
    if (!reader.isDone) reader.end();
    const { told } = teller;
    const { length, ...wanted } = expected;
    // Of what breaks off some of the body has gone through already.
    if (wanted.end === 'failed') assert.equal(told.end, 'failed', show(rest));
    else assert.deepEqual(told, wanted, show(rest));
    if (length < 0) {
      assert.equal(reader.keepsFor, 0, `a connection is kept behind an answer without an end: ${show(rest)}`);
      break;
    }
    const isBehind = !isAlone && length < rest.length && !cuts.includes(length);
    if (isBehind) assert.equal(reader.keepsFor, 0, `what stands behind an answer is left for the next: ${show(rest)}`);
    if (reader.keepsFor === 0) break;
    at += length;
    if (at === text.length) break;
  }
  return `${turns} ${at === text.length}`;
}
