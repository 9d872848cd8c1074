/** A peer that leaves, and one that is shown that what it got is not all. */

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { ListenAddress } from '../../src/net/address.ts';
import { closeLeftovers, connect, type End, ends, gapIt, listening, runtime, sleep, TCP, unixAddress, waitFor } from './support.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Runs `test` with both ends of a connection; the listener's end hears of a FIN in a pause. */
async function joined(address: ListenAddress, test: (client: End, server: End) => Promise<void>): Promise<void> {
  let server: End | null = null;
  const handlers = ends((end) => {
    server = end;
  });
  handlers.hangup = ({ owner }, unread) => owner.tell(`hangup behind ${unread}`);
  await listening(address, handlers, async (listener) => {
    const client = connect(listener.address);
    await waitFor(() => server !== null && client.events.includes('open'));
    await test(client, server!);
    client.connection.destroy();
    server!.connection.destroy();
  });
}

/** What the connection says of its silence when FIN is told; -1 before. */
function silenceAtEnd(end: End): () => number {
  let silence = -1;
  end.on = (event) => {
    if (event === 'end') silence = end.connection.silence;
  };
  return () => silence;
}

for (const [transport, address] of [
  ['tcp', () => TCP],
  ['unix', () => unixAddress()],
] as const satisfies readonly (readonly [string, () => ListenAddress])[]) {
  describe(`a peer that leaves over ${transport} on ${runtime.name}`, () => {
    after(closeLeftovers);

    it('B10/W3: FIN says how long its last bytes are ago', async () => {
      await joined(address(), async (client, server) => {
        const silence = silenceAtEnd(server);
        client.connection.write(bytesOf('hello'));
        await server.until('data');
        await sleep(150);
        client.connection.end();
        await server.until('end');
        assert.ok(silence() > 100, `${silence()} ms`);
      });
      await joined(address(), async (client, server) => {
        const silence = silenceAtEnd(server);
        client.connection.write(bytesOf('hello'));
        client.connection.end();
        await server.until('end');
        assert.ok(silence() >= 0 && silence() < 100, `${silence()} ms`);
      });
    });

    gapIt(
      'B10/W3: time in which the loop stood still is no silence',
      !runtime.capabilities.endInPause && 'only sockets of our own know it',
      async () => {
        await joined(address(), async (client, server) => {
          let silence = -1;
          server.on = (event) => {
            if (event === 'end') silence = server.connection.silence;
            if (event !== 'data') return;
            // FIN comes right behind what is read, and is not seen before we are done with that.
            client.connection.end();
            for (const began = performance.now(); performance.now() - began < 200; );
          };
          client.connection.write(bytesOf('hello'));
          await server.until('end');
          assert.ok(silence >= 0 && silence < 100, `${silence} ms`);
        });
      },
    );

    gapIt(
      'B10/W3: FIN in a pause is told once, and again as the end',
      !runtime.capabilities.endInPause && 'endInPause is not among its capabilities',
      async () => {
        await joined(address(), async (client, server) => {
          client.connection.write(bytesOf('one'));
          await server.until('data');
          server.connection.pause();
          client.connection.write(bytesOf('two'));
          await sleep(50);
          assert.ok(!server.events.some((event) => event.startsWith('hangup')));
          client.connection.end();
          await server.until('hangup');
          await sleep(50);
          assert.deepEqual(server.events, ['open', 'data', 'hangup behind 3']);
          server.connection.resume();
          await server.until('end');
          assert.deepEqual(server.events, ['open', 'data', 'hangup behind 3', 'data', 'end']);
          assert.equal(server.text, 'onetwo');
        });
      },
    );

    gapIt(
      'B10/W3: a peer that breaks off in a pause is gone',
      !runtime.capabilities.endInPause && 'endInPause is not among its capabilities',
      async () => {
        await joined(address(), async (client, server) => {
          client.connection.write(bytesOf('one'));
          await server.until('data');
          server.connection.pause();
          await sleep(20);
          // Over a unix socket bytes that nobody has read make a reset of a close.
          server.connection.write(bytesOf('unread'));
          client.connection.pause();
          client.connection.reset();
          await waitFor(() => server.events.some((event) => event.startsWith('close') || event.startsWith('hangup')));
        });
      },
    );

    const noReset =
      transport === 'unix' ? 'the kernel has none for unix sockets' : !runtime.capabilities.resets && 'resets is not among its capabilities';
    gapIt(`W13: what is ended by reset() over ${transport} is no orderly end for the peer, which has what was written before`, noReset, async () => {
      await joined(address(), async (client, server) => {
        server.connection.write(bytesOf('part'));
        await client.until('data');
        server.connection.reset();
        await client.until('close');
        assert.equal(client.text, 'part');
        assert.ok(!client.events.includes('end'), client.events.join(', '));
        assert.ok(client.events.includes('close ECONNRESET'), client.events.join(', '));
        await server.until('close');
        assert.equal(server.events.at(-1), 'close');
      });
    });

    it('W13: reset() ends at least as destroy() does', async () => {
      await joined(address(), async (client, server) => {
        server.connection.reset();
        server.connection.reset();
        await waitFor(() => client.events.some((event) => event === 'end' || event.startsWith('close')));
        await server.until('close');
        assert.equal(server.events.filter((event) => event.startsWith('close')).length, 1);
      });
    });
  });
}
