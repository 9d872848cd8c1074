import type { Socket } from 'node:dgram';
import { isIpv6, type TcpAddress } from '../net/address.ts';
import { type PeerAddress, peerAddress } from '../net/peer.ts';
import { errorCode } from './connect-failure.ts';
import { listenFailure } from './listen-failure.ts';
import type { DatagramHandlers, DatagramSocket } from './seam/datagrams.ts';

/** Opens a UDP socket by `node:dgram`, which all three runtimes carry. @throws {ListenError} */
export function datagram(address: TcpAddress, handlers: DatagramHandlers): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    // Loaded when it is needed, for the sake of a quick start.
    const node = process.getBuiltinModule('node:dgram').createSocket(isIpv6(address.host) ? 'udp6' : 'udp4');
    const refuse = (error: Error): void => {
      node.close();
      reject(listenFailure(address, error));
    };
    node.once('error', refuse);
    node.bind({ address: address.host, port: address.port, exclusive: true }, () => {
      node.off('error', refuse);
      resolve(new UdpSocket(node, handlers));
    });
  });
}

class UdpSocket implements DatagramSocket {
  readonly local: PeerAddress;
  readonly #node: Socket;
  readonly #sent: (error: Error | null) => void;
  #closed = false;

  constructor(node: Socket, handlers: DatagramHandlers) {
    this.#node = node;
    const { address, port } = node.address();
    this.local = peerAddress(address, port);
    const failed = (error: Error): void => {
      if (!this.#closed) handlers.error(this, errorCode(error, 'EIO'));
    };
    this.#sent = (error) => {
      if (error) failed(error);
    };
    node.on('error', failed);
    node.on('message', (bytes, from) => {
      if (!this.#closed) handlers.message(this, bytes, peerAddress(from.address, from.port));
    });
  }

  send(bytes: Uint8Array, to: TcpAddress): void {
    if (this.#closed) return;
    // A copy, because the runtimes send later and the caller may reuse its buffer.
    this.#node.send(Uint8Array.from(bytes), to.port, to.host, this.#sent);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#node.close();
  }
}
