/** `http-auto-gzip` before a real uWSGI app that asks for it, as curl and a reader of event streams meet it. */

import assert from 'node:assert/strict';
import { constants, createGunzip } from 'node:zlib';
import { curl } from '../support/curl.ts';
import { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { blackbox, type Front, frontOf } from './front.ts';

const PAGE = Array.from({ length: 1000 }, (_, i) => `line ${i} of a page\n`).join('');
const REFERENCE = { needs: ['uwsgi', 'flask', 'curl'], differs: 'it keeps uWSGI-Encoding, adds no Vary and knows no weights' } as const;

const fronts: Record<'native' | 'fflate', Front> = {
  native: frontOf('flask', ['--http-auto-gzip', '--http-gzip-engine=native']),
  fflate: frontOf('flask', ['--http-auto-gzip', '--http-gzip-engine=fflate']),
};

for (const engine of ['native', 'fflate'] as const) {
  blackbox(`${engine}: curl --compressed gets the page whole, in fewer bytes`, REFERENCE, async () => {
    const { url, stderr } = await fronts[engine].gate();
    for (const version of ['--http1.1', '--http1.0']) {
      const { status, body, headers } = await curl(['--compressed', version, `${url}/zipped`]);
      assert.equal(status, 200);
      assert.equal(body, PAGE);
      assert.deepEqual(headers.get('content-encoding'), ['gzip']);
      assert.deepEqual(headers.get('vary'), ['Accept-Encoding']);
      assert.deepEqual(headers.get('etag'), ['W/"v1"']);
      assert.equal(headers.get('uwsgi-encoding'), undefined);
    }
    const { stdout } = await curl([
      '--compressed',
      '-o',
      '/dev/null',
      '-w',
      '\n%{size_download} %{num_connects}\n',
      `${url}/zipped`,
      `${url}/zipped`,
    ]);
    const [size = 0, connects] = (stdout.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    // Each line is flushed by itself.
    assert.ok(size > 0 && size < PAGE.length, `${size} of ${PAGE.length} bytes`);
    assert.equal(connects, 0, 'the connection lives on behind a compressed answer');
    assert.doesNotMatch(stderr, /fflate is used/);
  });

  blackbox(`${engine}: events arrive within 100 ms of being written, compressed`, REFERENCE, async () => {
    const gate = await fronts[engine].gate();
    await using client = await RawClient.connect(gate.target);
    client.write('GET /events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
    assert.match((await client.readUntil('\r\n\r\n')).toString(), /Content-Encoding: gzip/);
    const delays: number[] = [];
    const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH });
    gunzip.on('data', (text: Buffer) => {
      for (const [, sent] of text.toString().matchAll(/^data: \d+ (.+)$/gm)) delays.push(Date.now() - Number(sent) * 1000);
    });
    for (;;) {
      const size = Number.parseInt((await client.readUntil('\r\n')).toString(), 16);
      if (size === 0) break;
      gunzip.write(await client.readBytes(size));
      await client.readUntil('\r\n');
    }
    await waitFor('all events', () => delays.length === 9);
    gunzip.destroy();
    // Most of them: a busy machine may hold one up, a router that waits for more would hold each until the next.
    delays.sort((a, b) => a - b);
    assert.ok(delays[Math.floor(delays.length / 2)]! < 100, delays.map(Math.round).join());
  });
}

blackbox('who does not accept it, and what is encoded already, is left alone', REFERENCE, async () => {
  const { url } = await fronts.native.gate();
  for (const args of [[], ['-H', 'Accept-Encoding: gzip;q=0, br'], ['-I', '--compressed']]) {
    const { body, headers } = await curl([...args, `${url}/zipped`]);
    assert.equal(body, args[0] === '-I' ? '' : PAGE);
    assert.equal(headers.get('content-encoding'), undefined);
    assert.equal(headers.get('uwsgi-encoding'), undefined);
    assert.deepEqual(headers.get('etag'), ['"v1"']);
  }
  for (const order of ['before', 'behind']) {
    const { body, headers } = await curl(['-H', 'Accept-Encoding: gzip', `${url}/zipped?order=${order}`]);
    assert.equal(body, PAGE);
    assert.deepEqual(headers.get('content-encoding'), ['identity']);
    assert.equal(headers.get('uwsgi-encoding'), undefined);
  }
});
