/** A stream that has always more at hand, and what else this process has to do. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppUpstreams } from '../../src/app/app-upstream.ts';
import { AppWork } from '../../src/app/app-work.ts';
import { PARSE } from '../../src/http1/fields.ts';
import { RequestHead } from '../../src/http1/request-head.ts';
import type { UpstreamExchange } from '../../src/router/upstream.ts';
import { Guests } from '../../src/runtime/guests.ts';
import type { EventLoop } from '../../src/runtime/seam/event-loop.ts';
import { bytesOf } from '../http1/support.ts';

/** After so long, in ms, a stream that nobody has stopped ends by itself: the test is to fail, and not to hang. */
const ENOUGH_MS = 5_000;

const LOOP: Pick<EventLoop, 'soon' | 'guests'> = { guests: new Guests(), soon: (due) => queueMicrotask(() => due.told()) };

/** Of a client that takes all at once. */
function greedyExchange(ended: () => void): UpstreamExchange {
  const request = new RequestHead();
  const bytes = bytesOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(request.parse(bytes, bytes.length, true), PARSE.complete);
  const nothing = (): void => {};
  const client = { remote: { family: 'ipv4', address: '192.0.2.7', port: 4000 }, isSecure: false };
  const events = { head: nothing, body: nothing, end: ended, flush: nothing, failed: assert.fail };
  return { request, client, isDone: false, ...events } as unknown as UpstreamExchange;
}

for (const [kind, size] of [
  ['large', 64 * 1024],
  ['small', 1],
  ['empty', 0],
] as const)
  test(`a stream that always has more (${kind} pieces) leaves the event loop its turns, and ends when its client leaves`, async () => {
    const over = Promise.withResolvers<'cancelled' | 'ended'>();
    const piece = new Uint8Array(size);
    const deadline = performance.now() + ENOUGH_MS;
    const app = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (performance.now() < deadline) controller.enqueue(piece);
            else controller.close();
          },
          cancel: () => over.resolve('cancelled'),
        }),
      );
    const upstream = new AppUpstreams(LOOP, app, new AppWork(), assert.ifError).open(greedyExchange(() => over.resolve('ended')));
    upstream.send(null);
    // As everything that comes from outside: an event of the loop.
    setTimeout(() => upstream.abort(), 30);
    assert.equal(await over.promise, 'cancelled');
  });
