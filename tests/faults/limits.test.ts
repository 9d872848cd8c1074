/** Too few descriptors, and no room on the disk: ugate says so, serves whom it can, and is well again afterwards. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { request } from '../router/support.ts';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { underTest } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { openFiles, outcome, residentMiB, restingFiles, startLimited, tally, untilFiles } from './support.ts';

const FILES = 256;

/** What became of a client: the code it was answered with, or that it was closed without a word, or is still open. */
async function fate(client: RawClient): Promise<string> {
  try {
    return await outcome(client, undefined, 1500);
  } catch (error) {
    return /closed/.test(String(error)) ? 'closed' : 'waiting';
  }
}

for (const [title, args] of [
  ['the default of http-max-connections', []],
  ['a large http-max-connections', ['--http-max-connections', '100000']],
] as const) {
  test(`F15: ${FILES} descriptors and 400 clients, none of whom is sent away without a word, with ${title}`, { timeout: 60_000 }, async () => {
    await using backend = await UwsgiBackend.listen(answer('ok'));
    // Both limits, because Bun and Node raise the soft one to the hard one.
    await using gate = await startLimited(`ulimit -n ${FILES}`, ['--http-to', backend.address, ...args]);
    // Deno 2.9 sets up a signal handler about 0.6 s after its start, and panics when there is no descriptor for it just then.
    if (underTest() === 'deno') await sleep(1200);
    await using early = await gate.connect();
    assert.equal(await outcome(early), 'ok');
    const files = await restingFiles(gate.pid);
    const before = residentMiB(gate.pid);
    const clients = await Promise.all(Array.from({ length: 400 }, () => gate.connect()));
    await sleep(300);
    assert.ok(openFiles(gate.pid) <= FILES);
    const fates = tally(await Promise.all(clients.map(fate)));
    const said = `${JSON.stringify(fates)}\n${gate.process.stderr.slice(-2000)}`;
    const known = ['ok', 'waiting', '503 too-many-connections', '503 local-resources'];
    assert.deepEqual(
      Object.keys(fates).filter((each) => !known.includes(each)),
      [],
      said,
    );
    assert.ok(gate.process.running, said);
    if ((fates['503 too-many-connections'] ?? 0) > 0) await gate.logged(/code=too-many-connections/);
    if ((fates['503 local-resources'] ?? 0) > 0) await gate.logged(/code=(connect-local|local-resources)/);
    for (const client of clients) client.destroy();
    await untilFiles(gate.pid, files);
    if ((fates.waiting ?? 0) > 0) {
      await gate.logged(/code=accept-failed error=EMFILE/);
      await gate.logged(/code=accepting-again/);
      assert.equal(gate.process.stderr.split('code=accept-failed').length, 2, said);
    }
    for (let i = 0; i < 20; i++) {
      await using late = await gate.connect();
      assert.equal(await outcome(late), 'ok');
    }
    const grown = residentMiB(gate.pid) - before;
    assert.ok(grown < 100, `${grown.toFixed(0)} MiB more`);
    assert.ok(!gate.process.stderr.includes('code=internal'), said);
  });
}

const CHUNK = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
const UPLOAD = request('POST', '/', 'Transfer-Encoding: chunked');

async function upload(port: number, chunks: number): Promise<string> {
  await using client = await RawClient.connect({ port });
  client.write(UPLOAD + CHUNK.repeat(chunks));
  client.write('0\r\n\r\n');
  const response = await client.readResponse();
  return response.status === 200 ? response.text() : response.text().trim();
}

test('F26: a temporary file that cannot grow: 503 body-buffer-failed, the log says why, nothing stays behind, and small bodies go through', {
  timeout: 40_000,
}, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using folder = temporaryFolder();
  // The kernel refuses to let a file grow beyond 512 KiB (EFBIG), as it refuses a write to a full disk; the signal that comes with it is ignored.
  const shell = "trap '' XFSZ; ulimit -f 1024";
  await using gate = await startLimited(shell, ['--http-to', backend.address, '--http-body-buffer', '64k'], { TMPDIR: folder.path });
  assert.equal(await upload(gate.port, 4), 'ok');
  const files = await restingFiles(gate.pid);
  const before = residentMiB(gate.pid);
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => upload(gate.port, 24)));
  assert.deepEqual(tally(outcomes), { '503 Service Unavailable: body-buffer-failed': 20 });
  await gate.logged(/code=body-buffer-failed status=503 .*error="(?:EFBIG|File too large)/);
  await untilFiles(gate.pid, files);
  assert.ok(residentMiB(gate.pid) - before < 100);
  assert.equal(await upload(gate.port, 4), 'ok');
  assert.deepEqual(
    backend.requests.map(({ received }) => received),
    [4 * 65_536, 4 * 65_536],
  );
});

test('a place for temporary files that is not there: 503 body-buffer-failed, and it serves as soon as it is', { timeout: 40_000 }, async () => {
  await using backend = await UwsgiBackend.listen(answer('ok'));
  await using folder = temporaryFolder();
  const place = folder.file('missing');
  await using gate = await startLimited(':', ['--http-to', backend.address, '--http-body-buffer', '64k'], { TMPDIR: place });
  assert.match(await upload(gate.port, 4), /body-buffer-failed/);
  mkdirSync(place);
  assert.equal(await upload(gate.port, 4), 'ok');
  await waitFor('the backend', () => backend.requests.length === 1);
});
