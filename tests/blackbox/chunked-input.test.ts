/** Bodies towards a real uWSGI app: chunk by chunk with `http-chunked-input`, whole with `http-post-buffering`. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startUwsgi } from '../peers/uwsgi.ts';
import { curl } from '../support/curl.ts';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { sleep } from '../support/wait.ts';
import { blackbox, frontOf } from './front.ts';

interface Told {
  readonly sizes?: readonly number[];
  readonly size?: number;
  readonly sha256: string;
  readonly vars: Record<string, string>;
}

const streaming = frontOf('uwsgi', ['--http-chunked-input'], { args: ['--chunked-input-limit', '1048576'] });
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const told = (text: string): Told => JSON.parse(text) as Told;

blackbox('uwsgi.chunked_read gets the chunks as they were sent, and while they are', { needs: ['uwsgi'] }, async () => {
  await using client = await RawClient.connect((await streaming.gate()).target);
  const pieces = [1, 10, 1000, 65_536, 300_000].map((size) => randomBytes(size));
  client.write('POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const piece of pieces) {
    client.write(`${piece.length.toString(16)}\r\n`);
    client.write(piece);
    client.write('\r\n');
    await sleep(20);
  }
  client.write('0\r\n\r\n');
  const { sizes, sha256, vars } = told((await client.readResponse()).text());
  assert.deepEqual(sizes, [1, 10, 1000, 65_536, 300_000]);
  assert.equal(sha256, sha(Buffer.concat(pieces)));
  assert.deepEqual(vars, { HTTP_TRANSFER_ENCODING: 'chunked' });
});

blackbox('curl uploads in chunks, one connection for several', { needs: ['uwsgi', 'curl'] }, async () => {
  const { url } = await streaming.gate();
  const body = randomBytes(3_000_000);
  const { status, body: text } = await curl(['-X', 'POST', '-T', '-', '-H', 'Expect: 100-continue', `${url}/chunked`], { input: body });
  assert.equal(status, 200);
  assert.equal(told(text).sha256, sha(body));
});

blackbox(
  'bodies that are read whole leave no file behind',
  { needs: ['uwsgi', 'curl'], differs: 'it takes the option and does nothing' },
  async () => {
    await using folder = temporaryFolder();
    await using app = await startUwsgi({ app: 'uwsgi', processes: 1 });
    for (const directory of [folder.path, null]) {
      const options = directory === null ? [] : ['--http-post-buffering-dir', directory];
      await using gate = await startUgate(['--http-to', app.address, '--http-post-buffering', '10k', ...options]);
      for (const [size, fields] of [
        [5000, []],
        [3_000_000, []],
        [3_000_000, ['-H', 'Transfer-Encoding: chunked']],
      ] as const) {
        const body = randomBytes(size);
        const answer = await curl(['--data-binary', '@-', ...fields, `${gate.url}/body`], { input: body });
        assert.equal(answer.status, 200);
        const { vars, ...rest } = told(answer.body);
        assert.deepEqual(rest, { size, sha256: sha(body) });
        assert.deepEqual(vars, { CONTENT_LENGTH: String(size) });
      }
      assert.deepEqual(
        readdirSync(directory ?? tmpdir()).filter((name) => name.startsWith('ugate-body')),
        [],
      );
    }
  },
);

blackbox('a slow upload takes no worker: the only one serves others meanwhile', { needs: ['uwsgi'], differs: 'it streams' }, async () => {
  await using app = await startUwsgi({ app: 'uwsgi', processes: 1 });
  await using gate = await startUgate(['--http-to', app.address, '--http-post-buffering', '64k']);
  await using slow = await RawClient.connect(gate.target);
  slow.write('POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
  await sleep(100);
  await using other = await RawClient.connect(gate.target);
  assert.equal((await other.request('GET /none HTTP/1.1\r\nHost: a\r\n\r\n')).status, 404);
  slow.write('world');
  assert.equal(told((await slow.readResponse()).text()).sha256, sha(Buffer.from('helloworld')));
});

blackbox('a directory that bodies cannot be put into is told at the start', { differs: 'it takes the option and does nothing' }, async () => {
  await using folder = temporaryFolder();
  const missing = folder.file('missing');
  await assert.rejects(
    startUgate(['--http-to', '127.0.0.1:1', '--http-post-buffering', '1m', '--http-post-buffering-dir', missing]),
    new RegExp(`http-post-buffering-dir: .*${missing}.*ENOENT`),
  );
});
