/** An HTTP backend for tests: reads requests strictly, records them, and answers whatever bytes the test scripts, on connections that live on. */

import { createServer, type Server, type Socket } from 'node:net';
import { parseChunked } from './http-message.ts';
import { listenServer } from './listen-server.ts';
import { waitFor } from './wait.ts';

/** One request as it arrived. Text is latin1: one character, one byte. */
export interface HttpRequest {
  /** Number of the connection it came on, from 0. */
  readonly connection: number;
  /** Number of the request on its connection, from 0. */
  readonly turn: number;
  readonly method: string;
  readonly target: string;
  /** In the order sent, names as sent. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The value of a field that comes once; null when absent. Throws when it comes twice. */
  field(name: string): string | null;
  /** Without its framing; complete once `complete` resolves. */
  readonly body: Buffer;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  complete(): Promise<void>;
}

export interface HttpReply {
  /** Strings are latin1. Resolves when the kernel has taken the bytes. */
  write(data: string | Uint8Array): Promise<void>;
  /** Sends FIN. */
  end(): void;
  /** Ends with RST. */
  reset(): void;
  readonly socket: Socket;
}

/** Called as soon as a head is complete. */
export type HttpScript = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

/** A plain answer with a length, once the body is here; the connection stays open. */
export function reply(body: string, ...fields: string[]): HttpScript {
  return async (request, to) => {
    await request.complete();
    await to.write(
      `${['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields].join('\r\n')}\r\n\r\n${request.method === 'HEAD' ? '' : body}`,
    );
  };
}

export class HttpBackend {
  readonly requests: HttpRequest[] = [];
  /** Breaches of the protocol by the router. */
  readonly errors: string[] = [];
  connections = 0;
  /** How many of them were closed by the router or by us. */
  closed = 0;
  script: HttpScript;
  /** What is done with a new connection, before anything is read. */
  accepted: (socket: Socket, connection: number) => void = () => {};
  /** As `http-to` wants it. */
  address = '';
  readonly #server: Server;
  readonly sockets = new Set<Socket>();

  private constructor(script: HttpScript) {
    this.script = script;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  /** @param path a unix socket to listen on; without it a port of 127.0.0.1 */
  static async listen(script: HttpScript, path?: string): Promise<HttpBackend> {
    const backend = new HttpBackend(script);
    const port = await listenServer(backend.#server, path);
    backend.address = port !== null ? `http://127.0.0.1:${port}` : `http:${path}`;
    return backend;
  }

  /** The nth request, waited for. */
  request(index = 0): Promise<HttpRequest> {
    return waitFor(`request ${index} at the backend (errors: ${this.errors.join('; ')})`, () => this.requests[index]);
  }

  /** Listens no more; connections live on. */
  close(): void {
    this.#server.close();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #serve(socket: Socket): void {
    const connection = this.connections++;
    this.sockets.add(socket);
    let bytes = Buffer.alloc(0);
    let turn = 0;
    let current: Reading | null = null;
    const readOn = (): void => {
      for (;;) {
        if (current !== null) {
          const taken: number = current.feed(bytes);
          if (taken === -1) return;
          bytes = bytes.subarray(taken);
          current = null;
        }
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return;
        current = new Reading(bytes.toString('latin1', 0, end), connection, turn++);
        bytes = bytes.subarray(end + 4);
        this.requests.push(current);
        this.#answer(current, socket);
        if (current.isTunnel) return;
      }
    };
    socket.on('data', (more: Buffer) => {
      if (current?.isTunnel) return;
      bytes = Buffer.concat([bytes, more]);
      try {
        readOn();
      } catch (error) {
        this.errors.push(String(error));
        socket.destroy();
      }
    });
    socket.on('end', () => {
      if (bytes.length > 0 || (current !== null && !current.isTunnel && !current.isComplete))
        this.errors.push(`FIN inside a request: ${bytes.toString('latin1')}`);
      if (!current?.isTunnel) socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed++;
      if (current !== null) current.isGone = true;
      this.sockets.delete(socket);
    });
    this.accepted(socket, connection);
  }

  #answer(request: HttpRequest, socket: Socket): void {
    const to: HttpReply = {
      socket,
      write: (data) =>
        new Promise((resolve, reject) => {
          socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, (error) => (error ? reject(error) : resolve()));
        }),
      end: () => void socket.end(),
      reset: () => void socket.resetAndDestroy(),
    };
    // A router that went away makes a script's writes fail: that is for the test to see, not a crash.
    Promise.resolve()
      .then(() => this.script(request, to))
      .catch((error) => {
        if (!socket.destroyed) this.errors.push(`script: ${String(error)}`);
        socket.destroy();
      });
  }
}

/** A request whose body is still coming. */
class Reading implements HttpRequest {
  readonly connection: number;
  readonly turn: number;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  body: Buffer = Buffer.alloc(0);
  trailers: readonly (readonly [string, string])[] = [];
  isComplete = false;
  /** Its connection is closed. */
  isGone = false;
  readonly #length: number;
  readonly #isChunked: boolean;

  constructor(head: string, connection: number, turn: number) {
    this.connection = connection;
    this.turn = turn;
    const [line = '', ...lines] = head.split('\r\n');
    const match = /^([!-~]+) ([!-~]+) HTTP\/1\.1$/.exec(line);
    if (match === null) throw new Error(`bad request line ${JSON.stringify(line)}`);
    this.method = match[1] ?? '';
    this.target = match[2] ?? '';
    this.fields = lines.map((text) => {
      const field = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(text);
      if (field === null) throw new Error(`bad field line ${JSON.stringify(text)}`);
      return [field[1] ?? '', field[2] ?? ''] as const;
    });
    this.#isChunked = this.field('transfer-encoding') !== null;
    const length = this.field('content-length');
    if (this.#isChunked && length !== null) throw new Error('both Content-Length and Transfer-Encoding');
    if (this.field('host') === null) throw new Error('no Host');
    this.#length = Number(length ?? 0);
  }

  get isTunnel(): boolean {
    return this.field('upgrade') !== null;
  }

  field(name: string): string | null {
    const values = this.fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    if (values.length > 1) throw new Error(`${values.length} ${name} fields`);
    return values[0] ?? null;
  }

  /** How many bytes belonged to the body, once it is complete; −1 before. */
  feed(bytes: Buffer): number {
    if (this.#isChunked) {
      const parsed = parseChunked(bytes, 0);
      if (parsed === null) return -1;
      this.body = parsed.body;
      this.trailers = parsed.trailers;
      this.isComplete = true;
      return parsed.end;
    }
    if (bytes.length < this.#length) return -1;
    this.body = Buffer.from(bytes.subarray(0, this.#length));
    this.isComplete = true;
    return this.#length;
  }

  async complete(): Promise<void> {
    await waitFor('the request to be complete', () => this.isComplete || this.isGone, 20_000);
    if (!this.isComplete) throw new Error('the connection closed before the request was complete');
  }
}
