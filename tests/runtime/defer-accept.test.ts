import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { closeLeftovers, connect, type End, ends, gapIt, listening, runtime, sleep, TCP, unixAddress, waitFor } from './support.ts';

const gap = process.env.UGATE_SOCKETS === 'runtime' && `the sockets of ${runtime.name} cannot be told to (docs/runtimes.md)`;
const HELLO = new TextEncoder().encode('hello');

describe(`deferAccept on ${runtime.name}`, () => {
  after(closeLeftovers);

  gapIt('tells of a client when it has said something, and of a silent one after a second', gap, async () => {
    const accepted: End[] = [];
    const handlers = ends((end) => accepted.push(end));
    const test = async (address: typeof TCP): Promise<void> => {
      const started = performance.now();
      const silent = connect(address);
      await silent.until('open');
      await sleep(100);
      const isEarly = (): boolean => performance.now() - started < 900;
      // On a crowded machine these 100 ms may have been a second.
      if (isEarly()) assert.equal(accepted.length, 0);
      const speaker = connect(address);
      speaker.connection.write(HELLO);
      await waitFor(() => accepted.some(({ text }) => text === 'hello'));
      await waitFor(() => accepted.length === 2);
      assert.ok(!isEarly());
      silent.connection.write(HELLO);
      await waitFor(() => accepted.every(({ text }) => text === 'hello'));
    };
    await listening(TCP, handlers, (listener) => test(listener.address), { deferAccept: true });
  });

  gapIt('means nothing to unix sockets, and without it silent clients are told of too', false, async () => {
    for (const [address, deferAccept] of [
      [unixAddress(), true],
      [TCP, false],
    ] as const) {
      const accepted: End[] = [];
      await listening(
        address,
        ends((end) => accepted.push(end)),
        async (listener) => {
          connect(listener.address);
          await waitFor(() => accepted.length === 1, undefined, 900);
        },
        { deferAccept },
      );
    }
  });
});
