/**
 * What the record of a request costs in process: µs for one request whose phases are all told, with nobody who wants to know, and with a
 * sink that reads times. Run by `node bench/transaction.ts`, `bun bench/transaction.ts` or `deno run -A bench/transaction.ts`.
 */

import { RequestHead } from '../src/http1/request-head.ts';
import { Log } from '../src/log/log.ts';
import { Node } from '../src/pool/node.ts';
import { NO_FRONT } from '../src/router/front.ts';
import { Nodes } from '../src/router/route.ts';
import type { Service } from '../src/router/service.ts';
import { NO_SINK, Transaction, type TransactionSink } from '../src/router/transaction.ts';
import { TimerWheel } from '../src/time/timer-wheel.ts';
import { TurnClock } from '../src/time/turn-clock.ts';

const REQUESTS = 2_000_000;
const ROUNDS = 5;
const NOBODY = { family: 'ipv4', address: '127.0.0.1', port: 0 } as const;

class Sum implements TransactionSink {
  readonly isTimed = true;
  ms = 0;
  bytes = 0;

  ended({ begunAt, endedAt, sent }: Transaction): void {
    this.ms += endedAt - begunAt;
    this.bytes += sent;
  }
}

function run(transactions: TransactionSink): number {
  const log = new Log(() => {});
  const wheel = new TimerWheel(() => performance.now(), console.error);
  // One request in one turn and its answer in another: with many at a time they share turns, and cost less.
  const clock = new TurnClock({ now: () => performance.now(), atTurnEnd: () => {} });
  // Of all that a service has, the record asks for these.
  const service = { log, wheel, clock, transactions } as Service;
  const client = { remote: NOBODY, peer: NOBODY, local: NOBODY, isSecure: false, front: NO_FRONT };
  const handler = new Nodes(null);
  const node = new Node({ kind: 'app' });
  const request = new RequestHead();
  const record = new Transaction();
  const begun = performance.now();
  for (let i = 0; i < REQUESTS; i++) {
    record.begin(service, client);
    record.receivedHead += 100;
    record.request = request;
    record.headRead();
    record.client = client;
    record.routed(handler);
    record.tried(node);
    record.connected();
    record.passedOn();
    clock.told();
    record.answered(200);
    record.end(500, 400);
    clock.told();
  }
  return ((performance.now() - begun) * 1000) / REQUESTS;
}

for (const [name, sink] of [
  ['nobody wants to know', NO_SINK],
  ['a sink that reads times', new Sum()],
] as const) {
  const rounds = Array.from({ length: ROUNDS }, () => run(sink));
  // The best round counts: other work only ever adds.
  console.log(`${name}: ${Math.min(...rounds).toFixed(3)} µs a request`);
}
