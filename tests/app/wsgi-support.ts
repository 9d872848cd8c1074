/** Starts Python workers for a test, and speaks uwsgi with them without a router. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppLoadError, type StuckRequest, type WsgiOptions, WsgiProcess } from '../../src/app/wsgi/wsgi-process.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { writePacketHeader } from '../../src/uwsgi/packet.ts';
import type { HttpResponse } from '../support/http-message.ts';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';

export const runtime = await selectRuntime();
/** The Python for which Debian's Flask and Django are, whatever else is on the PATH. */
export const SYSTEM = existsSync('/usr/bin/python3') ? '/usr' : null;
export const PEERS = join(ROOT, 'tests/peers');

/** A WsgiProcess with what it told. */
export class StartedWsgi {
  readonly logs: { level: string; code: string; message: string; details: Readonly<Record<string, string | number | undefined>> }[] = [];
  readonly exits: string[] = [];
  readonly stuck: StuckRequest[] = [];
  readonly process: WsgiProcess;
  readonly #folder = temporaryFolder();

  constructor(options: Partial<WsgiOptions> & { name?: string; callable?: string }) {
    const { name, callable, ...given } = options;
    this.process = new WsgiProcess(
      runtime,
      {
        path: this.#folder.file('wsgi.sock'),
        backlog: 100,
        sockets: [],
        app: { kind: 'module', name: name ?? 'wsgi_app', callable: callable ?? null },
        processes: 1,
        threads: 1,
        lazyApps: false,
        maxRequests: 0,
        maxWorkerLifetime: 0,
        harakiri: 0,
        mercy: 60_000,
        pythonPath: [],
        home: SYSTEM,
        chdir: PEERS,
        env: [['PYTHONDONTWRITEBYTECODE', '1']],
        stdio: 'ignore',
        ...given,
      },
      {
        log: (level, code, message, details) => this.logs.push({ level, code, message, details }),
        exited: (code, signal) => this.exits.push(`${code} ${signal}`),
        harakiri: (stuck) => this.stuck.push(stuck),
      },
    );
  }

  /** Log lines of one code. */
  logged(code: string): string[] {
    return this.logs.filter((line) => line.code === code).map((line) => line.message);
  }

  async connect(): Promise<RawClient> {
    return RawClient.connect({ path: this.process.path });
  }

  /** One request and its answer. */
  async request(target: string, options: { method?: string; vars?: Record<string, string>; body?: string | Uint8Array } = {}): Promise<HttpResponse> {
    await using client = await this.connect();
    client.write(requestPacket(target, options));
    return await client.readResponse({ method: options.method ?? 'GET' });
  }

  async json<T = Record<string, unknown>>(target: string, options: Parameters<StartedWsgi['request']>[1] = {}): Promise<T> {
    return JSON.parse((await this.request(target, options)).text()) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.destroy();
    await this.process.drain(0);
    await this.#folder[Symbol.asyncDispose]();
  }
}

export async function startWsgi(options: ConstructorParameters<typeof StartedWsgi>[0] = {}): Promise<StartedWsgi> {
  const started = new StartedWsgi(options);
  try {
    await started.process.start();
    return started;
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
}

/** The error that the app is refused with. */
export async function loadError(options: ConstructorParameters<typeof StartedWsgi>[0]): Promise<AppLoadError> {
  let started: StartedWsgi;
  try {
    started = await startWsgi(options);
  } catch (error) {
    if (error instanceof AppLoadError) return error;
    throw error;
  }
  await started[Symbol.asyncDispose]();
  throw new Error('the app was loaded');
}

/** The bytes of a request, with the vars that ugate's router sends, as far as apps want them. */
export function requestPacket(target: string, options: Parameters<StartedWsgi['request']>[1] = {}): Buffer {
  const [path = '', query = ''] = target.split('?');
  const body = Buffer.from(options.body ?? '');
  const vars: Record<string, string> = {
    REQUEST_METHOD: options.method ?? 'GET',
    REQUEST_URI: target,
    PATH_INFO: path,
    QUERY_STRING: query,
    SERVER_PROTOCOL: 'HTTP/1.1',
    SCRIPT_NAME: '',
    SERVER_NAME: 'host.example',
    SERVER_PORT: '8080',
    UWSGI_ROUTER: 'http',
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_PORT: '12345',
    HTTP_HOST: 'host.example:8080',
    ...(body.length > 0 ? { CONTENT_LENGTH: String(body.length) } : {}),
    ...options.vars,
  };
  return Buffer.concat([packet(Object.entries(vars)), body]);
}

export function packet(vars: readonly (readonly [string, string])[], modifier1 = 0): Buffer {
  const pieces: Buffer[] = [Buffer.alloc(4)];
  for (const text of vars.flat()) {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    pieces.push(length, Buffer.from(text, 'latin1'));
  }
  const bytes = Buffer.concat(pieces);
  writePacketHeader(bytes, bytes.length, modifier1, 0);
  return bytes;
}
