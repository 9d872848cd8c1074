import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { ListenAddress } from '../../src/net/address.ts';
import { closeLeftovers, connect, type End, ends, listening, pair, pattern, runtime, sleep, TCP, unixAddress, waitFor } from './support.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

for (const [transport, address] of [
  ['tcp', () => TCP],
  ['unix', () => unixAddress()],
] as const satisfies readonly (readonly [string, () => ListenAddress])[]) {
  describe(`a connection over ${transport} on ${runtime.name}`, () => {
    after(closeLeftovers);
    it('delivers in order what was written into one buffer again and again', async () => {
      const { client, server, close } = await pair(address());
      const expected: Uint8Array[] = [];
      const scratch = new Uint8Array(70_000);
      let seed = 1;
      const pump = (): void => {
        while (seed <= 120) {
          const piece = pattern([7, 1000, 4096, 30_000, 65_536, 70_000][seed % 6]!, seed++);
          expected.push(piece);
          scratch.set(piece);
          const more = client.connection.write(scratch.subarray(0, piece.length));
          scratch.fill(0xee);
          if (!more) return;
        }
        client.connection.end();
      };
      client.on = (event) => event === 'drain' && pump();
      pump();
      await server.until('end');
      assert.ok(Buffer.concat(server.chunks).equals(Buffer.concat(expected)));
      await close();
    });

    it('queues what a writer pushes on regardless, and copies it', async () => {
      const { client, server, close } = await pair(address());
      server.connection.pause();
      const piece = new Uint8Array(65_536);
      const total = 256;
      for (let n = 0; n < total; n++) client.connection.write(piece.fill(n));
      piece.fill(0xee);
      assert.ok(client.connection.queued > 0, 'the kernel took 16 MiB');
      client.connection.end();
      server.connection.resume();
      await server.until('end');
      const got = Buffer.concat(server.chunks);
      assert.equal(got.length, total * piece.length);
      for (let n = 0; n < total; n++) assert.equal(got[n * piece.length + 65_535], n & 0xff);
      assert.equal(client.connection.queued, 0);
      await close();
    });

    it('sends a part of a buffer, taken or queued', async () => {
      const { client, server, close } = await pair(address());
      server.connection.pause();
      const piece = pattern(70_000, 3);
      const expected: Uint8Array[] = [];
      for (let n = 0; n < 200; n++) {
        const [start, end] = [n * 7, 70_000 - n * 11];
        expected.push(piece.slice(start, end));
        client.connection.write(piece, start, end);
      }
      client.connection.end();
      server.connection.resume();
      await server.until('end');
      assert.ok(Buffer.concat(server.chunks).equals(Buffer.concat(expected)));
      await close();
    });

    it('close() first sends what is queued, hears no more, and ends both directions', async () => {
      for (const length of [5, 16_000_000]) {
        const { client, server } = await pair(address());
        server.connection.pause();
        client.connection.write(pattern(length, 5));
        client.connection.close();
        client.connection.write(bytesOf('nobody hears this'));
        if (length > 5) server.connection.write(bytesOf('nor this'));
        await sleep(20);
        server.connection.resume();
        await waitFor(() => server.bytes === length);
        server.connection.end();
        await client.until('close');
        await server.until('close');
        assert.ok(Buffer.concat(server.chunks).equals(pattern(length, 5)));
        assert.deepEqual(
          client.events.filter((event) => event !== 'drain'),
          ['open', 'close'],
        );
      }
    });

    it('close(last) sends that behind what was written', async () => {
      for (const length of [5, 16_000_000]) {
        const { client, server } = await pair(address());
        client.connection.write(bytesOf('first, '));
        const last = pattern(length + 2, 7);
        client.connection.close(last, 1, length + 1);
        await waitFor(() => server.bytes === length + 7);
        server.connection.end();
        await client.until('close');
        await server.until('close');
        assert.equal(Buffer.concat(server.chunks).toString('latin1', 0, 7), 'first, ');
        assert.ok(
          Buffer.concat(server.chunks)
            .subarray(7)
            .equals(last.subarray(1, length + 1)),
        );
      }
    });

    it('close(last) sends that though something of the peer is still unread', async () => {
      const { client, server } = await pair(address());
      client.connection.pause();
      server.connection.write(bytesOf('nobody reads this'));
      await sleep(20);
      client.connection.close(bytesOf('last'));
      await waitFor(() => server.text === 'last');
      server.connection.destroy();
      await client.until('close');
    });

    it('tells what comes of a peer of which no more was expected, and its end', async () => {
      for (const isLate of [false, true]) {
        const server: End[] = [];
        const handlers = ends((end) => {
          server.push(end);
          end.on = (event) => event === 'data' && end.connection.expectNoMore();
        });
        await listening(address(), handlers, async (listener) => {
          const client = connect(listener.address, ends());
          client.connection.write(bytesOf('question'));
          await waitFor(() => server[0]?.bytes === 8);
          if (isLate) await sleep(50);
          client.connection.write(bytesOf(', and more'));
          await waitFor(() => server[0]!.bytes === 18);
          server[0]!.connection.write(bytesOf('answer'));
          await waitFor(() => client.bytes === 6);
          client.connection.end();
          await server[0]!.until('end');
          server[0]!.connection.close();
          await client.until('close');
        });
      }
    });

    it('half-closes: data flows back after end(), and out after the peer ended', async () => {
      const { client, server } = await pair(address());
      client.connection.write(bytesOf('question'));
      client.connection.end();
      await server.until('end');
      assert.equal(server.text, 'question');
      server.connection.write(bytesOf('answer '));
      await waitFor(() => client.bytes === 7);
      server.connection.write(bytesOf('after the end'));
      server.connection.end();
      await client.until('close');
      await server.until('close');
      assert.equal(client.text, 'answer after the end');
      assert.deepEqual(
        client.events.filter((event) => event !== 'data'),
        ['open', 'end', 'close'],
      );
      assert.deepEqual(
        server.events.filter((event) => event !== 'data'),
        ['open', 'end', 'close'],
      );
    });

    it('does nothing on write after end', async () => {
      const { client, server, close } = await pair(address());
      client.connection.end();
      assert.equal(client.connection.write(bytesOf('late')), true);
      await server.until('end');
      await sleep(10);
      assert.equal(server.bytes, 0);
      await close();
    });

    it('tells nothing while paused, and all of it after resume', async () => {
      const { client, server, close } = await pair(address());
      server.connection.pause();
      client.connection.write(bytesOf('held'));
      client.connection.end();
      await sleep(40);
      assert.deepEqual(server.events, ['open']);
      server.connection.resume();
      assert.deepEqual(server.events, ['open']);
      await server.until('end');
      assert.deepEqual(server.events, ['open', 'data', 'end']);
      await close();
    });

    it('can be paused in data without losing or mixing what follows', async () => {
      const { client, server, close } = await pair(address());
      const sent = pattern(3_000_000);
      server.on = (event) => {
        if (event !== 'data') return;
        server.connection.pause();
        setTimeout(() => server.connection.resume(), 1);
      };
      client.connection.write(sent);
      client.connection.end();
      server.connection.end();
      await server.until('close');
      assert.ok(Buffer.concat(server.chunks).equals(Buffer.from(sent.buffer)));
      assert.equal(server.events.filter((event) => event === 'end').length, 1);
      await close();
    });

    it('runs no handler inside a method', async () => {
      const { client, server } = await pair(address());
      let inside = false;
      const entered: string[] = [];
      for (const end of [client, server]) end.on = (event) => inside && entered.push(event);
      const call = (method: () => void): void => {
        inside = true;
        method();
        inside = false;
      };
      const { connection } = client;
      server.connection.write(bytesOf('waiting'));
      call(() => connection.write(bytesOf('x')));
      call(() => connection.pause());
      await sleep(10);
      call(() => connection.resume());
      await sleep(10);
      call(() => connection.end());
      await server.until('end');
      call(() => server.connection.write(new Uint8Array(4_000_000)));
      call(() => server.connection.destroy());
      call(() => connection.destroy());
      await client.until('close');
      await server.until('close');
      assert.deepEqual(entered, []);
    });

    it('tells close once and last, whatever is called', async () => {
      const { client, server } = await pair(address());
      client.connection.write(new Uint8Array(100_000));
      client.connection.destroy();
      client.connection.destroy();
      client.connection.end();
      client.connection.pause();
      client.connection.resume();
      assert.equal(client.connection.write(bytesOf('late')), true);
      await client.until('close');
      await server.until('end');
      server.connection.end();
      await server.until('close');
      server.connection.destroy();
      await sleep(20);
      for (const end of [client, server]) {
        assert.equal(end.events.filter((event) => event.startsWith('close')).length, 1, end.events.join());
        assert.ok(end.events.at(-1)!.startsWith('close'), end.events.join());
      }
      assert.equal(client.events.at(-1), 'close');
    });

    it('tells a reset by its code, on the next write at the latest', async () => {
      const { client, server } = await pair(address());
      // Deno sends FIN before the reset, and looks no further until we write.
      server.on = (event) => event === 'end' && writeUntilClosed();
      const writeUntilClosed = (): void => {
        if (server.events.at(-1)!.startsWith('close')) return;
        server.connection.write(bytesOf('x'));
        setTimeout(writeUntilClosed, 5);
      };
      // Closing with unread bytes makes the kernel send a reset.
      client.connection.pause();
      server.connection.write(new Uint8Array(500_000));
      await sleep(30);
      client.connection.destroy();
      await server.until('close');
      assert.match(server.events.at(-1)!, /^close (ECONNRESET|EPIPE)$/);
      await client.until('close');
    });

    it('leaves the connection whose handler threw to its owner, and no other notices', async () => {
      const address1 = address();
      const seen: string[] = [];
      const handlers = ends((end) => {
        end.on = (event) => {
          if (event === 'data' && end.text === 'bad') throw new Error('thrown in data');
          if (event.startsWith('close')) seen.push(`${event} ${(end.thrown as Error | null)?.message ?? 'fine'}`);
        };
      });
      await listening(address1, handlers, async (listener) => {
        const good = connect(listener.address);
        const bad = connect(listener.address);
        await good.until('open');
        await bad.until('open');
        bad.connection.write(bytesOf('bad'));
        await bad.until('end');
        assert.equal(bad.text, 'last words');
        bad.connection.destroy();
        good.connection.write(bytesOf('good'));
        await waitFor(() => seen.length === 1);
        assert.deepEqual(seen, ['close thrown in data']);
        good.connection.end();
        await sleep(20);
        assert.ok(!good.events.includes('close'));
        good.connection.destroy();
        await waitFor(() => good.events.includes('close'));
      });
    });

    it('sends what was written before open, first', async () => {
      await listening(
        address(),
        ends((end) => {
          end.on = (event) => event === 'end' && end.connection.write(Buffer.concat(end.chunks)) && end.connection.end();
        }),
        async (listener) => {
          const client = connect(listener.address);
          client.on = (event) => {
            if (event !== 'open') return;
            client.connection.write(bytesOf('second'));
            client.connection.end();
          };
          client.connection.write(bytesOf('first '));
          await client.until('close');
          assert.equal(client.text, 'first second');
        },
      );
    });

    it('tells nothing at all after destroy() before open', async () => {
      await listening(
        address(),
        ends((end) => end.connection.end()),
        async (listener) => {
          const client = connect(listener.address);
          client.connection.destroy();
          const failing = connect({ kind: 'tcp', host: '127.0.0.1', port: 1 });
          failing.connection.destroy();
          await sleep(50);
          assert.deepEqual(client.events, []);
          assert.deepEqual(failing.events, []);
        },
      );
    });
  });
}
