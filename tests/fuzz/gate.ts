/**
 * A session with its exchanges and answers between two made-up sockets: what a client sends in any pieces, and what a backend answers.
 * Events of both sides come in random order, as the kernel would give them.
 */

import assert from 'node:assert/strict';
import { ResponseHead } from '../../src/http1/response-head.ts';
import { Log } from '../../src/log/log.ts';
import type { PeerAddress } from '../../src/net/peer.ts';
import { Node } from '../../src/pool/node.ts';
import { Pool } from '../../src/pool/pool.ts';
import { BodyBudget } from '../../src/router/body-spool.ts';
import type { ClientSession, SessionOwner } from '../../src/router/client-session.ts';
import { DateLine } from '../../src/router/date-line.ts';

import { makeFront } from '../../src/router/front.ts';
import { OutBuffer } from '../../src/router/out-buffer.ts';
import { RequestBuffers } from '../../src/router/request-buffer.ts';
import { Nodes } from '../../src/router/route.ts';
import type { Service } from '../../src/router/service.ts';
import { openStages } from '../../src/router/stages.ts';
import { NO_SINK } from '../../src/router/transaction.ts';
import type { OpenUpstream, Upstream, UpstreamExchange } from '../../src/router/upstream.ts';
import type { Connection } from '../../src/runtime/seam/sockets.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { TurnClock } from '../../src/time/turn-clock.ts';
import { ResponseReader } from '../../src/upstream/response-reader.ts';
import { bytesOf } from '../http1/support.ts';
import { DEFAULTS } from '../support/defaults.ts';
import { parseResponse } from '../support/http-message.ts';
import { modelChunked, modelRequest, modelResponse } from './model.ts';
import { pieces, type Random, show } from './random.ts';

const OWNER: SessionOwner = {
  isDraining: false,
  isPaused: false,
  requests: 0,
  requestFinished: () => {},
  sessionOpened: () => {},
  sessionClosed: () => {},
};
const PEER: PeerAddress = { family: 'ipv4', address: '192.0.2.7', port: 40_001 };

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  body: string;
  isComplete: boolean;
}

/** The client's socket, as the session holds it. */
class ClientSide implements Connection<ClientSession> {
  owner!: ClientSession;
  readonly remote = PEER;
  readonly local = PEER;
  readonly tls = null;
  readonly queued = 0;
  readonly silence = 0;
  output = '';
  isPaused = false;
  isOver = false;
  hasEnded = false;
  readonly #gate: Gate;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.isOver || this.hasEnded) return true;
    this.output += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    if (this.#gate.random.below(4) > 0) return true;
    this.#gate.later(() => !this.isOver && this.owner.drained());
    return false;
  }

  end(): void {
    this.hasEnded = true;
  }

  close(last: Uint8Array, start: number, end: number): void {
    this.write(last, start, end);
    this.destroy();
  }

  destroy(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#gate.later(() => this.owner.closed());
  }

  reset(): void {
    this.destroy();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  expectNoMore(): void {}
}

/** A backend that takes a request whole and then answers with the bytes it was given. */
class BackendSide implements Upstream {
  readonly #gate: Gate;
  readonly #exchange: UpstreamExchange;
  readonly #seen: Seen;
  readonly #reader: ResponseReader;
  #isAborted = false;
  #isPaused = false;
  /** What comes from the backend, in order; nothing of it while it is paused. */
  readonly #steps: (() => void)[] = [];

  constructor(gate: Gate, exchange: UpstreamExchange) {
    this.#gate = gate;
    this.#exchange = exchange;
    const { bytes, methodStart, methodEnd, targetStart, targetEnd, isHttp10 } = exchange.request;
    const text = (start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString('latin1');
    this.#seen = { method: text(methodStart, methodEnd), target: text(targetStart, targetEnd), minor: isHttp10 ? 0 : 1, body: '', isComplete: false };
    gate.seen.push(this.#seen);
    this.#reader = new ResponseReader(exchange, gate.head);
    this.#later(() => exchange.connected());
  }

  send(firstBody: Uint8Array | null): boolean {
    return firstBody === null || this.body(firstBody, 0, firstBody.length);
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    assert.ok(!this.#seen.isComplete, 'a body goes on behind its end');
    this.#seen.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    if (this.#gate.random.below(4) > 0) return true;
    this.#gate.later(() => !this.#isAborted && this.#exchange.drained());
    return false;
  }

  end(): void {
    this.#seen.isComplete = true;
    const answer = this.#gate.answer(this.#seen);
    for (const piece of pieces(answer, this.#gate.random.cuts(answer.length, 3))) this.#later(() => this.#read(piece));
    this.#later(() => this.#finish());
  }

  abort(): void {
    this.#isAborted = true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (let i = 0; i < this.#steps.length; i++) this.#gate.later(() => this.#next());
  }

  #read(piece: string): void {
    if (this.#reader.isDone) return;
    this.#reader.read(bytesOf(piece));
    this.#exchange.flush();
  }

  #finish(): void {
    if (this.#reader.isDone) return;
    this.#reader.end();
    this.#exchange.flush();
  }

  #later(step: () => void): void {
    this.#steps.push(step);
    this.#gate.later(() => this.#next());
  }

  #next(): void {
    if (!this.#isAborted && !this.#isPaused) this.#steps.shift()?.();
  }
}

/** What is shared by all sessions of a service, and so by all inputs of a run: nothing of one may show in the next. */
const SHARED = {
  wheel: new TimerWheel(() => performance.now(), assert.ifError),
  clock: new TurnClock({ now: () => performance.now(), atTurnEnd: () => {} }),
  out: new OutBuffer(),
  dates: new DateLine(),
  requestBuffers: new RequestBuffers(),
  bodyBudget: new BodyBudget(1e9),
  transactions: NO_SINK,
  gzip: null,
  prelude: null,
  trustedProxies: null,
  log: new Log(() => {}, 'error'),
  route: new Nodes(new Pool([{ nodes: [new Node({ kind: 'app' })] }], 1000)),
  appRoute: new Nodes(new Pool([{ nodes: [new Node({ kind: 'app' })] }], 1000)),
} as const;

class Gate {
  readonly random: Random;
  readonly seen: Seen[] = [];
  readonly head = new ResponseHead();
  readonly answer: (seen: Seen) => string;
  readonly client: ClientSide;
  readonly #session: ClientSession;
  readonly #events: (() => void)[] = [];

  constructor(random: Random, needsLength: boolean, answer: (seen: Seen) => string) {
    this.random = random;
    this.answer = answer;
    const open: OpenUpstream = (_node, exchange) => new BackendSide(this, exchange);
    const settings = { ...DEFAULTS, tempDirectory: null };
    const service: Service = { ...SHARED, settings, open, needsLength, failed: (error) => assert.ifError(error) };
    this.client = new ClientSide(this);
    this.#session = openStages({ front: makeFront(0, { port: '80' }), service }, OWNER, this.client);
    this.client.owner = this.#session;
  }

  later(event: () => void): void {
    this.#events.push(event);
  }

  /** Runs everything to its end: the client's pieces, then its FIN once all is quiet. */
  run(sent: readonly string[]): void {
    const left = [...sent];
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 100_000, 'it never comes to rest');
      const mayRead = left.length > 0 && !this.client.isPaused && !this.client.isOver;
      if (mayRead && (this.#events.length === 0 || this.random.below(2) === 0)) this.#session.data(bytesOf(left.shift()!));
      else if (this.#events.length > 0) this.#events.shift()!();
      else break;
      assert.equal(SHARED.out.length, 0, 'an event left something in the shared buffer');
    }
  }

  /** The client ends its side: whatever was going on, the session ends. */
  finish(): void {
    if (!this.client.isOver) this.#session.ended();
    this.run([]);
    // A backend may still be at work, or the last bytes on their way.
    if (!this.client.isOver) this.#session.destroy();
    this.run([]);
  }

  /** Also of a session that something is wrong with: the wheel lets it go. */
  [Symbol.dispose](): void {
    if (this.client.isOver && this.#events.length === 0) return;
    this.#events.length = 0;
    this.client.isOver = true;
    this.#session.closed();
    SHARED.out.length = 0;
  }
}

/** The statuses of the answers in `output`, read strictly; behind the last one nothing may stand. */
function statuses(output: string, methods: readonly string[], isOver: boolean): number[] {
  const found: number[] = [];
  let rest: Buffer = Buffer.from(output, 'latin1');
  let at = 0;
  while (rest.length > 0) {
    const parsed = parseResponse(rest, methods[at] ?? 'GET', isOver);
    assert.ok(parsed !== null, `half an answer: ${show(rest.toString('latin1'))}`);
    if (parsed.response.status >= 200) {
      found.push(parsed.response.status);
      at++;
    }
    rest = rest.subarray(parsed.length);
  }
  return found;
}

interface Expected {
  readonly seen: string[];
  readonly methods: string[];
  /** A request that breaks the rules, or one whose body does, ends the connection with an answer of 400 or more. */
  readonly isRefused: boolean;
}

/** What a client that sends `text` must get, by the models alone. */
function modelSession(text: string): Expected {
  const seen: string[] = [];
  const methods: string[] = [];
  for (let at = 0; ; ) {
    const verdict = modelRequest(text.slice(at));
    if (verdict.kind !== 'complete') return { seen, methods, isRefused: verdict.kind === 'refused' };
    const request = verdict.message;
    at += request.end;
    let body = text.slice(at, at + Math.max(request.contentLength, 0));
    let length = Math.max(request.contentLength, 0);
    if (request.isChunked) {
      const chunked = modelChunked(text.slice(at));
      if (chunked.kind !== 'complete') return { seen, methods: [...methods, request.method], isRefused: chunked.kind === 'refused' };
      body = chunked.message.data;
      length = chunked.message.length;
    }
    if (body.length < length && !request.isChunked) return { seen, methods: [...methods, request.method], isRefused: false };
    at += length;
    seen.push(`${request.method} ${request.target} ${body}`);
    methods.push(request.method);
    if (request.wantsClose || (request.minor === 0 && !request.wantsKeepAlive)) return { seen, methods, isRefused: false };
  }
}

/** Pipelined requests in any pieces: a backend sees those of the model and no others, and each gets its answer. */
export function checkSession(text: string, random: Random): string {
  const expected = modelSession(text);
  using gate = new Gate(random, random.below(2) === 0, ({ method, target, minor, body }) => {
    const said = `${method} ${target} ${body.length}`;
    // HTTP/1.0 knows the end of an answer without a length by the end of the connection.
    return minor === 0 || random.below(2) === 0
      ? `HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${method === 'HEAD' ? '' : said}`
      : `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${method === 'HEAD' ? '' : `${said.length.toString(16)}\r\n${said}\r\n0\r\n\r\n`}`;
  });
  gate.run(pieces(text, random.cuts(text.length, 6)));
  const complete = gate.seen.filter(({ isComplete }) => isComplete).map(({ method, target, body }) => `${method} ${target} ${body}`);
  assert.deepEqual(complete, expected.seen, `requests that reached the backend: ${show(text)}`);
  const answers = statuses(gate.client.output, expected.methods, gate.client.isOver || gate.client.hasEnded);
  assert.deepEqual(
    answers.slice(0, complete.length),
    complete.map(() => 200),
    show(text),
  );
  const more = answers.slice(complete.length);
  if (expected.isRefused) assert.ok(more.length === 1 && more[0]! >= 400 && more[0] !== 500, `refused with ${more.join()}: ${show(text)}`);
  // A parser may see that a message is broken before its line has ended.
  else assert.ok(more.length === 0 || (more.length === 1 && more[0]! >= 400 && more[0] !== 500), `answers ${answers.join()}: ${show(text)}`);
  const before = gate.client.output;
  gate.finish();
  assert.equal(gate.client.output, before, `something was said behind the end: ${show(text)}`);
  return `${complete.length} ${more.join()}`;
}

/** Whatever a backend sends, the client gets one answer that is read strictly, or is cut off. */
export function checkAnswer(text: string, random: Random): string {
  const method = random.pick(['GET', 'GET', 'HEAD', 'OPTIONS']);
  const version = random.pick(['1.1', '1.1', '1.0']);
  using gate = new Gate(random, true, () => text);
  gate.run([`${method} / HTTP/${version}\r\nHost: a\r\n\r\n`]);
  const { output, isOver, hasEnded } = gate.client;
  const verdict = modelResponse(text);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(output)?.[1] ?? 0);
  const isWhole = readable(output, method, isOver || hasEnded);
  if (verdict.kind !== 'complete') assert.equal(status, 502, show(text));
  else if (verdict.message.status >= 200) assert.equal(status, verdict.message.status, show(text));
  if (isWhole === false) assert.ok(isOver, `half an answer on an open connection: ${show(text)} → ${show(output)}`);
  gate.finish();
  return `${Math.floor(status / 100)} ${isWhole} ${isOver} ${/transfer-encoding/i.test(output)} ${verdict.kind === 'complete' && verdict.message.reason.length > 0}`;
}

/** True for one whole answer with its interim ones, false for a part of one; throws what breaks the rules. */
function readable(output: string, method: string, closed: boolean): boolean {
  let rest: Buffer = Buffer.from(output, 'latin1');
  for (;;) {
    let parsed: ReturnType<typeof parseResponse>;
    try {
      parsed = parseResponse(rest, method, closed);
    } catch (error) {
      if (closed && /closed (inside|after|before)/.test(String(error))) return false;
      throw error;
    }
    if (parsed === null) return false;
    rest = rest.subarray(parsed.length);
    if (parsed.response.status < 200) continue;
    assert.equal(rest.length, 0, `more than one answer: ${show(output)}`);
    return true;
  }
}
