/** A router in this process in front of scripted backends. */

import { serve } from '../../src/main/serve.ts';
import type { ListenAddress } from '../../src/net/address.ts';
import { buildConfig, type Settings } from '../../src/options/read-config.ts';
import type { Runtime } from '../../src/runtime/seam.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { RawClient, type Target } from '../support/raw-client.ts';
import { answer, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';

export interface Gate extends AsyncDisposable {
  /** Of the first listener. */
  readonly port: number;
  /** Where each listener is reached: `http` first, then `http-to-https`. */
  readonly targets: readonly Target[];
  /** The lines so far. */
  readonly logs: readonly string[];
  connect(): Promise<RawClient>;
  /** Waits for a log line. */
  logged(pattern: RegExp): Promise<string>;
  stop(): Promise<void>;
  destroy(): void;
}

/** Starts a router with options as in an ini file, on a port of its own; on a runtime of the test's, such as one with another clock. */
export async function startGate(settings: Settings, runtime?: Runtime): Promise<Gate> {
  const built = buildConfig({ http: '127.0.0.1:0', ...settings });
  if (built.kind === 'errors') throw new Error(built.errors.map(({ message }) => message).join('; '));
  const logs: string[] = [];
  const server = await serve(runtime ?? (await selectRuntime()), built.config, (text) => logs.push(...text.trimEnd().split('\n')));
  const targets = server.addresses.map(targetOf);
  const [first] = targets;
  return {
    port: 'port' in first ? first.port : 0,
    targets,
    get logs() {
      server.log.flush();
      return logs;
    },
    connect: () => RawClient.connect(first),
    logged: (pattern) => waitFor(`${pattern} in the log`, () => logs.find((line) => pattern.test(line))),
    stop: () => server.stop(),
    destroy: () => server.destroy(),
    async [Symbol.asyncDispose]() {
      server.destroy();
      server.log.flush();
    },
  };
}

function targetOf(address: ListenAddress): Target {
  if (address.kind === 'fd') throw new Error('where it listens is not known');
  return address.kind === 'unix' ? { path: address.path } : { port: address.port, host: address.host };
}

/** A router in front of one backend with this script. */
export async function withBackend(
  script: Script = answer('ok'),
  settings: Settings = {},
): Promise<{ gate: Gate; backend: UwsgiBackend } & AsyncDisposable> {
  const backend = await UwsgiBackend.listen(script);
  const gate = await startGate({ 'http-to': backend.address, ...settings });
  return {
    gate,
    backend,
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await backend.stop();
    },
  };
}

/** A request head on one line of test code: `get('/path', 'Name: value')`. */
export function get(path = '/', ...fields: string[]): string {
  return request('GET', path, ...fields);
}

export function request(method: string, path: string, ...fields: string[]): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: test', ...fields].join('\r\n')}\r\n\r\n`;
}

/** A backend script that writes these bytes and closes. */
export function raw(...pieces: string[]): Script {
  return async (received, reply) => {
    await received.complete();
    for (const piece of pieces) await reply.write(piece);
  };
}
