/** A client on bytes: sends exactly what it is told, and reads what comes back strictly and with a bound in time. */

import { connect, type Socket } from 'node:net';
import { type HttpResponse, parseResponse } from './http-message.ts';
import { within } from './wait.ts';

export type Target = ({ readonly port: number; readonly host?: string } | { readonly path: string }) & {
  /** Where the connection comes from: any of 127.0.0.0/8 is ours. */
  readonly localAddress?: string;
};

export interface ReadResponseOptions {
  /** Of the request this answers. Default GET. */
  method?: string;
  milliseconds?: number;
  /** Give interim answers (1xx) back too instead of reading past them. */
  interim?: boolean;
}

export class RawClient {
  /** What has arrived and was not read yet. */
  #buffer = Buffer.alloc(0);
  #closed = false;
  #error: string | null = null;
  #wake: (() => void)[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, bytes]);
      this.#changed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
    const over = (): void => {
      this.#closed = true;
      this.#changed();
    };
    socket.on('end', over);
    socket.on('close', over);
  }

  static connect(target: Target): Promise<RawClient> {
    const attempt = new Promise<RawClient>((resolve, reject) => {
      // The half-open side is wanted: tests send FIN and go on reading.
      const socket = connect({ host: '127.0.0.1', ...target, allowHalfOpen: true });
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new RawClient(socket));
      });
    });
    return within(5000, `a connection to ${JSON.stringify(target)}`, attempt);
  }

  /** Bytes that arrived and were not read, for messages and for "nothing came". */
  get unread(): Buffer {
    return this.#buffer;
  }

  /** The peer closed or reset; `error` tells which. */
  get closed(): boolean {
    return this.#closed;
  }

  get error(): string | null {
    return this.#error;
  }

  /** This side's port. */
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** Strings are latin1: one character, one byte. */
  write(data: string | Uint8Array): void {
    this.#socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Writes and waits until the kernel has taken it all. */
  flush(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Sends FIN; reading goes on. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends with RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Takes everything up to and with `mark`. */
  async readUntil(mark: string | Uint8Array, milliseconds = 5000): Promise<Buffer> {
    const needle = typeof mark === 'string' ? Buffer.from(mark, 'latin1') : mark;
    const found = await this.#when(`${JSON.stringify(mark)}`, milliseconds, () => {
      const at = this.#buffer.indexOf(needle);
      if (at < 0 && this.#closed) throw new Error(`the connection closed without ${JSON.stringify(mark)}: ${this.#state()}`);
      return at < 0 ? null : at + needle.length;
    });
    return this.#take(found);
  }

  /** Takes exactly `length` bytes. */
  async readBytes(length: number, milliseconds = 5000): Promise<Buffer> {
    await this.#when(`${length} bytes`, milliseconds, () => {
      if (this.#buffer.length < length && this.#closed) throw new Error(`the connection closed before ${length} bytes: ${this.#state()}`);
      return this.#buffer.length >= length ? true : null;
    });
    return this.#take(length);
  }

  /** Takes the next response. Interim ones are read past unless asked for. */
  async readResponse(options: ReadResponseOptions = {}): Promise<HttpResponse> {
    const method = options.method ?? 'GET';
    for (;;) {
      const parsed = await this.#when('a response', options.milliseconds ?? 10_000, () => {
        if (this.#closed && this.#buffer.length === 0) throw new Error(`the connection closed without a response (${this.#error ?? 'no error'})`);
        return parseResponse(this.#buffer, method, this.#closed);
      });
      this.#take(parsed.length);
      if (parsed.response.status >= 200 || parsed.response.status === 101 || options.interim) return parsed.response;
    }
  }

  /** Waits until the peer has closed, and takes all that came before. */
  async readToEnd(milliseconds = 10_000): Promise<Buffer> {
    await this.#when('the end of the connection', milliseconds, () => (this.#closed ? true : null));
    return this.#take(this.#buffer.length);
  }

  /** One request on this connection, read strictly. */
  async request(head: string, options: ReadResponseOptions = {}): Promise<HttpResponse> {
    this.write(head);
    return this.readResponse({ method: head.split(' ', 1)[0] ?? 'GET', ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  #take(length: number): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, length));
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  #state(): string {
    return `${this.#error ?? 'no error'}, unread ${JSON.stringify(this.#buffer.toString('latin1').slice(0, 300))}`;
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** The first non-null value of `look`, which is asked after every change. */
  #when<T>(what: string, milliseconds: number, look: () => T | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake = this.#wake.filter((wake) => wake !== again);
        reject(new Error(`waited ${milliseconds} ms for ${what}: ${this.#state()}`));
      }, milliseconds);
      const again = (): void => {
        try {
          const value = look();
          if (value === null) {
            this.#wake.push(again);
            return;
          }
          clearTimeout(timer);
          resolve(value);
        } catch (error) {
          clearTimeout(timer);
          reject(error);
        }
      };
      again();
    });
  }
}

/** Opens a connection, sends `request`, reads one response and closes. */
export async function exchange(target: Target, request: string, options: ReadResponseOptions = {}): Promise<HttpResponse> {
  await using client = await RawClient.connect(target);
  return await client.request(request, options);
}
