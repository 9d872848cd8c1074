import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { closeLeftovers, connect, type End, ends, listening, runtime, TCP, unixAddress, waitFor } from './support.ts';

const ROUNDS = 10_000;
const IN_FLIGHT = 32;

describe(`many connections on ${runtime.name}`, () => {
  after(closeLeftovers);
  it('opens and closes 10,000, and tells each of them everything once', { timeout: 20_000 }, async () => {
    let accepted = 0;
    let acceptedClosed = 0;
    const server = ends((end) => {
      accepted++;
      end.on = (event) => {
        if (event === 'data') end.connection.write(end.chunks[0]!);
        else if (event === 'end') end.connection.end();
        else if (event === 'close') acceptedClosed++;
      };
    });
    await listening(unixAddress(), server, async (listener) => {
      const handlers = ends();
      const wrong: string[] = [];
      let started = 0;
      let closed = 0;
      const start = (): void => {
        started++;
        const end: End = connect(listener.address, handlers);
        end.on = (event) => {
          if (event === 'open') end.connection.write(new Uint8Array(20));
          else if (event === 'data') end.connection.end();
          else if (event !== 'end') {
            closed++;
            if (end.events.join() !== 'open,data,end,close') wrong.push(end.events.join());
            if (started < ROUNDS) start();
          }
        };
      };
      for (let n = 0; n < IN_FLIGHT; n++) start();
      await waitFor(
        () => closed === ROUNDS,
        () => `${ROUNDS} connections, ${closed} closed`,
        18_000,
      );
      await waitFor(() => acceptedClosed === ROUNDS);
      assert.equal(accepted, ROUNDS);
      assert.deepEqual(wrong.slice(0, 5), []);
    });
  });

  it('forgets 1,000 that are destroyed as soon as they open', { timeout: 10_000 }, async () => {
    let gone = 0;
    const server = ends((end) => {
      end.on = (event) => {
        if (event === 'end') end.connection.destroy();
        else if (event.startsWith('close')) gone++;
      };
    });
    await listening(TCP, server, async (listener) => {
      const handlers = ends();
      let closed = 0;
      let opened = 0;
      for (let n = 0; n < 1000; n++) {
        const end = connect(listener.address, handlers);
        end.on = (event) => {
          if (event === 'open') {
            opened++;
            end.connection.destroy();
          } else {
            closed++;
          }
        };
        if (n % 50 === 49) await waitFor(() => closed === n + 1);
      }
      assert.equal(opened, 1000);
      assert.equal(closed, 1000);
      // A client that is gone before accept may never be shown.
      await waitFor(() => gone > 900);
    });
  });
});
