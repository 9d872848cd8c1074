/**
 * An HTTP node of the corpus: reads request after request off connections that live on, and forgives nothing. A byte too many in one
 * request is the start of the next, so that what was smuggled becomes a request of its own, or a breach. Clients are told apart by
 * their address, the last of X-Forwarded-For.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { modelPath } from '../fuzz/packet-model.ts';
import { parseChunked } from '../support/http-message.ts';
import { within } from '../support/wait.ts';
import { echoAnswer, type Note, type Recorded, type RecordingNode } from './recorded.ts';

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/1\.1$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const SIZE_LINE = /^[0-9a-fA-F]{1,16}(;[\t\x20-\x7e]*)?$/;
/** All that ugate may say of its own connection to a node. */
const CONNECTION = /^(TE|upgrade|upgrade, TE)$/;

export class HttpNode implements RecordingNode {
  readonly errors: string[] = [];
  readonly #note: Note;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(note: Note) {
    this.#note = note;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
  }

  static async listen(note: Note): Promise<HttpNode> {
    const node = new HttpNode(note);
    await within(5000, 'the node to listen', new Promise<void>((resolve) => node.#server.listen(0, '127.0.0.1', resolve)));
    return node;
  }

  get address(): string {
    const bound = this.#server.address();
    return `http://127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let bytes = Buffer.alloc(0);
    let current: Incoming | null = null;
    const readOn = (): void => {
      for (;;) {
        if (current === null) {
          const end = bytes.indexOf('\r\n\r\n');
          if (end < 0) return;
          current = new Incoming(bytes.toString('latin1', 0, end));
          this.#note(current.client, current);
          bytes = bytes.subarray(end + 4);
        }
        const length = current.read(bytes);
        if (length < 0) return;
        socket.write(echoAnswer(current), 'latin1');
        bytes = bytes.subarray(length);
        current = null;
      }
    };
    socket.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more]);
      try {
        readOn();
      } catch (error) {
        this.errors.push(`${error instanceof Error ? error.message : error} in ${JSON.stringify(bytes.toString('latin1').slice(0, 500))}`);
        socket.destroy();
      }
    });
    socket.on('end', () => {
      if (current === null && bytes.length > 0) this.errors.push(`the connection ends inside a head: ${JSON.stringify(bytes.toString('latin1'))}`);
      socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      current?.breakOff();
    });
  }
}

/** A request whose body may still be coming. */
class Incoming implements Recorded {
  readonly client: string;
  readonly vars: Map<string, string>;
  readonly faults: readonly string[];
  isOver = false;
  isBroken = false;
  readonly #length: number;
  readonly #isChunked: boolean;
  #data: Buffer[] = [];
  /** Where the next chunk begins. */
  #at = 0;

  constructor(head: string) {
    const [first = '', ...lines] = head.split('\r\n');
    const line = REQUEST_LINE.exec(first);
    if (line === null) throw new Error(`a bad request line: ${JSON.stringify(first)}`);
    const fields = new Fields(lines);
    const length = fields.single('content-length');
    const coding = fields.single('transfer-encoding');
    if (length !== null && !/^\d+$/.test(length)) throw new Error(`Content-Length: ${length}`);
    if (coding !== null && (length !== null || coding !== 'chunked')) throw new Error(`Transfer-Encoding: ${coding}, Content-Length: ${length}`);
    this.#length = Number(length ?? 0);
    this.#isChunked = coding !== null;
    const vars = fields.vars(line[1]!, line[2]!, this.#isChunked);
    this.client = vars.client;
    this.vars = vars.map;
    this.faults = vars.faults;
  }

  /** Of chunks the whole ones. */
  get body(): Buffer {
    if (this.#data.length !== 1) this.#data = [Buffer.concat(this.#data)];
    return this.#data[0]!;
  }

  get received(): number {
    return this.body.length;
  }

  breakOff(): void {
    this.isOver = true;
    this.isBroken = true;
  }

  /** How many of the bytes behind the head belong to the body once it is complete; −1 before. Each time there are more of the same. */
  read(bytes: Buffer): number {
    const length = this.#isChunked ? this.#readChunks(bytes) : this.#readLength(bytes);
    this.isOver = length >= 0;
    return length;
  }

  #readLength(bytes: Buffer): number {
    this.#data = [Buffer.from(bytes.subarray(0, this.#length))];
    return bytes.length >= this.#length ? this.#length : -1;
  }

  #readChunks(bytes: Buffer): number {
    for (;;) {
      const lineEnd = bytes.indexOf('\r\n', this.#at);
      if (lineEnd < 0) return -1;
      const line = bytes.toString('latin1', this.#at, lineEnd);
      if (!SIZE_LINE.test(line)) throw new Error(`a bad size line: ${JSON.stringify(line)}`);
      const end = lineEnd + 2 + Number.parseInt(line, 16) + 2;
      if (end === lineEnd + 4) return this.#readTrailers(bytes);
      if (bytes.length < end) return -1;
      if (bytes.toString('latin1', end - 2, end) !== '\r\n') throw new Error('a chunk without its CRLF');
      this.#data.push(Buffer.from(bytes.subarray(lineEnd + 2, end - 2)));
      this.#at = end;
    }
  }

  #readTrailers(bytes: Buffer): number {
    const parsed = parseChunked(bytes, this.#at);
    if (parsed === null) return -1;
    // As CGI says it of a body that has come whole.
    this.vars.set('CONTENT_LENGTH', String(this.received));
    return parsed.end;
  }
}

class Fields {
  readonly #fields: readonly (readonly [name: string, value: string])[];

  constructor(lines: readonly string[]) {
    this.#fields = lines.map((text) => {
      const match = FIELD_LINE.exec(text);
      if (match === null) throw new Error(`a bad field line: ${JSON.stringify(text)}`);
      return [match[1]!, match[2]!] as const;
    });
  }

  /** Throws when it comes twice. */
  single(name: string): string | null {
    const values = this.#fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    if (values.length > 1) throw new Error(`${values.length} ${name} fields`);
    return values[0] ?? null;
  }

  /** As CGI names them. What ugate says for itself, of the client and of the connection, is checked and taken out. */
  vars(
    method: string,
    target: string,
    isChunked: boolean,
  ): { readonly client: string; readonly map: Map<string, string>; readonly faults: string[] } {
    const faults: string[] = [];
    const [path = '', ...query] = target.split('?');
    const map = new Map([
      ['REQUEST_METHOD', method],
      ['REQUEST_URI', target],
      ['PATH_INFO', target === '*' ? target : (modelPath(path) ?? path)],
      ['QUERY_STRING', query.join('?')],
    ]);
    for (const [name, value] of this.#fields) {
      // For CGI the two are one: a name with an underscore keeps its spelling here.
      const key = name.includes('_') ? name : cgiName(name);
      const before = map.get(key);
      map.set(key, before === undefined ? value : `${before}${key === 'HTTP_COOKIE' ? '; ' : ', '}${value}`);
    }
    const told = (map.get('HTTP_X_FORWARDED_FOR') ?? '').split(', ');
    const client = told.pop()!;
    setOrDelete(map, 'HTTP_X_FORWARDED_FOR', told.join(', '));
    const host = this.single('host');
    if (host === null) faults.push('no Host');
    if (this.single('x-forwarded-proto') !== 'http') faults.push('no X-Forwarded-Proto');
    const forwardedHost = this.single('x-forwarded-host');
    if (forwardedHost !== host && forwardedHost !== null) faults.push(`X-Forwarded-Host is ${forwardedHost}`);
    const connection = this.single('connection');
    if (connection !== null && !CONNECTION.test(connection)) faults.push(`Connection: ${connection}`);
    if ((connection?.includes('upgrade') ?? false) !== map.has('HTTP_UPGRADE'))
      faults.push(`Connection: ${connection}, Upgrade: ${map.get('HTTP_UPGRADE')}`);
    if ((connection?.includes('TE') ?? false) !== (map.get('HTTP_TE') === 'trailers'))
      faults.push(`Connection: ${connection}, TE: ${map.get('HTTP_TE')}`);
    for (const ours of ['X_FORWARDED_PROTO', 'X_FORWARDED_HOST', 'CONNECTION', 'TE']) map.delete(`HTTP_${ours}`);
    if (isChunked) map.delete('HTTP_TRANSFER_ENCODING');
    return { client, map, faults };
  }
}

function cgiName(name: string): string {
  const upper = name.toUpperCase().replaceAll('-', '_');
  return upper === 'CONTENT_LENGTH' || upper === 'CONTENT_TYPE' ? upper : `HTTP_${upper}`;
}

function setOrDelete(map: Map<string, string>, key: string, value: string): void {
  if (value === '') map.delete(key);
  else map.set(key, value);
}
