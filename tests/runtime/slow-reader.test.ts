import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { ConnectAddress, ListenAddress } from '../../src/net/address.ts';
import type { Connection, ConnectionHandlers } from '../../src/runtime/seam/sockets.ts';
import { closeLeftovers, commandFor, connect, ends, listening, pattern, runtime, socketPath, TCP, unixAddress, waitFor } from './support.ts';

const QUEUED_AT_MOST = 128 * 1024;

interface Leg {
  other: Connection<Leg>;
}

/** A relay: what comes in on one side is written to the other, which pauses the first while it is slow. `peak` is the most it queued. */
async function relayTo(target: ListenAddress, peak: { queued: number }, test: (address: ListenAddress) => Promise<void>): Promise<void> {
  const handlers: ConnectionHandlers<Leg> = {
    open(connection) {
      connection.owner?.other.resume();
    },
    data(connection, bytes) {
      const { other } = connection.owner;
      if (!other.write(bytes)) connection.pause();
      peak.queued = Math.max(peak.queued, other.queued);
    },
    drain: (connection) => connection.owner.other.resume(),
    end: (connection) => connection.owner.other.end(),
    close: (connection) => connection.owner.other.destroy(),
    connectFailed: () => {},
  };
  const listener = await runtime.listen<Leg>(TCP, {
    ...handlers,
    open(connection) {
      connection.pause();
      connection.owner = { other: runtime.connect<Leg>(target as ConnectAddress, { other: connection }, handlers) };
    },
  });
  try {
    await test(listener.address);
  } finally {
    listener.close();
  }
}

describe(`a slow reader on ${runtime.name}`, () => {
  after(closeLeftovers);
  for (const [name, address] of [
    ['tcp', TCP],
    ['unix', unixAddress()],
  ] as const) {
    it(`makes a relay from ${name} queue at most 128 KiB, and loses nothing`, { timeout: 15_000 }, async () => {
      const block = pattern(1 << 20);
      const blocks = 24;
      const source = ends((end) => {
        let left = blocks;
        const pump = (): void => {
          while (left > 0) {
            left--;
            if (!end.connection.write(block)) return;
          }
          end.connection.end();
        };
        end.on = (event) => (event === 'open' || event === 'drain') && pump();
      });
      await listening(address, source, async (listener) => {
        const peak = { queued: 0 };
        await relayTo(listener.address, peak, async (front) => {
          const reader = connect(front, ends(undefined, false));
          let wrong = 0;
          let reads = 0;
          reader.on = (event, bytes) => {
            if (event !== 'data') return;
            const from = (reader.bytes - bytes!.length) % block.length;
            for (let at = 0; at < bytes!.length; at += 997) if (bytes![at] !== block[(from + at) % block.length]) wrong++;
            if (reads++ % 8 > 0) return;
            reader.connection.pause();
            setTimeout(() => reader.connection.resume(), 5);
          };
          await waitFor(
            () => reader.events.includes('end'),
            () => `the end after ${reader.bytes} bytes`,
            14_000,
          );
          assert.equal(reader.bytes, blocks * block.length);
          assert.equal(wrong, 0);
          reader.connection.end();
          await reader.until('close');
        });
        assert.ok(peak.queued > 0, 'the relay never had to queue, so nothing was tested');
        assert.ok(peak.queued <= QUEUED_AT_MOST, `queued ${peak.queued}`);
      });
    });
  }

  it('costs little memory: 1,000 readers of 1 GiB each stay under 300 MB', { timeout: 15_000 }, async (test) => {
    // A process of its own, which is both ends: this one carries the test runner too.
    let output = '';
    let exit: number | null | undefined;
    const child = runtime.spawn(commandFor('slow-readers.ts', socketPath()), {
      stdio: 'pipe',
      output: (_child, bytes) => {
        output += Buffer.from(bytes).toString();
      },
      exit: (_child, code) => {
        exit = code;
      },
    });
    try {
      await waitFor(
        () => exit !== undefined,
        () => `the child, which said "${output}"`,
        14_000,
      );
    } finally {
      child.kill('SIGKILL');
    }
    assert.equal(exit, 0, output);
    const told = JSON.parse(output) as { megabytes: number; stalled: number; queued: number; failed: number };
    test.diagnostic?.(output.trim());
    assert.equal(told.failed, 0, output);
    assert.ok(told.stalled >= 1000, output);
    assert.ok(told.queued > 0 && told.queued <= QUEUED_AT_MOST, output);
    assert.ok(told.megabytes < 300, output);
  });
});
