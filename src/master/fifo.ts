import type { Processes } from '../runtime/seam/processes.ts';
import { commandOf, type MasterCommand } from './commands.ts';
import { FifoFile } from './fifo-file.ts';
import { codeOf } from './setup-error.ts';

/** How often the FIFO is read, in ms. A FIFO can be waited for on no runtime without a thread that hangs the exit. */
const LOOK_MS = 100;
const READ_BYTES = 64;

/** `0` to `9`. */
export const MAX_FIFOS = 10;

export interface FifoEvents {
  command(command: MasterCommand): void;
  /** Something to be logged: an unknown letter, a switch to another FIFO, a failure. */
  notice(text: string): void;
}

/**
 * The master's FIFO (`master-fifo`): each byte written to it is a command, as with uWSGI. Of several paths one is there at a time,
 * at first the first; the digits switch to another.
 */
export class MasterFifo {
  readonly #processes: Pick<Processes, 'spawn'>;
  readonly #paths: readonly string[];
  readonly #events: FifoEvents;
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #timer: ReturnType<typeof setInterval>;
  #active: FifoFile | null;
  #isSwitching = false;
  #isStopped = false;

  private constructor(processes: Pick<Processes, 'spawn'>, paths: readonly string[], first: FifoFile, events: FifoEvents) {
    this.#processes = processes;
    this.#paths = paths;
    this.#events = events;
    this.#active = first;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /**
   * Makes the first FIFO and reads it from now on, without keeping the process alive.
   * @param paths one to `MAX_FIFOS`
   * @param isHeir takes the first one from the ugate that reads it
   * @throws {SetupError} when it cannot be made
   */
  static async open(processes: Pick<Processes, 'spawn'>, paths: readonly string[], events: FifoEvents, isHeir = false): Promise<MasterFifo> {
    return new MasterFifo(processes, paths, await FifoFile.make(processes, paths[0]!, isHeir), events);
  }

  /** Ends reading and removes the FIFO, if it is still ours. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#active?.close();
    this.#active = null;
  }

  #look(): void {
    const fifo = this.#active;
    // What is written during a switch waits in the old FIFO.
    if (fifo === null || this.#isSwitching) return;
    let count: number;
    try {
      count = fifo.read(this.#buffer);
    } catch (error) {
      this.#events.notice(`the FIFO ${fifo.path} cannot be read any more: ${codeOf(error)}`);
      return this.stop();
    }
    for (let at = 0; at < count && !this.#isStopped; at++) this.#told(String.fromCharCode(this.#buffer[at]!));
  }

  #told(letter: string): void {
    if (/\s/.test(letter)) return;
    if (/\d/.test(letter)) return void this.#switchTo(Number(letter));
    const command = commandOf(letter);
    if (command === null) this.#events.notice(`the FIFO was told ${JSON.stringify(letter)}, which is no command`);
    else this.#events.command(command);
  }

  async #switchTo(slot: number): Promise<void> {
    const path = this.#paths[slot];
    if (path === undefined) return this.#events.notice(`the FIFO was told to switch to slot ${slot}, and there is no master-fifo for it`);
    if (path === this.#active?.path || this.#isSwitching) return;
    this.#isSwitching = true;
    try {
      const next = await FifoFile.make(this.#processes, path, false);
      if (this.#isStopped) return next.close();
      this.#active?.close();
      this.#active = next;
      this.#events.notice(`the active FIFO is now ${path}`);
    } catch (error) {
      this.#events.notice((error as Error).message);
    } finally {
      this.#isSwitching = false;
    }
  }
}
