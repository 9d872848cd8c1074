import { formatAddress, type ListenAddress, parseListenAddress } from '../net/address.ts';
import type { HeldSocket } from './held-socket.ts';
import type { NetHandle } from './net-handle.ts';
import type { Parent } from './seam/processes.ts';
import type { BoundSocket } from './seam/sockets.ts';

/**
 * The environment variable by which a child knows that it is ours: test runners and process managers spawn with message channels too.
 * Only what the adapters need of each other goes this way; all else is a message.
 */
export const MARKER = 'UGATE_CHILD';

/** How often it is looked whether the parent is there, in ms: Deno does not always tell when it died, such as while it hands a socket over. */
const LOOK_MS = 500;

/** What the marker says. */
export interface Birth {
  /** The process id of who spawned us. By the time we ask, ours may have another parent. */
  readonly parent: number;
  readonly sockets: readonly { readonly address: string; readonly backlog: number }[];
}

export function birthText(sockets: readonly HeldSocket[]): string {
  const birth: Birth = {
    parent: process.pid,
    sockets: sockets.map(({ address, backlog }) => ({ address: formatAddress(address), backlog })),
  };
  return JSON.stringify(birth);
}

/** Takes the marker out of the environment, where the user's app and its children would see it. Null in a process that is not ours. */
export function takeBirth(): Birth | null {
  const text = process.env[MARKER];
  if (text === undefined) return null;
  delete process.env[MARKER];
  return process.send === undefined ? null : JSON.parse(text);
}

/** Makes a bound socket of what was handed over: the descriptor of that number, or the handle that came by message. */
export type Adopt = (address: ListenAddress, backlog: number, from: { fd: number } | { handle: NetHandle }) => HeldSocket;

/** The parent at the other end of the message channel. */
export class ChannelParent implements Parent {
  readonly #birth: Birth;
  readonly #adopt: Adopt;
  readonly #adopted: HeldSocket[] = [];
  readonly #complete = Promise.withResolvers<readonly BoundSocket[]>();
  /** What came before anybody wanted it. */
  #early: unknown[] = [];
  #message: ((value: unknown) => void) | null = null;
  /** Waits for one message. */
  #next: ((value: unknown) => void) | null = null;
  #disconnected: (() => void) | null = null;
  #isOpen = true;
  readonly #look: ReturnType<typeof setInterval>;

  /** @param byMessage whether sockets come as handles in messages (Deno), and not as descriptors from 3 on */
  constructor(birth: Birth, adopt: Adopt, byMessage: boolean) {
    this.#birth = birth;
    this.#adopt = adopt;
    // Nobody may have asked for them when the parent dies.
    this.#complete.promise.catch(() => {});
    if (!byMessage) for (let fd = 3; this.#adopted.length < birth.sockets.length; fd++) this.#got({ fd });
    this.#completeMaybe();
    process.on('message', (value, handle) => {
      if (handle === undefined || handle === null) this.#tell(value);
      else this.#got({ handle: handle as unknown as NetHandle });
    });
    process.on('disconnect', () => this.#ended());
    this.#look = setInterval(() => {
      if (process.ppid !== birth.parent) this.#ended();
    }, LOOK_MS);
    this.#look.unref();
    // It was gone before anybody listened: then there is no event (Node, Deno).
    if (!process.connected) this.#ended();
  }

  send(value: unknown): boolean {
    if (!this.#isOpen || !process.connected) return false;
    const failed = (error: Error | null): void => {
      if (error !== null) this.#isOpen = false;
    };
    process.send!(value, undefined, undefined, failed);
    return true;
  }

  next(): Promise<unknown> {
    if (this.#early.length > 0) return Promise.resolve(this.#early.shift());
    return new Promise((resolve) => {
      this.#next = resolve;
    });
  }

  onMessage(handler: (value: unknown) => void): void {
    queueMicrotask(() => {
      this.#message = handler;
      const early = this.#early;
      this.#early = [];
      for (const value of early) handler(value);
    });
  }

  onDisconnect(handler: () => void): void {
    this.#disconnected = handler;
    if (!this.#isOpen) queueMicrotask(handler);
  }

  disconnect(): void {
    this.#disconnected = null;
    this.#isOpen = false;
    clearInterval(this.#look);
    if (process.connected) process.disconnect?.();
  }

  sockets(): Promise<readonly BoundSocket[]> {
    return this.#complete.promise;
  }

  #tell(value: unknown): void {
    if (this.#message !== null) return this.#message(value);
    const next = this.#next;
    this.#next = null;
    if (next === null) this.#early.push(value);
    else next(value);
  }

  #got(from: { fd: number } | { handle: NetHandle }): void {
    const { address, backlog } = this.#birth.sockets[this.#adopted.length]!;
    this.#adopted.push(this.#adopt(parseListenAddress(address), backlog, from));
    this.#completeMaybe();
  }

  #completeMaybe(): void {
    if (this.#adopted.length === this.#birth.sockets.length) this.#complete.resolve(this.#adopted);
  }

  #ended(): void {
    this.#isOpen = false;
    clearInterval(this.#look);
    this.#complete.reject(new Error('the parent process is gone'));
    this.#disconnected?.();
  }
}
