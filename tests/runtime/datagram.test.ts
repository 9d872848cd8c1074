import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TcpAddress } from '../../src/net/address.ts';
import type { DatagramSocket } from '../../src/runtime/seam/datagrams.ts';
import { ListenError } from '../../src/runtime/seam/sockets.ts';
import { runtime, waitFor } from './support.ts';

async function receiver(host: string): Promise<{ socket: DatagramSocket; to: TcpAddress; got: string[]; from: string[] }> {
  const got: string[] = [];
  const from: string[] = [];
  const socket = await runtime.datagram(
    { kind: 'tcp', host, port: 0 },
    {
      message(_socket, bytes, peer) {
        got.push(Buffer.from(bytes).toString());
        from.push(`${peer.family} ${peer.address} ${peer.port}`);
      },
      error: (_socket, code) => got.push(`error ${code}`),
    },
  );
  return { socket, to: { kind: 'tcp', host, port: socket.local.port }, got, from };
}

describe(`datagrams on ${runtime.name}`, () => {
  for (const [host, family] of [
    ['127.0.0.1', 'ipv4'],
    ['::1', 'ipv6'],
  ] as const) {
    it(`go from one ${family} socket to another, copied`, async () => {
      const one = await receiver(host);
      const two = await receiver(host);
      assert.deepEqual([one.socket.local.family, one.socket.local.address], [family, host]);
      const bytes = new TextEncoder().encode('first');
      one.socket.send(bytes, two.to);
      bytes.fill(0x78);
      await waitFor(() => two.got.length === 1);
      assert.deepEqual(two.got, ['first']);
      assert.deepEqual(two.from, [`${family} ${host} ${one.to.port}`]);
      one.socket.close();
      one.socket.close();
      one.socket.send(bytes, two.to);
      two.socket.close();
    });
  }

  it('are refused on a taken port', async () => {
    const one = await receiver('127.0.0.1');
    await assert.rejects(receiverOn(one.to), (error) => error instanceof ListenError && error.reason === 'in-use');
    one.socket.close();
  });
});

function receiverOn(address: TcpAddress): Promise<DatagramSocket> {
  return runtime.datagram(address, { message() {}, error() {} });
}
