import type { ConnectAddress } from '../net/address.ts';
import { addressless, type PeerAddress, peerAddress } from '../net/peer.ts';
import { type BunReading, HeldBytes, isWhole, SLICE } from './bun-reading.ts';
import { BunSending } from './bun-sending.ts';
import { errorCode } from './connect-failure.ts';
import { SENDING } from './connection-states.ts';
import type { ConnectFailure, Connection, ConnectionHandlers } from './seam/sockets.ts';
import { tellClose, tellConnectFailed, tellData, tellDrain, tellEnd, tellOpen } from './telling.ts';
import type { BunSocket } from './types/bun.ts';

/** A piece this large is part of a stream: more of it is likely to be there already. */
const STREAM_BYTES = 65536;
/** Reads of our own in one event; then the other connections have their turn. */
const READS_A_TURN = 16;

/** The peer's side. `endDue`: it has ended, and that is told when what came before it is. */
const HEARING = { flows: 0, endDue: 1, ended: 2 } as const;

/** A connection on a Bun socket, which reaches it as `socket.data`. */
export class BunConnection<Owner> extends BunSending<BunConnection<Owner>> implements Connection<Owner> {
  owner: Owner;
  /** Where an outgoing connection goes; null on accepted ones. */
  readonly to: ConnectAddress | null;
  /** When connecting started, by `performance.now()`. */
  readonly startedAt: number;
  readonly #handlers: ConnectionHandlers<Owner>;
  readonly #reading: BunReading;
  readonly #isUnix: boolean;
  #remote: PeerAddress | null = null;
  #local: PeerAddress | null = null;
  #held: HeldBytes | null = null;
  #hearing: number = HEARING.flows;
  #closeDue = false;
  #closeError: string | null = null;
  #readError: string | null = null;
  #tellDue = false;
  #paused = false;
  /** Bun's own pause, which outlasts ours while we read by ourselves. */
  #socketPaused = false;
  /** The last piece was large: a stream flows. */
  #streaming = false;
  #heardAt = performance.now();

  constructor(owner: Owner, handlers: ConnectionHandlers<Owner>, reading: BunReading, isUnix: boolean, to: ConnectAddress | null, startedAt: number) {
    super();
    this.owner = owner;
    this.to = to;
    this.startedAt = startedAt;
    this.#handlers = handlers;
    this.#reading = reading;
    this.#isUnix = isUnix;
  }

  get tls(): null {
    return null;
  }

  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  get remote(): PeerAddress {
    this.#remote ??= addressOf(this.socket?.remoteAddress, this.socket?.remotePort, this.#isUnix);
    return this.#remote;
  }

  get local(): PeerAddress {
    this.#local ??= addressOf(this.socket?.localAddress, this.socket?.localPort, this.#isUnix);
    return this.#local;
  }

  destroy(): void {
    this.#destroy(false);
  }

  reset(): void {
    this.#destroy(!this.#isUnix);
  }

  #destroy(isReset: boolean): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.dropQueue();
    this.#held = null;
    if (this.#closeDue) this.#tellSoon();
    else if (this.socket !== null) {
      this.isInside = true;
      if (isReset) this.socket.terminate();
      else this.socket.close();
      this.isInside = false;
    }
  }

  pause(): void {
    if (this.#paused || this.isDestroyed) return;
    this.#paused = true;
    if (this.#socketPaused) return;
    this.#socketPaused = true;
    this.socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.isDestroyed) return;
    this.#paused = false;
    this.#heardAt = performance.now();
    if (this.#held !== null || this.#hearing === HEARING.endDue || this.#closeDue || this.#streaming) {
      this.#tellSoon();
    } else {
      this.#socketPaused = false;
      this.socket?.resume();
    }
  }

  /** This runtime's sockets are watched all the time. */
  expectNoMore(): void {}

  /** True once it is destroyed or closed: nothing but `close` may be told. */
  get cancelled(): boolean {
    return this.isDestroyed;
  }

  /** No connection could be made. */
  failed(failure: ConnectFailure): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    tellConnectFailed(this, this.#handlers, failure);
  }

  /** Bun: the socket is open. */
  opened(socket: BunSocket<BunConnection<Owner>>): void {
    if (this.isDestroyed) {
      socket.close();
      return;
    }
    this.socket = socket;
    if (this.#socketPaused) socket.pause();
    const flushed = this.flush();
    tellOpen(this, this.#handlers);
    if (flushed && this.isDrainDue && !this.hasQueue) this.#tellDrain();
  }

  /** Bun: bytes came, in a buffer of their own. */
  received(bytes: Uint8Array): void {
    if (this.isDestroyed || this.sending === SENDING.closing) return;
    this.#heardAt = performance.now();
    this.#streaming = bytes.length >= STREAM_BYTES;
    const isHeld = this.#paused || this.#held !== null || bytes.length > SLICE;
    if (isHeld) {
      this.#held ??= new HeldBytes();
      this.#held.push(bytes);
      if (!this.#paused && !this.#tellDue) this.#tell();
    }
    if (!isHeld) tellData(this, this.#handlers, bytes);
    if (bytes.length > SLICE && this.#held === null) this.#readOn();
  }

  /** Bun: the socket takes bytes again. Comes unasked for too, such as after a FIN. */
  writable(): void {
    if (this.isDrainDue && this.flush()) this.#tellDrain();
  }

  /** Bun: the peer sent FIN. */
  peerEnded(): void {
    if (this.#hearing !== HEARING.flows || this.sending === SENDING.closing) return;
    this.#hearing = HEARING.endDue;
    if (!this.#tellDue) this.#tell();
  }

  /** Bun: the socket is gone. */
  closed(error: string | null): void {
    // Given up before it was open.
    if (this.socket === null) return;
    this.#closeDue = true;
    this.#closeError = this.isDestroyed ? null : (this.#readError ?? error);
    // Bun may tell an orderly close alone when our FIN went first.
    if (this.#closeError === null && this.#hearing === HEARING.flows) this.#hearing = HEARING.endDue;
    if (this.isInside) this.#tellSoon();
    else if (!this.#tellDue) this.#tell();
  }

  #tellDrain(): void {
    this.isDrainDue = false;
    if (this.sending !== SENDING.flows || this.isDestroyed) return;
    tellDrain(this, this.#handlers);
  }

  #tellSoon(): void {
    if (this.#tellDue) return;
    this.#tellDue = true;
    queueMicrotask(() => {
      this.#tellDue = false;
      this.#tell();
    });
  }

  /** Tells what was held back, in order, until the owner pauses again; then goes on reading. */
  #tell(): void {
    while (!this.#paused && !this.isDestroyed) {
      const bytes = this.#held?.next() ?? null;
      if (this.#held?.isEmpty) this.#held = null;
      if (bytes !== null) {
        tellData(this, this.#handlers, bytes);
      } else if (this.#hearing === HEARING.endDue) {
        this.#hearing = HEARING.ended;
        tellEnd(this, this.#handlers);
      } else if (this.#socketPaused && !this.#closeDue) {
        const read = this.#streaming ? this.#readGently() : null;
        if (read === null) {
          this.#socketPaused = false;
          this.socket!.resume();
          break;
        }
        tellData(this, this.#handlers, read);
      } else {
        break;
      }
    }
    if (this.#paused) this.#held?.trim();
    if (this.#closeDue && (this.isDestroyed || (!this.#paused && this.#hearing !== HEARING.endDue))) this.#tellClose();
  }

  /**
   * Reads once while Bun's own reading is still paused: Bun would hand over 512 KiB at once, and a slow peer would make us queue it.
   * Null when nothing is waiting any more, or Bun has to see for itself what is wrong.
   */
  #readGently(): Uint8Array | null {
    try {
      const read = this.#reading.read(this.socket!.fd);
      this.#streaming = isWhole(read);
      return read;
    } catch (error) {
      const code = errorCode(error, 'EIO');
      this.#streaming = false;
      // The kernel tells a reset once only, and it has told us.
      if (code !== 'EAGAIN') this.#readError = code;
      return null;
    }
  }

  /** Goes on reading into our own buffer: Bun makes and fills a fresh one for each of its reads. */
  #readOn(): void {
    for (let i = 0; i < READS_A_TURN && !this.#paused && !this.isDestroyed; i++) {
      const read = this.#readGently();
      if (read === null) return;
      tellData(this, this.#handlers, read);
      if (!this.#streaming) return;
    }
  }

  #tellClose(): void {
    this.#closeDue = false;
    this.isDestroyed = true;
    this.dropQueue();
    tellClose(this, this.#handlers, this.#closeError);
  }
}

function addressOf(address: string | undefined, port: number | undefined, isUnix: boolean): PeerAddress {
  return address === undefined ? addressless(isUnix) : peerAddress(address, port ?? 0);
}
