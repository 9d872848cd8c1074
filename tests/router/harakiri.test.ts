/** `harakiri`: a worker that is gone behind so long was killed over the request, and its client is told so. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep } from '../support/wait.ts';
import { get, raw } from './support.ts';
import { nodeAt, Wired } from './wired.ts';

const HARAKIRI_MS = 900;

function after(ms: number, does: 'end' | 'reset' | 'half'): Script {
  return async (received, reply) => {
    await received.complete();
    await sleep(ms);
    if (does === 'half') await reply.write('HTTP/1.1 200');
    if (does === 'reset') reply.reset();
  };
}

async function ask(script: Script, harakiri: number): Promise<string> {
  await using backend = await UwsgiBackend.listen(script);
  await using wired = await Wired.start([nodeAt('uwsgi', backend.address, { harakiri })]);
  await using client = await wired.connect();
  const response = await client.request(get());
  assert.equal(wired.logs.filter((line) => line.includes(`code=${response.text().split(': ')[1]?.trim()}`)).length, 1);
  return response.text();
}

for (const does of ['end', 'reset', 'half'] as const) {
  test(`the node is gone (${does}) behind the time it had: 504`, async () => {
    assert.equal(await ask(after(HARAKIRI_MS, does), HARAKIRI_MS), '504 Gateway Timeout: harakiri\n');
    assert.match(await ask(after(0, does), HARAKIRI_MS), /^502 .*: upstream-(empty|reset|truncated-head)\n$/);
    assert.match(await ask(after(HARAKIRI_MS, does), 0), /^502 /);
  });
}

test('an answer that is no answer is the node’s fault, however long it took', async () => {
  const script: Script = async (received, to) => {
    await sleep(HARAKIRI_MS);
    await raw('220 smtp\r\n\r\n')(received, to);
  };
  assert.match(await ask(script, HARAKIRI_MS), /^502 .*: upstream-bad-status-line\n$/);
});
