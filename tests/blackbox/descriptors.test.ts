/** Few descriptors and many clients: each is answered, or waits; nobody is closed without a word. */

import assert from 'node:assert/strict';
import { startLimited, tally } from '../faults/support.ts';
import { request } from '../router/support.ts';
import type { RawClient } from '../support/raw-client.ts';
import { underTest } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep } from '../support/wait.ts';
import { blackbox } from './front.ts';

const BODY = 'x'.repeat(20_000);
const UPLOAD = request('POST', '/', `Content-Length: ${BODY.length}`, 'Connection: close') + BODY;

/** The status, or that the connection ended without one. */
async function fate(client: RawClient): Promise<string> {
  try {
    return String((await client.request(UPLOAD, { milliseconds: 40_000 })).status);
  } catch (error) {
    return /closed/.test(String(error)) ? 'closed' : String(error);
  } finally {
    client.destroy();
  }
}

for (const [title, files, args] of [
  ['', 64, []],
  [' and two routers', 64, ['--http-processes', '2']],
] as const) {
  blackbox(
    `F15: 200 uploads with ${files} descriptors${title}: each is answered`,
    { differs: 'it closes clients, or says nothing, when accept fails' },
    async () => {
      await using backend = await UwsgiBackend.listen(answer('ok'));
      // Every client may come: it is the descriptors that are short.
      await using gate = await startLimited(
        `ulimit -n ${files}`,
        ['--http-to', backend.address, '--http-max-connections', '1000', ...args],
        {},
        'all',
      );
      // Deno 2.9 sets up a signal handler about 0.6 s after its start, and panics when there is no descriptor for it just then.
      if (underTest() === 'deno') await sleep(1200);
      const clients = await Promise.all(Array.from({ length: 200 }, () => gate.connect()));
      const fates = tally(await Promise.all(clients.map(fate)));
      const said = `${JSON.stringify(fates)}\n${gate.process.stderr.slice(-2000)}`;
      assert.equal((fates['200'] ?? 0) + (fates['503'] ?? 0), 200, said);
      assert.ok((fates['200'] ?? 0) >= 20, said);
      if (gate.process.stderr.includes('code=accept-failed')) await gate.logged(/code=accepting-again/, 10_000);
    },
  );
}
