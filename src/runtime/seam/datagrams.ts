import type { TcpAddress } from '../../net/address.ts';
import type { PeerAddress } from '../../net/peer.ts';

export interface DatagramHandlers {
  /** `bytes` are valid only during the call. */
  message(socket: DatagramSocket, bytes: Uint8Array, from: PeerAddress): void;
  error(socket: DatagramSocket, code: string): void;
}

export interface DatagramSocket {
  readonly local: PeerAddress;
  /** Fire and forget: a failure is told to the `error` handler. */
  send(bytes: Uint8Array, to: TcpAddress): void;
  close(): void;
}
