/**
 * A uwsgi backend for tests: reads packets strictly, records them with their bodies, and answers whatever bytes
 * the test scripts, as slowly and as brokenly as it likes.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { listenServer } from './listen-server.ts';
import { sleep, waitFor } from './wait.ts';

/** One request as it arrived. Text is latin1: one character, one byte. */
export interface RecordedRequest {
  readonly modifier1: number;
  readonly modifier2: number;
  /** Every variable in order, doubles included. */
  readonly list: readonly (readonly [key: string, value: string])[];
  /** The same as a map; the last of doubles wins, as in WSGI. */
  readonly vars: ReadonlyMap<string, string>;
  /** Header and variables, byte by byte. */
  readonly packet: Buffer;
  /** Everything behind the packet so far. */
  readonly body: Buffer;
  /** Its length, which is cheaper to ask for while it grows. */
  readonly received: number;
  /** Used by the backend as bytes arrive. */
  add(bytes: Buffer): void;
  /** The router sent FIN. */
  ended: boolean;
  /** The connection is gone; `reset` when it was not orderly. */
  closed: boolean;
  reset: boolean;
  /** Resolves once CONTENT_LENGTH bytes of body are here. */
  complete(): Promise<void>;
}

export interface Reply {
  /** Resolves when the kernel has taken the bytes. Strings are latin1. */
  write(data: string | Uint8Array): Promise<void>;
  /** Sends FIN. Happens by itself at the end of the script. */
  end(): void;
  /** Ends with RST. */
  reset(): void;
  /** Stops and restarts reading. */
  pause(): void;
  resume(): void;
}

/** Called as soon as the packet is complete; most scripts `await request.complete()` first. */
export type Script = (request: RecordedRequest, reply: Reply) => void | Promise<void>;

/** A plain answer with a length, once the body is here. */
export function answer(body: string, head = 'HTTP/1.1 200 OK\r\n'): Script {
  return async (request, reply) => {
    await request.complete();
    await reply.write(`${head}Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
}

export class UwsgiBackend {
  readonly requests: RecordedRequest[] = [];
  /** Breaches of the protocol by the router. A test that does not expect any asserts that this is empty. */
  readonly errors: string[] = [];
  /** How many connections were made. */
  connections = 0;
  /** What the next requests are answered with; may be changed at any time. */
  script: Script;
  /** As `--http-to` wants it. */
  address = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  /** @param path a unix socket to listen on; without it a port of 127.0.0.1. */
  static async listen(script: Script, path?: string): Promise<UwsgiBackend> {
    const backend = new UwsgiBackend(script);
    const port = await listenServer(backend.#server, path);
    backend.address = port !== null ? `127.0.0.1:${port}` : (path ?? '');
    return backend;
  }

  /** The nth request, waited for. */
  request(index = 0, milliseconds = 5000): Promise<RecordedRequest> {
    return waitFor(`request ${index} at the backend (errors: ${this.errors.join('; ')})`, () => this.requests[index], milliseconds);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    let head = Buffer.alloc(0);
    let request: RecordedRequest | null = null;
    let broken = false;
    socket.on('data', (bytes: Buffer) => {
      if (broken) return;
      if (request !== null) {
        request.add(bytes);
        return;
      }
      head = Buffer.concat([head, bytes]);
      try {
        request = readPacket(head);
      } catch (error) {
        this.errors.push(String(error));
        broken = true;
        socket.destroy();
        return;
      }
      if (request === null) return;
      this.requests.push(request);
      this.#answer(request, socket);
    });
    socket.on('end', () => {
      if (request !== null) request.ended = true;
      else if (head.length > 0 && !broken) this.errors.push(`the router ended inside a packet: ${head.length} bytes`);
      if (request === null) socket.end();
    });
    socket.on('error', () => {
      if (request !== null) request.reset = true;
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (request !== null) request.closed = true;
    });
  }

  #answer(request: RecordedRequest, socket: Socket): void {
    const reply: Reply = {
      write: (data) =>
        new Promise((resolve, reject) => {
          const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
          socket.write(bytes, (error) => (error ? reject(error) : resolve()));
        }),
      end: () => void socket.end(),
      reset: () => void socket.resetAndDestroy(),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
    };
    // A router that went away makes a script's writes fail: that is for the test to see on the request, not a crash.
    Promise.resolve()
      .then(() => this.script(request, reply))
      .then(
        () => socket.end(),
        (error) => {
          if (!socket.destroyed) this.errors.push(`script: ${String(error)}`);
          socket.destroy();
        },
      );
  }
}

/**
 * Reads the packet at the start of `bytes`; what follows is the beginning of the body. Null when it is not complete.
 * @throws when the variables do not fill the announced size exactly, or a key is empty
 */
export function readPacket(bytes: Buffer): RecordedRequest | null {
  if (bytes.length < 4) return null;
  const size = bytes.readUInt16LE(1);
  const end = 4 + size;
  if (bytes.length < end) return null;
  const list: [string, string][] = [];
  let at = 4;
  const field = (): string => {
    if (at + 2 > end) throw new Error(`packet: a length is cut off at ${at} of ${end}`);
    const length = bytes.readUInt16LE(at);
    at += 2;
    if (at + length > end) throw new Error(`packet: ${length} bytes at ${at} run over the end at ${end}`);
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  while (at < end) {
    const key = field();
    if (key === '') throw new Error('packet: an empty key');
    list.push([key, field()]);
  }
  const vars = new Map(list);
  const length = Number(vars.get('CONTENT_LENGTH') || 0);
  let pieces: Buffer[] = [Buffer.from(bytes.subarray(end))];
  let received = bytes.length - end;
  const request: RecordedRequest = {
    modifier1: bytes[0] ?? 0,
    modifier2: bytes[3] ?? 0,
    list,
    vars,
    packet: Buffer.from(bytes.subarray(0, end)),
    get body() {
      // Joined only when somebody looks: a long upload comes in thousands of pieces.
      if (pieces.length > 1) pieces = [Buffer.concat(pieces)];
      return pieces[0] ?? Buffer.alloc(0);
    },
    get received() {
      return received;
    },
    add: (piece) => {
      pieces.push(piece);
      received += piece.length;
    },
    ended: false,
    closed: false,
    reset: false,
    complete: async () => {
      await waitFor(`${length} body bytes`, () => request.received >= length || request.closed, 20_000);
    },
  };
  return request;
}

/** Gives `bytes` piece by piece, with a pause between the pieces. */
export async function drip(reply: Reply, bytes: string, size = 1, milliseconds = 1): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    await reply.write(bytes.slice(at, at + size));
    await sleep(milliseconds);
  }
}
