/** A router in this process in front of scripted HTTP nodes. */

import type { Settings } from '../../src/options/read-config.ts';
import { type Gate, startGate } from '../router/support.ts';
import { HttpBackend, type HttpScript, reply } from '../support/http-backend.ts';

/** A router in front of one HTTP node with this script. Breaches of the protocol towards it fail the test. */
export async function withHttpNode(
  script: HttpScript = reply('ok'),
  settings: Settings = {},
): Promise<{ gate: Gate; backend: HttpBackend } & AsyncDisposable> {
  const backend = await HttpBackend.listen(script);
  const gate = await startGate({ 'http-to': backend.address, ...settings });
  return {
    gate,
    backend,
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await backend.stop();
      if (backend.errors.length > 0) throw new Error(backend.errors.join('; '));
    },
  };
}
