/** A router in this process with an app in it. */

import type { FetchHandler } from '../../src/app/app-upstream.ts';
import { serve } from '../../src/main/serve.ts';
import { buildConfig, type Settings } from '../../src/options/read-config.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';

export interface AppGate extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  connect(): Promise<RawClient>;
  /** Waits for a log line. */
  logged(pattern: RegExp): Promise<string>;
}

export async function startApp(app: FetchHandler, settings: Settings = {}): Promise<AppGate> {
  const built = buildConfig({ http: '127.0.0.1:0', 'http-keepalive': '10', ...settings });
  if (built.kind === 'errors') throw new Error(built.errors.map(({ message }) => message).join('; '));
  const logs: string[] = [];
  const server = await serve(await selectRuntime(), built.config, (text) => logs.push(text.trimEnd()), app);
  const [address] = server.addresses;
  if (address.kind !== 'tcp') throw new Error('it listens elsewhere');
  const { port } = address;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connect: () => RawClient.connect({ port }),
    logged: (pattern) =>
      waitFor(`${pattern} in the log`, () => {
        server.log.flush();
        return logs.find((line) => pattern.test(line));
      }),
    async [Symbol.asyncDispose]() {
      server.destroy();
      server.log.flush();
    },
  };
}
