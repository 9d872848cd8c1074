import type { ListenAddress } from '../net/address.ts';
import type { BoundSocket } from './seam/sockets.ts';
import type { SocketFile } from './socket-file.ts';

/** The accept queue's length where nobody says one. */
export const BACKLOG = 511;

/** What an adapter knows of a bound socket. Each has its own way to hold one. */
export abstract class HeldSocket implements BoundSocket {
  readonly address: ListenAddress;
  /** Who listens says it again: listen(2) sets it anew. */
  readonly backlog: number;
  /** The file we made by binding; null where there is none or somebody else made it. */
  #file: SocketFile | null;
  #isHeld = true;

  constructor(address: ListenAddress, backlog: number, file: SocketFile | null) {
    this.address = address;
    this.backlog = backlog;
    this.#file = file;
  }

  /** A descriptor for a child that is being started; `giveBack` it once the child has it. */
  abstract lend(): number;
  abstract giveBack(fd: number): void;
  /** Closes what this process holds. */
  protected abstract release(): void;

  /** A listener is about to own what is held. False when it is gone already. */
  take(): boolean {
    const isHeld = this.#isHeld;
    this.#isHeld = false;
    return isHeld;
  }

  close(options: { keepsFile?: boolean } = {}): void {
    const release = (): void => {
      if (this.take()) this.release();
    };
    if (options.keepsFile === true || this.#file === null) return this.sparingFile(release);
    this.#file.closeWith(release);
    this.#file = null;
  }

  /** Runs `close`, by which Node would unlink the path that it bound. */
  sparingFile(close: () => void): void {
    if (this.#file === null) close();
    else this.#file.spareWith(close);
  }
}
